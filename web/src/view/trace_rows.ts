// The rows of a trace: name, bar, duration; folded and opened by keys and clicks.

import { element, say } from "../element.js";
import { Rows } from "../part/rows.js";
import { plural } from "../say/number.js";
import { duration } from "../say/time.js";
import type { TraceWindow } from "./trace_map.js";
import type { TraceTree } from "./trace_tree.js";

const ROW_PIXELS = 26;
const INDENT_PIXELS = 14;
/** Deeper rows are not moved further to the right: their names would leave the column. */
const MOST_INDENTS = 14;
const LEAST_BAR_PERCENT = 0.15;

interface TraceRow extends HTMLDivElement {
  parts?: { name: HTMLElement; fold: HTMLElement; mark: HTMLElement; type: HTMLElement; text: HTMLElement; bar: HTMLElement; took: HTMLElement; host: HTMLElement };
}

export class TraceRows {
  readonly root: HTMLElement;
  private readonly rows: Rows<TraceRow>;
  private tree: TraceTree | null = null;
  private window: TraceWindow = { from: 0, to: 1 };
  /** The selected row of the trace, not its place in the list. */
  private at = 0;

  constructor(private readonly open: (row: number) => void) {
    this.rows = new Rows<TraceRow>({ make: () => this.make(), draw: (row, index) => this.draw(row, index) }, ROW_PIXELS, {
      role: "treegrid",
      "aria-label": "events of the trace: arrow keys move, open and close, Enter shows an event, e goes to the next error",
    });
    const names = ["event", "host", "time"].map((name) => element("span", { class: name }, name));
    this.root = element("div", { class: "trace-rows" }, element("div", { class: "trace-columns", "aria-hidden": "true" }, ...names), this.rows.root);
  }

  show(tree: TraceTree): void {
    this.tree = tree;
    this.at = 0;
    this.rows.root.scrollTop = 0;
    this.rows.show(tree.shown);
    this.refresh();
  }

  look(window: TraceWindow): void {
    this.window = window;
    this.rows.show(this.tree?.shown ?? 0);
  }

  foldBelow(depth: number): void {
    const { tree } = this;
    if (tree === null) return;
    tree.foldBelow(depth);
    while (tree.placeOf(this.at) < 0) this.at = Math.max(0, tree.parent(this.at));
    this.refresh();
  }

  /** Selects a row and shows its event. */
  choose(row: number): void {
    this.tree?.reveal(row);
    this.select(row, true);
  }

  nextError(): void {
    const next = this.tree?.nextError(this.at) ?? -1;
    if (next >= 0) this.choose(next);
  }

  key(event: KeyboardEvent): boolean {
    const { tree, at } = this;
    if (tree === null) return false;
    const place = tree.placeOf(at);
    const to = (wanted: number): true => {
      this.select(tree.visible[Math.min(tree.shown - 1, Math.max(0, wanted))] ?? 0, false);
      return true;
    };
    switch (event.key) {
      case "j":
      case "ArrowDown":
        return to(place + 1);
      case "k":
      case "ArrowUp":
        return to(place - 1);
      case "PageDown":
        return to(place + 20);
      case "PageUp":
        return to(place - 20);
      case "Home":
        return to(0);
      case "End":
        return to(tree.shown - 1);
      case "ArrowLeft":
        if (tree.size(at) > 0 && !tree.isFolded(at)) this.fold(at, true);
        else if (tree.parent(at) >= 0) this.select(tree.parent(at), false);
        return true;
      case "ArrowRight":
        if (tree.isFolded(at)) this.fold(at, false);
        else if (tree.size(at) > 0) to(place + 1);
        return true;
      case "e":
        this.nextError();
        return true;
      case "Enter":
        this.open(at);
        return true;
      default:
        return false;
    }
  }

  close(): void {
    this.rows.close();
  }

  private fold(row: number, folded: boolean): void {
    this.tree?.fold(row, folded);
    this.at = row;
    this.refresh();
  }

  private select(row: number, open: boolean): void {
    this.at = row;
    this.refresh();
    if (open) this.open(row);
  }

