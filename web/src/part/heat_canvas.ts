// The heatmap as a picture that one can point at, draw a box on, and walk over by keys.

import { element, say } from "../element.js";
import type { Box } from "../place.js";
import { count } from "../say/number.js";
import { clock, tick } from "../say/time.js";
import { colours, onTheme, ramp } from "../theme.js";
import type { Cell, CellBox, HeatGrid } from "../view/heat_grid.js";
import { canvas, errorMark, surface, type Surface } from "./canvas.js";
import { logTicks, timeTicks } from "./ticks.js";
import { hideTooltip, showTooltip } from "./tooltip.js";

export interface HeatActions {
  select(box: Box): void;
  open(cell: Cell): void;
  clear(): void;
}

const LEFT = 60;
const RIGHT = 12;
const TOP = 8;
const BOTTOM = 24;
const LEVELS = 32;
const CELL_WIDTH = 8;
const CELL_HEIGHT = 9;
const MOST_COLUMNS = 200;
const MOST_ROWS = 60;
const LEAST_DRAG_PIXELS = 4;

export class HeatCanvas {
  readonly root: HTMLElement;
  private readonly canvas = canvas("heat", "");
  private readonly told = element("p", { class: "heard", "aria-live": "polite" });
  private grid: HeatGrid | null = null;
  private box: Box | null = null;
  private cursor: Cell | null = null;
  /** Where a box that is being made began, by pointer or keys. */
  private anchor: Cell | null = null;
  private pressed: { x: number; y: number } | null = null;
  private dragging = false;
  private readonly watcher: ResizeObserver;
  private readonly stopTheme: () => void;

