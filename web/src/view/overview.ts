// A row a type on one axis of time, and the selected type above in full.

import { element, fill, say } from "../element.js";
import type { Overview, OverviewRow } from "../contract.js";
import { common, type Page, type View } from "../page.js";
import { blank, failing, READING, unreadable } from "../part/blank.js";
import { LineChart } from "../part/line_chart.js";
import { Question } from "../part/question.js";
import { Receipt } from "../part/receipt.js";
import { otherSpelling } from "../part/spelling.js";
import { TimeBand } from "../part/time_band.js";
import { twinTable } from "../part/twin.js";
import { moves, type Place } from "../place.js";
import { count, percent, rate, three } from "../say/number.js";
import { briefly, clock, duration, span, stamp } from "../say/time.js";
import { onTheme } from "../theme.js";
import { worstIncident, type Incident } from "./incident.js";
import { OverviewTable, shownOf, TYPE_COLUMNS } from "./overview_table.js";

const COLUMNS = 90;

export class OverviewView implements View {
  readonly root = element("div", { class: "view overview" });
  readonly refreshSeconds = 2;
  private readonly rates: LineChart;
  private readonly durations: LineChart;
  private readonly charts: HTMLElement;
  private readonly table: OverviewTable;
  private readonly alarm = element("div", { class: "alarm quiet", role: "status" });
  private readonly stage = element("div", { class: "stage-blank" });
  private readonly twin = element("div", { hidden: true });
  private readonly question: Question<Overview>;
  private readonly receipt: Receipt;
  private readonly stopTheme: () => void;
  private answer: Overview | null = null;
  /** Null until someone chooses: then the row that errors point at is shown. */
  private chosen: string | null = null;

  constructor(private readonly page: Page) {
    const zoom = (from: number, to: number): void => page.go({ since: stamp(from), until: stamp(to) });
    this.rates = new LineChart({
      lines: [
        { name: "all", colour: "data", filled: true },
        { name: "errors", colour: "error", marks: true },
      ],
      say: rate,
      label: three,
      zoom,
    });
    this.durations = new LineChart({
      lines: [
        { name: "p50", colour: "data-2", dash: [2, 3] },
        { name: "p95", colour: "data", dash: [6, 3] },
        { name: "p99", colour: "data-3" },
      ],
      say: duration,
      label: briefly,
      log: true,
      zoom,
    });
    this.charts = element("div", { class: "charts" }, this.rates.root, this.durations.root);
    this.table = new OverviewTable({
      open: (row) => this.open(row),
      select: (row) => this.choose(row),
      band: new TimeBand(zoom),
    });
    this.receipt = new Receipt({ copy: (text, what) => page.copy(text, what), twin: () => this.switchTwin() });
    this.question = new Question<Overview>({
      answered: (answer) => this.answered(answer),
      failed: (failure) => this.showBlank(page.refused(failure) ? unreadable() : failing(failure, () => this.ask())),
      waiting: (is) => {
        this.root.classList.toggle("waiting", is);
        if (is && this.answer === null) fill(this.alarm, element("span", {}, READING));
      },
    });
    this.stopTheme = onTheme(() => this.table.draw());
    this.root.append(this.alarm, this.charts, this.table.root, this.twin, this.stage, this.receipt.root);
    this.showBlank(null);
  }

  show(_place: Place): void {
    this.ask();
  }

  refresh(): void {
    if (!this.question.busy) this.ask();
  }

  key(event: KeyboardEvent): boolean {
    return this.table.key(event);
  }

  close(): void {
    this.question.stop();
    this.rates.close();
    this.durations.close();
    this.table.close();
    this.stopTheme();
  }

  private ask(): void {
    void this.question.ask("overview", { ...common(this.page.place), columns: COLUMNS, top: 50 });
  }

  private answered(answer: Overview): void {
    this.answer = answer;
    const { known } = this.page;
    if (this.page.place.type === "" && this.page.place.filter === "") {
      known.types = answer.rows.flatMap(({ type }) => (type === null ? [] : [type]));
    }
    this.receipt.show(answer);
    if (answer.rows.length === 0) {
      this.showBlank(this.nothing());
      return;
    }
    this.showBlank(null);
    const incident = worstIncident(answer.rows, answer.times, answer.step);
    this.showAlarm(incident);
    const selected =
      answer.rows.find(({ type }) => type === this.chosen) ??
      answer.rows.find(({ type }) => type === incident?.type) ??
      answer.rows[0];
    this.table.show(answer, selected?.type ?? null, incident);
    if (selected !== undefined) this.showCharts(selected);
  }

  private choose(row: OverviewRow): void {
    this.chosen = row.type;
    this.showCharts(row);
  }

