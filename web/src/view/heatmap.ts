// When what took how long. A box drawn here is compared with the rest; a cell opens its slowest trace.

import { ask, ApiError } from "../api.js";
import type { Events, Heatmap } from "../contract.js";
import { element, fill, say } from "../element.js";
import { boxed, common, type Page, type View } from "../page.js";
import { blank, failing, READING, unreadable } from "../part/blank.js";
import { HeatCanvas } from "../part/heat_canvas.js";
import { Question } from "../part/question.js";
import { Receipt } from "../part/receipt.js";
import { otherSpelling } from "../part/spelling.js";
import { twinTable } from "../part/twin.js";
import type { Box, Place } from "../place.js";
import { Suggestions } from "../shell/suggestions.js";
import { count, plural } from "../say/number.js";
import { clock, stamp } from "../say/time.js";
import { Compare } from "./compare.js";
import { DURATION, HeatGrid } from "./heat_grid.js";

/** Fields of every event that hold no numbers. */
const WORDS = new Set([DURATION, "type", "host"]);

export class HeatmapView implements View {
  readonly root = element("div", { class: "view heatmap" });
  readonly refreshSeconds = 5;
  private readonly title = element("span", { class: "title" });
  /** Whose numbers are shown. */
  private readonly field = element("input", { id: "heat-field", "aria-label": "field", placeholder: DURATION, spellcheck: "false", autocomplete: "off" });
  private readonly facts = element("span", { class: "quiet" });
  /** Draws the box that the picture itself suggests. */
  private readonly outstanding = element("button", { class: "plain", hidden: true });
  private suggested: Box | null = null;
  private readonly figure: HTMLElement;
  private readonly heat: HeatCanvas;
  private readonly compare: Compare;
  private readonly hint = element("p", { class: "hint quiet" });
  private readonly stage = element("div", { class: "stage-blank", hidden: true });
  private readonly twin = element("div", { hidden: true });
  private readonly receipt: Receipt;
  private readonly question: Question<Heatmap>;
  private readonly following = new AbortController();
  private grid: HeatGrid | null = null;
  private asked = "";

  constructor(private readonly page: Page) {
    this.heat = new HeatCanvas({
      select: (box) => page.go({ box }),
      open: (cell) => this.grid !== null && void this.openSlowest(this.grid.cellBox(cell)),
      clear: () => page.go({ box: null }),
    });
    this.compare = new Compare(page, {
      clear: () => page.go({ box: null }),
      zoom: (box) => page.go({ since: stamp(box.from), until: stamp(box.to), box: null }),
      slowest: (box) => void this.openSlowest(box),
    });
    this.outstanding.addEventListener("click", () => this.suggested !== null && page.go({ box: this.suggested }));
    const legend = element(
      "span",
      { class: "legend" },
      element("span", { class: "ramp", "aria-hidden": "true" }),
      "few to many",
      element("span", { class: "error", "aria-hidden": "true" }, "▲"),
      "with errors",
    );
    const offers = new Suggestions(this.field, () => [DURATION, ...page.known.fields.filter((name) => !WORDS.has(name))], (text) => this.choose(text.trim()));
    const entry = element("div", { class: "entry" }, element("label", { for: this.field.id }, "field"), this.field, offers.list);
    const caption = element("figcaption", {}, this.title, entry, this.facts, legend, this.outstanding);
    this.figure = element("figure", { class: "chart heat-chart" }, caption, this.heat.root);
    say(this.hint, "Draw a box around what looks wrong: Compare says in which fields it differs from the rest. A click on a cell opens its slowest trace.");
    this.receipt = new Receipt({ copy: (text, what) => page.copy(text, what), twin: () => this.switchTwin() });
    this.question = new Question<Heatmap>({
      answered: (answer) => this.answered(answer),
      failed: (failure) => this.showBlank(page.refused(failure) ? unreadable() : failing(failure, () => this.ask())),
      waiting: (is) => {
        this.root.classList.toggle("waiting", is);
        if (is && this.grid === null) say(this.facts, READING);
      },
    });
    this.root.append(this.figure, this.hint, this.compare.root, this.twin, this.stage, this.receipt.root);
  }

  show(place: Place): void {
    const wanted = JSON.stringify([common(place), place.field]);
    if (document.activeElement !== this.field) this.field.value = place.field === "" ? DURATION : place.field;
    if (wanted !== this.asked) {
      this.asked = wanted;
      this.ask();
    }
    this.hint.hidden = place.box !== null;
    this.heat.showBox(place.box);
    this.compare.show(place);
  }