  constructor(private readonly actions: HeatActions) {
    const label = "heatmap: arrow keys move, Shift and arrow keys draw a box, Enter compares the box or opens the cell's slowest trace";
    this.root = element("div", { class: "heat-body", tabindex: 0, role: "group", "aria-label": label }, this.canvas, this.told);
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    this.canvas.addEventListener("pointerup", (event) => this.release(event));
    this.canvas.addEventListener("pointerleave", hideTooltip);
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.root);
    this.stopTheme = onTheme(() => this.draw());
  }

  /** How many cells to ask for, so that each is large enough to be seen and hit. */
  size(): { columns: number; rows: number } {
    const width = this.root.clientWidth - LEFT - RIGHT;
    const height = this.root.clientHeight - TOP - BOTTOM;
    const within = (value: number, most: number): number => Math.max(10, Math.min(most, Math.floor(value)));
    return { columns: within(width / CELL_WIDTH, MOST_COLUMNS), rows: within(height / CELL_HEIGHT, MOST_ROWS) };
  }

  show(grid: HeatGrid, box: Box | null, label: string): void {
    this.grid = grid;
    this.box = box;
    this.canvas.setAttribute("aria-label", label);
    this.draw();
  }

  showBox(box: Box | null): void {
    this.box = box;
    if (!this.dragging) this.anchor = null;
    this.draw();
  }

  key(event: KeyboardEvent): boolean {
    const step: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const move = step[event.key];
    const { grid, cursor } = this;
    if (grid === null || grid.rows === 0) return false;
    if (move !== undefined) {
      const at = cursor ?? { column: Math.floor(grid.columns / 2), row: Math.floor(grid.rows / 2) };
      if (event.shiftKey) this.anchor ??= at;
      else this.anchor = null;
      const column = Math.min(grid.columns - 1, Math.max(0, at.column + move[0]));
      const row = Math.min(grid.rows - 1, Math.max(0, at.row + move[1]));
      this.cursor = cursor === null && !event.shiftKey ? at : { column, row };
      this.tell();
      this.draw();
      return true;
    }
    if (event.key === "Escape") {
      this.cursor = this.anchor = null;
      this.draw();
      this.actions.clear();
      return true;
    }
    if (event.key !== "Enter" || cursor === null) return false;
    if (this.anchor !== null) this.actions.select(grid.boxOf(between(this.anchor, cursor)));
    else this.actions.open(cursor);
    return true;
  }

  close(): void {
    this.watcher.disconnect();
    this.stopTheme();
    hideTooltip();
  }

  private tell(): void {
    const { grid, cursor } = this;
    if (grid === null || cursor === null) return;
    const { from, low, high } = grid.cellBox(cursor);
    const errors = grid.errors(cursor);
    const text = `${clock(from)}, ${grid.say(low)} to ${grid.say(high)}: ${count(grid.count(cursor))} events${errors > 0 ? `, ${count(errors)} errors` : ""}`;
    say(this.told, this.anchor === null ? text : `box to ${text}`);
  }

  private press(event: PointerEvent): void {
    const cell = this.cellAt(event);
    if (event.button !== 0 || cell === null) return;
    this.pressed = { x: event.clientX, y: event.clientY };
    this.anchor = cell;
    this.cursor = cell;
    this.canvas.setPointerCapture(event.pointerId);
  }

  private move(event: PointerEvent): void {
    const { grid, pressed } = this;
    if (grid === null) return;
    const cell = this.cellAt(event, pressed !== null);
    if (pressed !== null && cell !== null) {
      const far = Math.max(Math.abs(event.clientX - pressed.x), Math.abs(event.clientY - pressed.y));
      if (far >= LEAST_DRAG_PIXELS) this.dragging = true;
      this.cursor = cell;
      if (this.dragging) hideTooltip();
      this.draw();
      if (this.dragging) return;
    }
    if (cell === null || grid.count(cell) === 0) {
      hideTooltip();
      return;
    }
    const { from, low, high } = grid.cellBox(cell);
    const errors = grid.errors(cell);
    showTooltip(event.clientX, event.clientY, [
      [clock(from), "", "title"],
      [grid.heat.field, `${grid.say(low)} – ${grid.say(high)}`],
      ["events", count(grid.count(cell))],
      ...(errors > 0 ? [["errors", count(errors), "error"] as ["errors", string, "error"]] : []),
      ["click", "slowest trace"],
    ]);
  }

  private release(event: PointerEvent): void {
    const { grid, anchor } = this;
    const drawn = this.dragging;
    this.pressed = null;
    this.dragging = false;
    if (grid === null || anchor === null) return;
    const cell = this.cellAt(event, true) ?? anchor;
    this.anchor = null;
    if (drawn) {
      this.cursor = null;
      this.actions.select(grid.boxOf(between(anchor, cell)));
    } else if (grid.count(cell) > 0) {
      this.actions.open(cell);
    } else {
      this.cursor = null;
      this.actions.clear();
    }
    this.draw();
  }

  /** The cell under the pointer; `clamped`: the nearest one when it is outside. */
  private cellAt(event: PointerEvent, clamped = false): Cell | null {
    const { grid } = this;
    if (grid === null || grid.rows === 0) return null;
    const bounds = this.canvas.getBoundingClientRect();
    const across = (event.clientX - bounds.left - LEFT) / (bounds.width - LEFT - RIGHT);
    const up = 1 - (event.clientY - bounds.top - TOP) / (bounds.height - TOP - BOTTOM);
    if (!clamped && (across < 0 || across >= 1 || up < 0 || up >= 1)) return null;
    const whole = (share: number, most: number): number => Math.min(most - 1, Math.max(0, Math.floor(share * most)));
    return { column: whole(across, grid.columns), row: whole(up, grid.rows) };
  }

  private draw(): void {
    const on = surface(this.canvas);
    const { grid } = this;
    if (on === null || grid === null || grid.rows === 0) return;
    const frame = new Frame(on, grid);
    frame.cells();
    frame.axes();
    const { cursor, anchor } = this;
    if (anchor !== null && cursor !== null) frame.box(grid.boxOf(between(anchor, cursor)));
    else if (this.box !== null) frame.box(this.box);
    if (cursor !== null && anchor === null) frame.cursor(cursor);
  }
}

function between(a: Cell, b: Cell): CellBox {
  return { left: a.column, right: b.column, bottom: a.row, top: b.row };
}

/** One drawing: cells, axes, what is chosen. */
class Frame {
  private readonly width: number;
  private readonly height: number;

  constructor(
    private readonly on: Surface,
    private readonly grid: HeatGrid,
  ) {
    this.width = on.width - LEFT - RIGHT;
    this.height = on.height - TOP - BOTTOM;
  }