  private refresh(): void {
    const { tree } = this;
    if (tree === null) return;
    this.rows.show(tree.shown);
    this.rows.root.setAttribute("aria-rowcount", String(tree.shown));
    const place = tree.placeOf(this.at);
    if (place >= 0) this.rows.reveal(place);
    this.rows.draw();
    this.rows.root.setAttribute("aria-activedescendant", `span-${this.at}`);
  }

  private make(): TraceRow {
    const row: TraceRow = element("div", { class: "trace-row", role: "row" });
    const fold = element("span", { class: "fold", "aria-hidden": "true" });
    const mark = element("span", { class: "mark error" });
    const type = element("span", { class: "type" });
    const text = element("span", { class: "quiet cut" });
    const bar = element("i", { class: "bar" });
    const took = element("span", { class: "took" });
    const host = element("span", { class: "host quiet cut", role: "gridcell" });
    const name = element("span", { class: "name", role: "gridcell" }, fold, mark, type, text);
    const lane = element("span", { class: "lane", role: "gridcell" }, bar, took);
    row.append(name, host, lane);
    row.parts = { name, fold, mark, type, text, bar, took, host };
    const its = (): number => Number(row.dataset["row"]);
    fold.addEventListener("click", (event) => {
      event.stopPropagation();
      if (this.tree !== null && this.tree.size(its()) > 0) this.fold(its(), !this.tree.isFolded(its()));
    });
    row.addEventListener("click", () => this.select(its(), true));
    return row;
  }

  private draw(node: TraceRow, index: number): void {
    const { tree } = this;
    const parts = node.parts;
    const row = tree?.visible[index];
    if (tree === null || parts === undefined || row === undefined) return;
    node.dataset["row"] = String(row);
    node.id = `span-${row}`;
    const folded = tree.isFolded(row);
    const inside = tree.size(row);
    node.setAttribute("aria-level", String(tree.depth(row) + 1));
    node.setAttribute("aria-rowindex", String(index + 1));
    node.setAttribute("aria-selected", String(row === this.at));
    if (inside > 0) node.setAttribute("aria-expanded", String(!folded));
    else node.removeAttribute("aria-expanded");
    node.classList.toggle("failed", tree.failed(row));
    parts.name.style.paddingLeft = `${Math.min(MOST_INDENTS, tree.depth(row)) * INDENT_PIXELS}px`;
    say(parts.fold, inside === 0 ? "" : folded ? "▸" : "▾");
    const hidden = folded ? tree.errorsInside(row) : 0;
    say(parts.mark, tree.failed(row) ? "▲" : hidden > 0 ? `▲ ${hidden}` : "");
    say(parts.type, tree.text("type", row));
    say(parts.text, folded ? `${tree.text("summary", row)} · ${plural(inside, "event")} inside` : tree.text("summary", row));
    say(parts.host, tree.text("host", row));
    this.drawBar(parts.bar, parts.took, row, tree);
  }

  private drawBar(bar: HTMLElement, took: HTMLElement, row: number, tree: TraceTree): void {
    const { from, to } = this.window;
    const scale = 100 / Math.max(1, to - from);
    const start = (tree.start(row) - from) * scale;
    const end = (tree.start(row) + tree.duration(row) - from) * scale;
    const left = Math.min(100, Math.max(0, start));
    const right = Math.min(100, Math.max(0, end));
    bar.hidden = end < 0 || start > 100;
    bar.style.left = `${Math.min(left, 100 - LEAST_BAR_PERCENT)}%`;
    bar.style.width = `${Math.max(LEAST_BAR_PERCENT, right - left)}%`;
    say(took, duration(tree.duration(row) / 1e6));
    // the number stands behind its bar, or before it where there is no room
    const before = right > 82;
    took.classList.toggle("before", before && left > 18);
    took.classList.toggle("inside", before && left <= 18);
    took.style.left = before ? "" : `${right}%`;
    took.style.right = before ? `${left > 18 ? 100 - left : 0}%` : "";
  }
}
