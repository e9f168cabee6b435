// The overview's rows. A row keeps its elements while its numbers change: nothing jumps, and no focus is lost.

import type { Overview, OverviewRow } from "../contract.js";
import { element, fill, say } from "../element.js";
import { canvas, errorMark, slowMark, surface } from "../part/canvas.js";
import { timeTicks } from "../part/ticks.js";
import type { TimeBand } from "../part/time_band.js";
import { hideTooltip, showTooltip } from "../part/tooltip.js";
import { count, percent, rate } from "../say/number.js";
import { clock, duration, tick } from "../say/time.js";
import { colours } from "../theme.js";
import type { Incident } from "./incident.js";

export const TYPE_COLUMNS = ["time", "events", "errors", "p50", "p95", "p99"];
/** From which share of errors on a row is marked. */
const MARKED_SHARE = 0.01;

interface Row {
  root: HTMLTableRowElement;
  name: HTMLElement;
  mark: HTMLElement;
  chart: HTMLCanvasElement;
  numbers: HTMLElement[];
  shown: OverviewRow;
}

export interface OverviewTableActions {
  open(row: OverviewRow): void;
  select(row: OverviewRow): void;
  band: TimeBand;
}

export class OverviewTable {
  readonly root: HTMLElement;
  private readonly body = element("tbody");
  private readonly axis = element("div", { class: "axis", "aria-hidden": "true" });
  private readonly rows = new Map<string | null, Row>();
  private answer: Overview | null = null;
  private incident: Incident | null = null;
  private order: Row[] = [];
  private at: string | null = null;
  private readonly watcher: ResizeObserver;