  private x(column: number): number {
    return Math.round(LEFT + (column / this.grid.columns) * this.width);
  }

  private y(row: number): number {
    return Math.round(TOP + (1 - row / this.grid.rows) * this.height);
  }

  private xOf(time: number): number {
    const share = (time - this.grid.from) / (this.grid.to - this.grid.from);
    return LEFT + Math.min(1, Math.max(0, share)) * this.width;
  }

  private yOf(value: number): number {
    const { low, high } = this.grid;
    const share = Math.log(Math.max(value, 1e-12) / low) / Math.log(high / low);
    return TOP + (1 - Math.min(1, Math.max(0, share))) * this.height;
  }

  cells(): void {
    const { pen } = this.on;
    const { grid } = this;
    const shade = colours();
    const levels = ramp([shade["data-wash"], shade["data-2"], shade.data, shade["data-3"]], LEVELS);
    const top = Math.log1p(grid.heat.max);
    pen.fillStyle = shade.surface;
    pen.fillRect(LEFT, TOP, this.width, this.height);
    const gap = this.width / grid.columns >= 5 ? 1 : 0;
    for (let row = 0; row < grid.rows; row += 1) {
      const y = this.y(row + 1);
      const high = this.y(row) - y - gap;
      for (let column = 0; column < grid.columns; column += 1) {
        const value = grid.count({ column, row });
        if (value <= 0) continue;
        const x = this.x(column);
        const wide = this.x(column + 1) - x - gap;
        pen.fillStyle = levels[Math.round((Math.log1p(value) / top) * (LEVELS - 1))] ?? shade.data;
        pen.fillRect(x, y, wide, high);
        const errors = grid.errors({ column, row });
        if (errors <= 0) continue;
        pen.fillStyle = shade.error;
        errorMark(pen, x + wide / 2, y + high, Math.min(wide, high) * (errors / value > 0.3 ? 1.1 : 0.8));
      }
    }
  }

  axes(): void {
    const { pen, width, height } = this.on;
    const { grid } = this;
    const shade = colours();
    pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    pen.fillStyle = shade.quiet;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const value of logTicks(grid.low, grid.high, this.height / 36)) {
      const y = Math.round(this.yOf(value));
      pen.fillStyle = shade.quiet;
      pen.fillText(grid.sayBriefly(value), LEFT - 8, y);
      pen.fillStyle = shade.line;
      pen.fillRect(LEFT - 5, y, 5, 1);
    }
    pen.textAlign = "center";
    const { step, at } = timeTicks(grid.from, grid.to, this.width / 100);
    for (const time of at) {
      const x = Math.round(this.xOf(time));
      pen.fillStyle = shade.line;
      pen.fillRect(x, height - BOTTOM, 1, 5);
      pen.fillStyle = shade.quiet;
      if (x > LEFT + 16 && x < width - 20) pen.fillText(tick(time, step), x, height - 9);
    }
    pen.strokeStyle = shade.line;
    pen.strokeRect(LEFT - 0.5, TOP - 0.5, this.width + 1, this.height + 1);
  }

  /** Dims what is outside, so that the box is what one sees. */
  box({ from, to, low, high }: Box): void {
    const { pen } = this.on;
    const shade = colours();
    const [left, right] = [this.xOf(from), this.xOf(to)];
    const [top, bottom] = [this.yOf(high), this.yOf(low)];
    if (right - left < 1) return;
    pen.fillStyle = shade.ground;
    pen.globalAlpha = 0.6;
    pen.beginPath();
    pen.rect(LEFT, TOP, this.width, this.height);
    pen.rect(left, top, right - left, bottom - top);
    pen.fill("evenodd");
    pen.globalAlpha = 1;
    pen.strokeStyle = shade.accent;
    pen.lineWidth = 2;
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.lineWidth = 1;
  }

  cursor({ column, row }: Cell): void {
    const { pen } = this.on;
    pen.strokeStyle = colours().text;
    pen.lineWidth = 2;
    pen.strokeRect(this.x(column) - 1, this.y(row + 1) - 1, this.x(column + 1) - this.x(column) + 1, this.y(row) - this.y(row + 1) + 1);
    pen.lineWidth = 1;
  }
}
