// The heatmap's cells: what stands in which, and which box of time and value some of them make.

import type { Heatmap } from "../contract.js";
import type { Box } from "../place.js";
import { amount } from "../say/number.js";
import { briefly, duration } from "../say/time.js";

/** Cells from one corner to the other, both included; rows count from the lowest values. */
export interface CellBox {
  left: number;
  right: number;
  bottom: number;
  top: number;
}

export interface Cell {
  column: number;
  row: number;
}

export const DURATION = "duration";
/** How much of the errors in its columns the box of errors has to hold. */
const ERRORS_HELD = 0.9;
const LEAST_ERRORS = 4;
const LEAST_MORE_ERRORS = 0.25;
const LEAST_SHARE = 0.2;
/** Errors in more than this share of the columns do not stand together. */
const TOGETHER = 0.6;
/** How many events more than usual make a band, and a column of one. */
const LEAST_BAND = 8;
const LEAST_MORE = 1;
const MOST_OF_RANGE = 0.85;

export class HeatGrid {
  constructor(readonly heat: Heatmap) {}

  /** A value of the field: in units of time where it is one. */
  say(value: number): string {
    return this.heat.field === DURATION ? duration(value) : amount(value);
  }

  /** The same, as short as it can be said. */
  sayBriefly(value: number): string {
    return this.heat.field === DURATION ? briefly(value) : amount(value);
  }

  get columns(): number {
    return this.heat.columns;
  }

  get rows(): number {
    return this.heat.rows.length;
  }

  get from(): number {
    return this.heat.start;
  }

  get to(): number {
    return this.heat.start + this.heat.step * this.heat.columns;
  }

  get low(): number {
    return this.heat.bounds[0] ?? 1e-6;
  }

  get high(): number {
    return this.heat.bounds.at(-1) ?? 1;
  }

  count({ column, row }: Cell): number {
    return this.heat.rows[row]?.[column] ?? 0;
  }

  errors({ column, row }: Cell): number {
    return this.heat.errors[row]?.[column] ?? 0;
  }

  boxOf({ left, right, bottom, top }: CellBox): Box {
    const { start, step, bounds } = this.heat;
    return {
      from: start + Math.min(left, right) * step,
      to: start + (Math.max(left, right) + 1) * step,
      low: bounds[Math.min(bottom, top)] ?? this.low,
      high: bounds[Math.max(bottom, top) + 1] ?? this.high,
    };
  }

  cellBox(cell: Cell): Box {
    return this.boxOf({ left: cell.column, right: cell.column, bottom: cell.row, top: cell.row });
  }

  /** The box around errors that stand together: in time, or all the time where they took about as long. */
  errorBox(): Box | null {
    const byColumn = new Array<number>(this.columns).fill(0);
    for (const row of this.heat.errors) row.forEach((errors, column) => (byColumn[column] = (byColumn[column] ?? 0) + errors));
    const mean = byColumn.reduce((a, b) => a + b, 0) / Math.max(1, this.columns);
    const { sum, left, right } = densest(byColumn.map((errors) => errors - 1.5 * mean - LEAST_MORE_ERRORS));
    const together = sum >= LEAST_ERRORS && right - left + 1 <= this.columns * TOGETHER;
    return (together ? this.errorBand(left, right) : null) ?? this.errorBand(0, this.columns - 1);
  }

  private errorBand(left: number, right: number): Box | null {
    const byRow = this.heat.errors.map((row) => row.slice(left, right + 1).reduce((a, b) => a + b, 0));
    const errors = byRow.reduce((a, b) => a + b, 0);
    if (errors < LEAST_ERRORS) return null;
    const [bottom, top] = narrowest(byRow, errors * ERRORS_HELD);
    // where most events are well, errors are not what tells this box from the rest
    let all = 0;
    let bad = 0;
    for (let row = bottom; row <= top; row += 1) {
      for (let column = left; column <= right; column += 1) {
        all += this.count({ column, row });
        bad += this.errors({ column, row });
      }
    }
    return bad >= all * LEAST_SHARE ? this.boxOf({ left, right, bottom, top }) : null;
  }

  /**
   * The box around a band that should not be there: for each lower edge, columns are compared with what is usual above that
   * edge; the edge and the run of columns that have the most more than twice the usual make the box.
   */
  slowBox(): Box | null {
    const above = new Array<number>(this.columns).fill(0);
    let best = { more: LEAST_BAND, left: 0, right: -1, bottom: 0 };
    for (let row = this.rows - 1; row > 0; row -= 1) {
      for (let column = 0; column < this.columns; column += 1) above[column] = (above[column] ?? 0) + this.count({ column, row });
      const usual = [...above].sort((a, b) => a - b)[Math.floor(this.columns / 4)] ?? 0;
      const run = densest(above.map((one) => one - 2 * usual - LEAST_MORE));
      if (run.sum > best.more) best = { more: run.sum, left: run.left, right: run.right, bottom: row };
    }
    if (best.right < best.left || best.right - best.left + 1 > this.columns * MOST_OF_RANGE) return null;
    return this.boxOf({ left: best.left, right: best.right, bottom: best.bottom, top: this.rows - 1 });
  }
}

/** The shortest run of entries whose sum is at least `wanted`. */
function narrowest(entries: number[], wanted: number): [number, number] {
  let best: [number, number] = [0, entries.length - 1];
  let sum = 0;
  let first = 0;
  entries.forEach((entry, last) => {
    sum += entry;
    while (sum - (entries[first] ?? 0) >= wanted) {
      sum -= entries[first] ?? 0;
      first += 1;
    }
    if (sum >= wanted && last - first < best[1] - best[0]) best = [first, last];
  });
  return best;
}

/** The run of entries with the greatest sum. */
function densest(entries: number[]): { sum: number; left: number; right: number } {
  let best = { sum: 0, left: 0, right: -1 };
  let sum = 0;
  let left = 0;
  entries.forEach((entry, right) => {
    if (sum <= 0) {
      sum = 0;
      left = right;
    }
    sum += entry;
    if (sum > best.sum) best = { sum, left, right };
  });
  return best;
}