  refresh(): void {
    // what one has drawn a box on stays where it is
    if (!this.question.busy && this.page.place.box === null) this.ask();
  }

  key(event: KeyboardEvent): boolean {
    return this.heat.key(event);
  }

  close(): void {
    this.following.abort();
    this.question.stop();
    this.heat.close();
    this.compare.close();
  }

  private ask(): void {
    this.figure.hidden = false;
    const { place } = this.page;
    void this.question.ask("heatmap", { ...common(place), field: place.field, ...this.heat.size() });
  }

  private choose(name: string): void {
    const field = name === DURATION ? "" : name;
    if (field !== this.page.place.field) this.page.go({ field, box: null });
  }

  private answered(answer: Heatmap): void {
    this.receipt.show(answer);
    this.grid = new HeatGrid(answer);
    const { place } = this.page;
    say(this.title, place.type === "" ? "all types" : place.type);
    say(this.facts, plural(answer.count, "event"));
    if (answer.rows.length === 0) {
      this.showBlank(this.nothing());
      return;
    }
    this.showBlank(null);
    this.suggest(this.grid);
    const label = `heatmap of ${answer.field}, ${count(answer.count)} events; the same numbers: Table below`;
    this.heat.show(this.grid, place.box, label);
    if (!this.twin.hidden) this.showTwin();
  }

  private suggest(grid: HeatGrid): void {
    const errors = grid.errorBox();
    this.suggested = errors ?? grid.slowBox();
    this.outstanding.hidden = this.suggested === null;
    const mark = element("span", { class: errors === null ? "warn" : "error", "aria-hidden": "true" }, errors === null ? "◆ " : "▲ ");
    fill(this.outstanding, mark, errors === null ? "Compare the slow band" : "Compare the errors");
  }

  private showBlank(node: HTMLElement | null): void {
    this.figure.hidden = node !== null;
    this.hint.hidden = node !== null || this.page.place.box !== null;
    this.stage.hidden = node === null;
    fill(this.stage, node);
  }

  private nothing(): HTMLElement {
    const { page } = this;
    const { field } = page.place;
    if (field !== "") {
      const text = `No event of this type and filter in this range has a number above 0 in ${field}.`;
      return blank("No numbers here", text, { text: "Show durations", go: () => page.go({ field: "", box: null }) });
    }
    return blank(
      "No durations here",
      "No event of this type and filter ended in this range.",
      ...otherSpelling(page),
      { text: "Clear type and filter", go: () => page.go({ type: "", filter: "", box: null }) },
      { text: "Last 24 hours", go: () => page.go({ since: "-24h", until: "", box: null }) },
    );
  }

  private async openSlowest(box: Box): Promise<void> {
    const parameters = { ...common(this.page.place), ...boxed(box, this.page.place.field), order: "slowest", limit: 20 };
    try {
      const { events } = await ask<Events>("events", parameters, this.following.signal);
      const found = events.find(({ id }) => id !== null);
      if (found?.id) this.page.openTrace(found.id);
      else this.page.notice(events.length === 0 ? "There is no event in it" : "Its events have no id");
    } catch (failure) {
      if (this.following.signal.aborted) return;
      if (!(failure instanceof ApiError)) throw failure;
      this.page.notice(failure.message);
    }
  }

  private switchTwin(): boolean {
    this.twin.hidden = !this.twin.hidden;
    if (!this.twin.hidden) this.showTwin();
    return !this.twin.hidden;
  }

  /** A row a column of the picture: how many, how many errors, where most are, and up to where they reach. */
  private showTwin(): void {
    const { grid } = this;
    if (grid === null) return;
    const rows: (string | number)[][] = [];
    for (let column = 0; column < grid.columns; column += 1) {
      let all = 0;
      let errors = 0;
      let [most, top] = [-1, -1];
      for (let row = 0; row < grid.rows; row += 1) {
        const here = grid.count({ column, row });
        all += here;
        errors += grid.errors({ column, row });
        if (here > 0) top = row;
        if (here > 0 && (most < 0 || here > grid.count({ column, row: most }))) most = row;
      }
      if (all === 0) continue;
      const usual = grid.cellBox({ column, row: most });
      const longest = grid.cellBox({ column, row: top });
      rows.push([clock(usual.from), count(all), count(errors), `${grid.say(usual.low)} – ${grid.say(usual.high)}`, grid.say(longest.high)]);
    }
    const columns = ["time", "events", "errors", "most are", "none above"];
    fill(this.twin, twinTable({ caption: `${grid.heat.field} by time (UTC)`, columns, rows }));
  }
}