  private showCharts(row: OverviewRow): void {
    const { answer } = this;
    if (answer === null) return;
    const { times, step } = answer;
    const { series } = row;
    const name = row.type ?? "other types";
    // the last step is still filling, and of the first one sees a part: a rate is what came in that, when it tells anything
    const filling = moves(this.page.place) ? times.length - 1 : times.length;
    const perSecond = (numbers: number[]): (number | null)[] =>
      numbers.map((one, at) => {
        const seconds = shownOf(answer, at);
        return at < filling && seconds >= step / 2 ? one / seconds : null;
      });
    const errors = perSecond(series.errors).map((one) => (one === 0 ? null : one));
    this.rates.show(`${name} · events per second`, times, step, perSecond(series.count), errors);
    this.durations.show(`${name} · duration`, times, step, series.p50, series.p95, series.p99);
    if (!this.twin.hidden) this.showTwin(row);
  }

  private showAlarm(incident: Incident | null): void {
    this.alarm.classList.toggle("quiet", incident === null);
    if (incident === null) {
      delete this.alarm.dataset["shown"];
      fill(this.alarm, element("span", {}, "Nothing stands out in this range: neither errors nor durations rose."));
      return;
    }
    const key = `${incident.kind}/${incident.type}/${this.page.place.since}`;
    this.alarm.classList.toggle("slow", incident.kind === "slow");
    const text = saidOf(incident);
    const words = this.alarm.querySelector(".what");
    if (this.alarm.dataset["shown"] === key && words !== null) {
      say(words, text);
      return;
    }
    this.alarm.dataset["shown"] = key;
    const steady = incident.kind === "steady";
    const earlier = steady ? earlierThan(this.page.place) : null;
    const look = (): void => this.page.go({ view: "heatmap", type: incident.type, box: null });
    fill(
      this.alarm,
      element("span", { class: incident.kind === "slow" ? "warn" : "error", "aria-hidden": "true" }, incident.kind === "slow" ? "◆" : "▲"),
      element("b", {}, incident.type),
      element("span", { class: "what" }, text),
      earlier !== null && element("button", { class: "plain", onclick: () => this.page.go({ since: earlier }) }, "Look further back"),
      element("button", { class: "plain", onclick: look }, "Show on the heatmap"),
    );
  }

  private open(row: OverviewRow): void {
    if (row.type !== null) this.page.go({ view: "heatmap", type: row.type, box: null });
  }

  private showBlank(node: HTMLElement | null): void {
    const some = node === null;
    for (const part of [this.alarm, this.charts, this.table.root]) part.hidden = !some;
    this.stage.hidden = some;
    fill(this.stage, node);
  }

  private nothing(): HTMLElement {
    const { page } = this;
    const { place } = page;
    if (place.type !== "" || place.filter !== "") {
      const clear = { text: "Clear type and filter", go: () => page.go({ type: "", filter: "" }) };
      return blank("No event matches", "Nothing of this type and filter ended in this range.", ...otherSpelling(page), clear);
    }
    const wider = { text: "Look at the last 24 hours", go: () => page.go({ since: "-24h", until: "" }) };
    return blank("No events in this range", "Send some, for example: curl -d '{\"type\":\"hello\"}' http://127.0.0.1:3514/v1/events", wider);
  }

  private switchTwin(): boolean {
    this.twin.hidden = !this.twin.hidden;
    const selected = this.table.selected;
    if (!this.twin.hidden && selected !== null) this.showTwin(selected);
    return !this.twin.hidden;
  }

  private showTwin(row: OverviewRow): void {
    const { answer } = this;
    if (answer === null) return;
    const { series } = row;
    const say = (value: number | null | undefined): string => (value === null || value === undefined ? "–" : duration(value));
    const rows = answer.times.map((time, at) => [
      clock(time),
      count(series.count[at] ?? 0),
      count(series.errors[at] ?? 0),
      say(series.p50[at]),
      say(series.p95[at]),
      say(series.p99[at]),
    ]);
    const caption = `${row.type ?? "other types"} by time (UTC), steps of ${briefly(answer.step)}`;
    fill(this.twin, twinTable({ caption, columns: TYPE_COLUMNS, rows }));
  }
}

function saidOf({ kind, inside, outside, from, to }: Incident): string {
  if (kind === "steady") return ` errors all the time: ${percent(inside)} %, and no rise in this range`;
  const rise =
    kind === "errors"
      ? `errors rose from ${percent(outside)} % to ${percent(inside)} %`
      : `became slow: p99 rose from ${briefly(outside)} to ${briefly(inside)}`;
  return ` ${rise} · ${span(from, to)}`;
}

const RANGES: readonly string[] = ["-5m", "-15m", "-1h", "-6h", "-24h", "-7d"];

/** The next longer range of those that are offered. */
function earlierThan({ since, until }: Place): string | null {
  const at = RANGES.indexOf(since);
  return at < 0 || until !== "" ? null : (RANGES[at + 1] ?? null);
}
