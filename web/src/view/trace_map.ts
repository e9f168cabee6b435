// The whole trace in a strip: a lane a depth, errors marked above. Dragging chooses what the rows below show.

import { element } from "../element.js";
import { canvas, errorMark, surface } from "../part/canvas.js";
import { timeTicks } from "../part/ticks.js";
import { TimeBand } from "../part/time_band.js";
import { briefly } from "../say/time.js";
import { colours, onTheme } from "../theme.js";
import type { TraceTree } from "./trace_tree.js";

const MOST_LANES = 12;
const MOST_LANE_PIXELS = 12;
const TOP = 12;
const BOTTOM = 18;

/** Microseconds since the trace's start. */
export interface TraceWindow {
  from: number;
  to: number;
}

export class TraceMap {
  readonly root: HTMLElement;
  private readonly canvas = canvas("trace-map", "the whole trace; the same in the rows below");
  private readonly band: TimeBand;
  private tree: TraceTree | null = null;
  private window: TraceWindow = { from: 0, to: 1 };
  private readonly watcher: ResizeObserver;
  private readonly stopTheme: () => void;

  constructor(choose: (window: TraceWindow) => void) {
    this.band = new TimeBand((from, to) => choose({ from, to }));
    this.band.root.classList.add("in-map");
    this.root = element("div", { class: "trace-map-body" }, this.canvas, this.band.root);
    this.band.listen(this.root, () => undefined);
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.root);
    this.stopTheme = onTheme(() => this.draw());
  }

  show(tree: TraceTree, window: TraceWindow): void {
    this.tree = tree;
    this.window = window;
    this.band.show({ from: 0, to: whole(tree) });
    this.draw();
  }

  close(): void {
    this.watcher.disconnect();
    this.stopTheme();
  }

  private draw(): void {
    const on = surface(this.canvas);
    const { tree } = this;
    if (on === null || tree === null) return;
    const { pen, width, height } = on;
    const shade = colours();
    const columns = Math.ceil(width);
    const total = whole(tree);
    const { covered, errors, lanes } = coverage(tree, columns, total);
    const lane = Math.min(MOST_LANE_PIXELS, (height - TOP - BOTTOM) / lanes);
    for (let depth = 0; depth < lanes; depth += 1) {
      pen.fillStyle = depth === 0 ? shade.data : shade["data-2"];
      pen.globalAlpha = depth === 0 ? 0.9 : 0.65;
      for (let x = 0; x < columns; x += 1) {
        if (covered[depth * columns + x] === 1) pen.fillRect(x, TOP + depth * lane, 1, Math.max(1, lane - 1));
      }
    }
    pen.globalAlpha = 1;
    pen.fillStyle = shade.error;
    let last = -8;
    for (let x = 0; x < columns; x += 1) {
      if (errors[x] !== 1) continue;
      pen.fillRect(x, TOP, 1, height - TOP - BOTTOM);
      if (x - last >= 8) errorMark(pen, Math.max(4, x), TOP - 2, 8);
      if (x - last >= 8) last = x;
    }
    pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    pen.textBaseline = "middle";
    pen.fillStyle = shade.quiet;
    const { at } = timeTicks(0, total / 1e6, width / 100);
    for (const time of at) {
      const x = (time * 1e6 * width) / total;
      pen.textAlign = x < 20 ? "left" : x > width - 24 ? "right" : "center";
      pen.fillText(time === 0 ? "0" : briefly(time), x, height - 7);
    }
    this.dim(pen, width, height, total);
  }

  private dim(pen: CanvasRenderingContext2D, width: number, height: number, total: number): void {
    const { from, to } = this.window;
    if (from <= 0 && to >= total) return;
    const [left, right] = [(from / total) * width, (to / total) * width];
    pen.fillStyle = colours().surface;
    pen.globalAlpha = 0.7;
    pen.fillRect(0, 0, left, height - BOTTOM);
    pen.fillRect(right, 0, width - right, height - BOTTOM);
    pen.globalAlpha = 1;
    pen.strokeStyle = colours().accent;
    pen.strokeRect(left + 0.5, 0.5, Math.max(1, right - left - 1), height - BOTTOM);
  }
}

export function whole(tree: TraceTree): number {
  return Math.max(1, (tree.trace.end - tree.trace.start) * 1e6);
}

/** Which pixels of which lane some event covers: drawing 80,000 bars one by one would be seen. */
function coverage(tree: TraceTree, columns: number, total: number): { covered: Uint8Array; errors: Uint8Array; lanes: number } {
  const covered = new Uint8Array(MOST_LANES * columns);
  const errors = new Uint8Array(columns);
  let lanes = 1;
  const at = (micros: number): number => Math.min(columns - 1, Math.max(0, Math.floor((micros / total) * columns)));
  for (let row = 0; row < tree.count; row += 1) {
    const first = at(tree.start(row));
    const last = at(tree.start(row) + tree.duration(row));
    const depth = Math.min(MOST_LANES - 1, tree.depth(row));
    lanes = Math.max(lanes, depth + 1);
    covered.fill(1, depth * columns + first, depth * columns + last + 1);
    if (tree.failed(row)) errors[first] = 1;
  }
  return { covered, errors, lanes };
}