  constructor(private readonly actions: OverviewTableActions) {
    const { band } = actions;
    const head = ["events/s", "errors %", "p50", "p95", "p99"].map((name) => element("th", { scope: "col", class: "number" }, name));
    const chart = element("th", { scope: "col", class: "trend" }, this.axis, element("span", { class: "heard" }, "events and errors over time"));
    const table = element(
      "table",
      { class: "overview-table" },
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "type"), chart, ...head)),
      this.body,
    );
    this.root = element("div", { class: "overview-rows" }, table, band.root);
    band.listen(this.root, (share, event) => this.point(share, event));
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.root);
  }

  show(answer: Overview, selected: string | null, incident: Incident | null): void {
    this.answer = answer;
    this.incident = incident;
    this.at = selected;
    const wanted = answer.other === null ? answer.rows : [...answer.rows, answer.other];
    this.order = wanted.map((shown) => this.row(shown, answer.other_types));
    const there = [...this.body.children];
    if (there.length !== this.order.length || this.order.some(({ root }, at) => there[at] !== root)) {
      const focus = document.activeElement;
      fill(this.body, ...this.order.map(({ root }) => root));
      if (focus instanceof HTMLElement && this.body.contains(focus)) focus.focus();
    }
    const kept = new Set(wanted.map(({ type }) => type));
    for (const type of this.rows.keys()) if (!kept.has(type)) this.rows.delete(type);
    this.actions.band.show({ from: answer.times[0] ?? 0, to: (answer.times.at(-1) ?? 0) + answer.step });
    this.mark();
    this.draw();
  }

  get selected(): OverviewRow | null {
    return this.order.find(({ shown }) => shown.type === this.at)?.shown ?? this.order[0]?.shown ?? null;
  }

  /** Draws all charts; needed when sizes or colours have changed. */
  draw(): void {
    this.place();
    for (const row of this.order) this.drawChart(row);
  }

  key(event: KeyboardEvent): boolean {
    const at = this.order.findIndex(({ shown }) => shown.type === this.at);
    if (event.key === "j" || event.key === "ArrowDown") return this.select(at + 1);
    if (event.key === "k" || event.key === "ArrowUp") return this.select(at - 1);
    const row = this.order[at];
    if (event.key !== "Enter" || row === undefined) return false;
    this.actions.open(row.shown);
    return true;
  }

  close(): void {
    this.watcher.disconnect();
    hideTooltip();
  }

  private select(index: number): boolean {
    const row = this.order[Math.min(this.order.length - 1, Math.max(0, index))];
    if (row === undefined) return false;
    this.at = row.shown.type;
    this.mark();
    row.root.scrollIntoView({ block: "nearest" });
    if (this.body.contains(document.activeElement)) row.name.focus({ preventScroll: true });
    this.actions.select(row.shown);
    return true;
  }

  private mark(): void {
    for (const { root, shown } of this.order) root.classList.toggle("selected", shown.type === this.at);
  }

  private row(shown: OverviewRow, others: number): Row {
    let row = this.rows.get(shown.type);
    if (row === undefined) {
      row = this.make(shown);
      this.rows.set(shown.type, row);
    }
    row.shown = shown;
    say(row.name, shown.type ?? `${count(others)} other types`);
    const mine = shown.type !== null && shown.type === this.incident?.type ? this.incident.kind : null;
    const bad = shown.err >= MARKED_SHARE || mine === "errors" || mine === "steady";
    say(row.mark, bad ? "▲" : "");
    row.numbers[4]?.classList.toggle("warn", mine === "slow");
    const texts = [rate(shown.rate), percent(shown.err), ...[shown.p50, shown.p95, shown.p99].map((one) => (one === null ? "–" : duration(one)))];
    row.numbers.forEach((cell, at) => say(cell, texts[at] ?? ""));
    row.numbers[1]?.classList.toggle("error", bad);
    return row;
  }

  private make(shown: OverviewRow): Row {
    const name = element(shown.type === null ? "span" : "button", { class: shown.type === null ? "quiet" : "link name" });
    const mark = element("span", { class: "mark error", "aria-hidden": "true" });
    const chart = canvas("spark", "");
    chart.setAttribute("aria-hidden", "true");
    const numbers = Array.from({ length: 5 }, () => element("span"));
    const cells = numbers.map((inner, at) => element("td", { class: "number" }, at === 1 && mark, inner));
    const root = element(
      "tr",
      { class: shown.type === null ? "rest" : "" },
      element("th", { scope: "row" }, name),
      element("td", { class: "trend" }, chart),
      ...cells,
    );
    const row: Row = { root, name, mark, chart, numbers, shown };
    root.addEventListener("click", () => {
      if (!this.actions.band.wasDrag) this.actions.open(row.shown);
    });
    name.addEventListener("focus", () => {
      if (this.at !== row.shown.type) this.select(this.order.indexOf(row));
    });
    return row;
  }

  /** Puts the band over the column of charts, and labels on the axis. */
  private place(): void {
    const first = this.order[0];
    if (first === undefined || this.answer === null) return;
    const box = first.chart.getBoundingClientRect();
    const host = this.root.getBoundingClientRect();
    const { style } = this.actions.band.root;
    style.left = `${box.left - host.left}px`;
    style.width = `${box.width}px`;
    const { times, step } = this.answer;
    const from = times[0] ?? 0;
    const to = (times.at(-1) ?? 0) + step;
    const ticks = timeTicks(from, to, box.width / 110);
    fill(
      this.axis,
      ...ticks.at.map((time) => {
        const label = element("span", {}, tick(time, ticks.step));
        label.style.left = `${((time - from) / (to - from)) * 100}%`;
        return label;
      }),
    );
  }

  private drawChart({ chart, shown }: Row): void {
    const on = surface(chart);
    if (on === null) return;
    const { pen, width, height } = on;
    const shade = colours();
    const { count: all, errors } = shown.series;
    const most = Math.max(1, ...all);
    const column = width / all.length;
    const bottom = height - 1;
    const room = height - 10;
    pen.fillStyle = shade.line;
    pen.fillRect(0, bottom, width, 1);
    const whole = wholeSteps(this.answer, all.length);
    all.forEach((value, at) => {
      const left = at * column;
      const wide = Math.max(1, column - 1);
      const high = (value / most) * room;
      const bad = ((errors[at] ?? 0) / most) * room;
      pen.fillStyle = shade["data-2"];
      // a step of which only a part is shown looks like a drop, and is none
      pen.globalAlpha = whole[at] === true ? 0.55 : 0.25;
      pen.fillRect(left, bottom - high, wide, high);
      pen.globalAlpha = 1;
      if (bad > 0) {
        pen.fillStyle = shade.error;
        pen.fillRect(left, bottom - Math.max(3, bad), wide, Math.max(3, bad));
      }
    });
    if (this.incident?.type === shown.type) this.drawIncident(pen, width, height);
  }

  private drawIncident(pen: CanvasRenderingContext2D, width: number, height: number): void {
    const { incident, answer } = this;
    // what is so all the time has no place of its own
    if (incident === null || answer === null || incident.kind === "steady") return;
    const start = answer.times[0] ?? 0;
    const whole = answer.times.length * answer.step;
    const from = ((incident.from - start) / whole) * width;
    const to = ((incident.to - start) / whole) * width;
    const slow = incident.kind === "slow";
    pen.fillStyle = slow ? colours().warn : colours().error;
    pen.fillRect(from, 7, Math.max(2, to - from), 1.5);
    if (slow) slowMark(pen, (from + to) / 2, 7, 8);
    else errorMark(pen, (from + to) / 2, 7, 9);
    pen.globalAlpha = 0.08;
    pen.fillRect(from, 8, Math.max(2, to - from), height - 9);
    pen.globalAlpha = 1;
  }

  private point(share: number | null, event: PointerEvent): void {
    const { answer } = this;
    const target = event.target instanceof Element ? event.target.closest("tr") : null;
    const row = this.order.find(({ root }) => root === target);
    if (share === null || answer === null || row === undefined) {
      hideTooltip();
      return;
    }
    const at = Math.min(answer.times.length - 1, Math.floor(share * answer.times.length));
    const { series } = row.shown;
    const [all, bad, p95] = [series.count[at] ?? 0, series.errors[at] ?? 0, series.p95[at] ?? null];
    showTooltip(event.clientX, event.clientY, [
      [clock(answer.times[at] ?? 0), "", "title"],
      ["events", count(all)],
      ["errors", all > 0 ? `${count(bad)} (${percent(bad / all)} %)` : "0", bad > 0 ? "error" : undefined],
      ["p95", p95 === null ? "–" : duration(p95)],
    ]);
  }
}

function wholeSteps(answer: Overview | null, steps: number): boolean[] {
  return Array.from({ length: steps }, (_, at) => answer !== null && shownOf(answer, at) > answer.step * 0.95);
}

/** How many seconds of a step lie in the range. */
export function shownOf({ times, step, range }: Overview, at: number): number {
  const start = times[at] ?? 0;
  return Math.min(start + step, range.until) - Math.max(start, range.since);
}
