// Numbers by the values of one or two fields.

import type { Breakdown } from "../contract.js";
import { element, fill } from "../element.js";
import { common, type Page, type View } from "../page.js";
import { blank, failing, unreadable } from "../part/blank.js";
import { save } from "../part/copy.js";
import { Question } from "../part/question.js";
import { Receipt } from "../part/receipt.js";
import { otherSpelling } from "../part/spelling.js";
import type { Place } from "../place.js";
import { Suggestions } from "../shell/suggestions.js";
import { onTheme } from "../theme.js";
import { BreakdownTable } from "./breakdown_table.js";

const STATS = ["count", "rate", "err", "p50", "p95", "p99"];
const TOPS = [10, 20, 50, 200];

export class BreakdownView implements View {
  readonly root = element("div", { class: "view breakdown" });
  readonly refreshSeconds = 5;
  private readonly fields = ["by", "then by"].map((name, at) => fieldInput(name, at));
  private readonly top = element("select", { id: "top", "aria-label": "how many rows" });
  private readonly table: BreakdownTable;
  private readonly stage = element("div", { class: "stage-blank", hidden: true });
  private readonly receipt: Receipt;
  private readonly question: Question<Breakdown>;
  private readonly stopTheme: () => void;
  private answer: Breakdown | null = null;

  constructor(private readonly page: Page) {
    const entries = this.fields.map((field, at) => {
      const offers = new Suggestions(field, () => page.known.fields, (text) => this.chooseBy(at, text.trim()));
      return element("div", { class: "entry" }, element("label", { for: field.id }, at === 0 ? "by" : "and"), field, offers.list);
    });
    this.top.append(...TOPS.map((top) => element("option", { value: top, selected: top === 20 }, `top ${top}`)));
    this.top.addEventListener("change", () => this.ask());
    const head = element("header", { class: "bar-head" }, element("h2", {}, "Breakdown"), ...entries, element("div", { class: "entry" }, this.top));
    this.table = new BreakdownTable({
      sort: (sort) => page.go({ sort }, "replace"),
      narrow: (condition) => page.narrow(condition),
      open: (conditions) => {
        for (const condition of conditions) page.narrow(condition);
        page.go({ view: "heatmap", box: null });
      },
    });
    const csv = { text: "CSV", go: () => this.saveCsv() };
    this.receipt = new Receipt({ copy: (text, what) => page.copy(text, what), more: [csv] });
    this.question = new Question<Breakdown>({
      answered: (answer) => this.answered(answer),
      failed: (failure) => this.showBlank(page.refused(failure) ? unreadable() : failing(failure, () => this.ask())),
      waiting: (is) => this.root.classList.toggle("waiting", is),
    });
    this.stopTheme = onTheme(() => this.answer !== null && this.answered(this.answer));
    this.root.append(head, this.table.root, this.stage, this.receipt.root);
  }

  show(place: Place): void {
    const by = byOf(place);
    this.fields.forEach((field, at) => {
      if (document.activeElement !== field) field.value = by[at] ?? "";
    });
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
    this.stopTheme();
  }

  private ask(): void {
    const { place } = this.page;
    const sort = place.sort.replace(/^-/, "");
    void this.question.ask("breakdown", {
      ...common(place),
      by: byOf(place),
      stats: STATS.join(","),
      sort: STATS.includes(sort) ? sort : "",
      top: Number(this.top.value),
    });
  }

  private chooseBy(at: number, field: string): void {
    const by = this.fields.map((one, index) => (index === at ? field : one.value.trim())).filter((one) => one !== "");
    if (by.join("\n") !== byOf(this.page.place).join("\n")) this.page.go({ by });
  }

  private answered(answer: Breakdown): void {
    this.answer = answer;
    this.receipt.show(answer);
    if (answer.rows.length === 0) {
      const clear = { text: "Clear type and filter", go: () => this.page.go({ type: "", filter: "" }) };
      this.showBlank(blank("Nothing to break down", "No event of this type and filter has this field in this range.", ...otherSpelling(this.page), clear));
      return;
    }
    this.showBlank(null);
    this.table.show(answer, this.page.place.sort);
  }

  private showBlank(node: HTMLElement | null): void {
    this.table.root.hidden = node !== null;
    this.stage.hidden = node === null;
    fill(this.stage, node);
  }

  private saveCsv(): void {
    const { answer } = this;
    if (answer === null) return;
    const rows = answer.rows.map((row) => [...row.key.map(({ value }) => (value === null ? "" : String(value))), ...row.values.map((one) => (one === null ? "" : String(one)))]);
    const lines = [[...answer.by, ...answer.stats], ...rows].map((cells) => cells.map(csvCell).join(","));
    save(`breakdown-${answer.by.join("-").replace(/[^\w.-]+/g, "_")}.csv`, "text/csv", `${lines.join("\r\n")}\r\n`);
  }
}

function byOf({ by, type }: Place): readonly string[] {
  if (by.length > 0) return by;
  return [type === "" || type.includes("*") ? "type" : "host"];
}

function fieldInput(name: string, at: number): HTMLInputElement {
  return element("input", { id: `by-${at}`, "aria-label": name, placeholder: at === 0 ? "field" : "a second field", spellcheck: "false", autocomplete: "off" });
}

/** Text that a spreadsheet would run as a formula stays text. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?[\d.e+-]+$/i.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
