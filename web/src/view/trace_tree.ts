// A trace's rows as a tree of which parts are folded. Rows are in tree order, so a folded subtree is skipped in one step.

import type { Trace } from "../contract.js";

export class TraceTree {
  /** The rows that are not inside a folded one, in order. */
  visible: Int32Array;
  shown = 0;
  private readonly folded: Uint8Array;
  /** How many errors are in the rows before each. */
  private readonly errorsBefore: Int32Array;

  constructor(readonly trace: Trace) {
    const { count } = trace;
    this.visible = new Int32Array(count);
    this.folded = new Uint8Array(count);
    this.errorsBefore = new Int32Array(count + 1);
    for (let row = 0; row < count; row += 1) {
      this.errorsBefore[row + 1] = (this.errorsBefore[row] ?? 0) + (trace.columns.error[row] ?? 0);
    }
    this.walk();
  }

  get count(): number {
    return this.trace.count;
  }

  text(column: "type" | "host" | "summary", row: number): string {
    return this.trace.strings[this.trace.columns[column][row] ?? -1] ?? "";
  }

  start(row: number): number {
    return this.trace.columns.start[row] ?? 0;
  }

  duration(row: number): number {
    return this.trace.columns.duration[row] ?? 0;
  }

  depth(row: number): number {
    return this.trace.columns.depth[row] ?? 0;
  }

  size(row: number): number {
    return this.trace.columns.size[row] ?? 0;
  }

  parent(row: number): number {
    return this.trace.columns.parent[row] ?? -1;
  }

  failed(row: number): boolean {
    return this.trace.columns.error[row] === 1;
  }

  errorsInside(row: number): number {
    return (this.errorsBefore[row + this.size(row) + 1] ?? 0) - (this.errorsBefore[row + 1] ?? 0);
  }

  isFolded(row: number): boolean {
    return this.folded[row] === 1;
  }

  fold(row: number, folded: boolean): void {
    this.folded[row] = folded ? 1 : 0;
    this.walk();
  }

  /** Folds everything below a depth; with 0 all roots, with Infinity nothing. */
  foldBelow(depth: number): void {
    for (let row = 0; row < this.count; row += 1) this.folded[row] = this.size(row) > 0 && this.depth(row) >= depth ? 1 : 0;
    this.walk();
  }

  /** Opens whatever hides a row, and gives its place among those that are shown. */
  reveal(row: number): number {
    let opened = false;
    for (let above = this.parent(row); above >= 0; above = this.parent(above)) {
      if (this.folded[above] === 1) {
        this.folded[above] = 0;
        opened = true;
      }
    }
    if (opened) this.walk();
    return this.placeOf(row);
  }

  placeOf(row: number): number {
    let [low, high] = [0, this.shown - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const here = this.visible[middle] ?? 0;
      if (here === row) return middle;
      if (here < row) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** The next row with an error behind this one, from the start again at the end; -1: there is none. */
  nextError(after: number): number {
    const { error } = this.trace.columns;
    const next = error.indexOf(1, after + 1);
    return next >= 0 ? next : error.indexOf(1);
  }

  private walk(): void {
    let shown = 0;
    for (let row = 0; row < this.count; ) {
      this.visible[shown] = row;
      shown += 1;
      row += this.folded[row] === 1 ? this.size(row) + 1 : 1;
    }
    this.shown = shown;
  }
}
