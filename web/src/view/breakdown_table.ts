// The breakdown's table: sorted by any column, a small picture of each row over time, the rest and the whole below.

import type { Breakdown, BreakdownRow } from "../contract.js";
import { element, fill, type Child } from "../element.js";
import { canvas, surface } from "../part/canvas.js";
import { count, percent, plural, rate } from "../say/number.js";
import { duration } from "../say/time.js";
import { valueName } from "../say/value.js";
import { colours } from "../theme.js";

const HEADS: Record<string, string> = { count: "events", rate: "events/s", err: "errors %" };
const MARKED_SHARE = 0.01;

export interface BreakdownActions {
  sort(sort: string): void;
  narrow(condition: string): void;
  /** A row was opened: the conditions that make it. */
  open(conditions: string[]): void;
}

export class BreakdownTable {
  readonly root = element("div", { class: "panel" });
  private rows: { root: HTMLElement; row: BreakdownRow }[] = [];
  private at = -1;

  constructor(private readonly actions: BreakdownActions) {}

  show(answer: Breakdown, sort: string): void {
    const focus = this.root.contains(document.activeElement) ? document.activeElement?.getAttribute("aria-label") : null;
    const sorted = sort === "" ? `-${answer.sort}` : sort;
    this.rows = inOrder(answer, sorted).map((row) => ({ root: this.row(answer, row), row }));
    const last = [
      answer.other !== null && answer.other_groups > 0 && sumRow(answer, plural(answer.other_groups, "other group"), answer.other),
      sumRow(answer, "all", answer.total),
    ];
    const table = element(
      "table",
      { class: "list breakdown-table" },
      element("thead", {}, element("tr", {}, ...this.head(answer, sorted))),
      element("tbody", {}, ...this.rows.map(({ root }) => root)),
      element("tfoot", {}, ...last),
    );
    fill(this.root, table);
    for (const [at, { row }] of this.rows.entries()) drawSpark(this.root, at, row.spark);
    this.mark();
    if (focus) for (const one of this.root.querySelectorAll<HTMLElement>("button")) if (one.getAttribute("aria-label") === focus) one.focus();
  }

  key(event: KeyboardEvent): boolean {
    const step = event.key === "j" || event.key === "ArrowDown" ? 1 : event.key === "k" || event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && this.rows.length > 0) {
      this.at = Math.min(this.rows.length - 1, Math.max(0, this.at + step));
      this.mark();
      this.rows[this.at]?.root.scrollIntoView({ block: "nearest" });
      return true;
    }
    const chosen = this.rows[this.at];
    if (event.key !== "Enter" || chosen === undefined) return false;
    this.actions.open(chosen.row.key.map(({ filter }) => filter));
    return true;
  }

  private mark(): void {
    this.rows.forEach(({ root }, at) => root.classList.toggle("selected", at === this.at));
  }

  private head(answer: Breakdown, sorted: string): Child[] {
    const column = (id: string, name: string, number: boolean): HTMLElement => {
      const down = sorted === `-${id}`;
      const up = sorted === id;
      const press = (): void => this.actions.sort(down ? id : `-${id}`);
      const arrow = element("span", { class: "arrow", "aria-hidden": "true" }, down ? "↓" : up ? "↑" : "");
      const button = element("button", { class: "link head", "aria-label": `sort by ${name}`, onclick: press }, number && arrow, name, !number && arrow);
      const order = down ? "descending" : up ? "ascending" : "none";
      return element("th", { scope: "col", class: number ? "number" : "", "aria-sort": order }, button);
    };
    return [
      ...answer.by.map((name, at) => column(`key${at}`, name, false)),
      element("th", { scope: "col", class: "trend" }, "over time"),
      ...answer.stats.map((name) => column(name, HEADS[name] ?? name, true)),
    ];
  }

  private row(answer: Breakdown, row: BreakdownRow): HTMLElement {
    const keys = row.key.map((value, at) => {
      const name = valueName(answer.by[at] ?? "", value);
      const sign = (text: string, label: string, condition: string): HTMLElement =>
        element("button", { class: "square sign", "aria-label": `${label} ${answer.by[at] ?? ""} ${name}`, title: condition, onclick: () => this.actions.narrow(condition) }, text);
      return element(
        at === 0 ? "th" : "td",
        at === 0 ? { scope: "row" } : {},
        element("span", { class: "key-cell" }, element("span", { class: "mono cut", title: name }, name), sign("+", "only", value.filter), sign("−", "without", value.not)),
      );
    });
    const spark = canvas("row-spark", "");
    spark.setAttribute("aria-hidden", "true");
    return element("tr", {}, ...keys, element("td", { class: "trend" }, spark), ...numbers(answer, row.values));
  }
}

function inOrder({ rows, stats }: Breakdown, sorted: string): BreakdownRow[] {
  const down = sorted.startsWith("-");
  const column = sorted.replace(/^-/, "");
  const key = /^key(\d)$/.exec(column);
  const stat = stats.indexOf(column);
  const by = (row: BreakdownRow): string | number => (key === null ? (row.values[stat] ?? -1) : String(row.key[Number(key[1])]?.value ?? ""));
  const order = [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    return typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
  });
  return down ? order.reverse() : order;
}

function sumRow(answer: Breakdown, name: string, row: Omit<BreakdownRow, "key">): HTMLElement {
  const label = element("th", { scope: "row", colspan: answer.by.length, class: "quiet" }, name);
  return element("tr", {}, label, element("td", { class: "trend" }), ...numbers(answer, row.values));
}

function numbers(answer: Breakdown, values: (number | null)[]): HTMLElement[] {
  return values.map((value, at) => {
    const unit = answer.units[at] ?? "";
    const bad = unit === "share" && value !== null && value >= MARKED_SHARE;
    return element("td", { class: bad ? "number error" : "number" }, bad && element("span", { class: "small", "aria-hidden": "true" }, "▲ "), said(value, unit));
  });
}

function said(value: number | null, unit: string): string {
  if (value === null) return "–";
  if (unit === "share") return percent(value);
  if (unit === "1/s") return rate(value);
  return unit === "s" ? duration(value) : count(value);
}

function drawSpark(root: HTMLElement, at: number, numbersOver: number[]): void {
  const on = root.querySelectorAll("canvas")[at];
  const drawn = on === undefined ? null : surface(on);
  if (drawn === null) return;
  const { pen, width, height } = drawn;
  const most = Math.max(1e-9, ...numbersOver);
  const column = width / Math.max(1, numbersOver.length);
  pen.fillStyle = colours()["data-2"];
  numbersOver.forEach((value, index) => {
    const high = (value / most) * (height - 2);
    pen.fillRect(index * column, height - high, Math.max(1, column - 1), high);
  });
}
