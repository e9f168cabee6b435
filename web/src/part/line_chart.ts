// Lines over time, drawn on a canvas of our own: dragging chooses a range. A library for lines alone would have been half
// of the page's bytes (docs/decisions/page.md).

import { element } from "../element.js";
import { colours, onTheme, type Colours } from "../theme.js";
import { clock, tick } from "../say/time.js";
import { canvas, surface, type Surface } from "./canvas.js";
import { linearTicks, logTicks, timeTicks } from "./ticks.js";
import { TimeBand } from "./time_band.js";
import { hideTooltip, showTooltip, type TooltipLine } from "./tooltip.js";

export interface Line {
  name: string;
  colour: keyof Colours;
  dash?: number[];
  filled?: boolean;
  /** Points instead of a line: what is rare and must be seen. */
  marks?: boolean;
}

export interface LineChartOptions {
  lines: Line[];
  say(value: number): string;
  /** How the axis says a value, where that is shorter. */
  label?(value: number): string;
  log?: boolean;
  zoom(from: number, to: number): void;
}

export type Numbers = readonly (number | null)[];

const LEFT = 56;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

export class LineChart {
  readonly root: HTMLElement;
  readonly title = element("span", { class: "title" });
  private readonly canvas = canvas("plot", "");
  private readonly band: TimeBand;
  private times: readonly number[] = [];
  private step = 1;
  private series: Numbers[] = [];
  private readonly watcher: ResizeObserver;
  private readonly stopTheme: () => void;

  constructor(private readonly options: LineChartOptions) {
    const legend = options.lines.map((line) => {
      const swatch = element("i", { class: `swatch ${line.colour}${line.dash ? " dashed" : ""}${line.marks ? " marks" : ""}` });
      return element("span", { class: "legend" }, swatch, line.name);
    });
    this.band = new TimeBand(options.zoom);
    const body = element("div", { class: "plot-body" }, this.canvas, this.band.root);
    this.band.root.classList.add("in-plot");
    this.band.listen(body, (share, event) => this.point(share, event));
    this.root = element("figure", { class: "chart" }, element("figcaption", {}, this.title, ...legend), body);
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(body);
    this.stopTheme = onTheme(() => this.draw());
  }

  /** One series a line, one number a time; `step` is how long each time lasts. */
  show(title: string, times: readonly number[], step: number, ...series: Numbers[]): void {
    this.title.textContent = title;
    this.canvas.setAttribute("aria-label", `${title}; the same numbers: Table below`);
    this.times = times;
    this.step = step;
    this.series = series;
    this.band.show({ from: times[0] ?? 0, to: (times.at(-1) ?? 0) + step });
    this.draw();
  }

  close(): void {
    this.watcher.disconnect();
    this.stopTheme();
    hideTooltip();
  }

  private draw(): void {
    const on = surface(this.canvas);
    const from = this.times[0];
    const last = this.times.at(-1);
    if (on === null || from === undefined || last === undefined) return;
    const to = last + this.step;
    const x = (time: number): number => LEFT + ((time - from) / (to - from)) * (on.width - LEFT - RIGHT);
    this.drawTimes(on, from, to, x);
    const y = this.drawValues(on);
    this.options.lines.forEach((line, at) => {
      const points = (this.series[at] ?? []).map((value, column): [number, number] | null =>
        value === null ? null : [x((this.times[column] ?? from) + this.step / 2), y(value)],
      );
      drawLine(on, line, points);
    });
  }

  private drawTimes(on: Surface, from: number, to: number, x: (time: number) => number): void {
    const shade = colours();
    const { step, at } = timeTicks(from, to, (on.width - LEFT) / 90);
    pen(on, shade.quiet, "center");
    for (const time of at) {
      on.pen.fillStyle = shade.line;
      on.pen.fillRect(Math.round(x(time)), TOP, 1, on.height - TOP - BOTTOM + 4);
      on.pen.fillStyle = shade.quiet;
      if (x(time) > LEFT + 12 && x(time) < on.width - 18) on.pen.fillText(tick(time, step), x(time), on.height - 7);
    }
  }

  /** Draws the axis and gives where a value stands. */
  private drawValues(on: Surface): (value: number) => number {
    const all = this.series.flat().filter((value): value is number => value !== null && value > 0);
    const log = this.options.log === true && all.length > 0;
    const greatest = all.length > 0 ? Math.max(...all) : 1;
    const low = log ? Math.min(...all) / 1.15 : 0;
    const high = greatest * (log ? 1.3 : 1.12);
    const room = on.height - TOP - BOTTOM;
    const y = (value: number): number => {
      const share = log ? Math.log(Math.max(low, value) / low) / Math.log(high / low) : value / high;
      return TOP + room * (1 - share);
    };
    const most = room / 30;
    const shade = colours();
    pen(on, shade.quiet, "right");
    for (const value of log ? logTicks(low, high, most) : linearTicks(high, most)) {
      const at = y(value);
      on.pen.fillStyle = shade.line;
      on.pen.fillRect(LEFT, Math.round(at), on.width - LEFT - RIGHT, 1);
      on.pen.fillStyle = shade.quiet;
      on.pen.fillText((this.options.label ?? this.options.say)(value), LEFT - 8, at);
    }
    return y;
  }

  private point(share: number | null, event: PointerEvent): void {
    if (share === null || this.times.length === 0) {
      hideTooltip();
      return;
    }
    const at = Math.min(this.times.length - 1, Math.floor(share * this.times.length));
    const lines: TooltipLine[] = [[clock(this.times[at] ?? 0), "", "title"]];
    this.options.lines.forEach((line, which) => {
      const value = this.series[which]?.[at];
      const text = value === null || value === undefined ? "–" : this.options.say(value);
      lines.push([line.name, text, line.marks === true ? "error" : undefined]);
    });
    showTooltip(event.clientX, event.clientY, lines);
  }
}

function pen(on: Surface, colour: string, align: CanvasTextAlign): void {
  on.pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  on.pen.fillStyle = colour;
  on.pen.textAlign = align;
  on.pen.textBaseline = "middle";
}

function drawLine({ pen: draw, height }: Surface, line: Line, points: ([number, number] | null)[]): void {
  const shade = colours();
  draw.strokeStyle = draw.fillStyle = shade[line.colour];
  if (line.marks === true) {
    for (const point of points) {
      if (point === null) continue;
      draw.beginPath();
      draw.arc(point[0], point[1], 3, 0, 7);
      draw.fill();
    }
    return;
  }
  for (const run of runs(points)) {
    const first = run[0] ?? [0, 0];
    const last = run.at(-1) ?? first;
    draw.beginPath();
    run.forEach(([x, y]) => draw.lineTo(x, y));
    // a value alone between gaps is a short stroke
    if (run.length === 1) draw.lineTo(first[0] + 3, first[1]);
    draw.lineWidth = 1.5;
    draw.lineJoin = "round";
    draw.setLineDash(line.dash ?? []);
    draw.stroke();
    draw.setLineDash([]);
    if (line.filled !== true) continue;
    draw.lineTo(last[0], height - BOTTOM);
    draw.lineTo(first[0], height - BOTTOM);
    draw.globalAlpha = 0.14;
    draw.fill();
    draw.globalAlpha = 1;
  }
}

/** What lies between gaps. */
function runs(points: ([number, number] | null)[]): [number, number][][] {
  const found: [number, number][][] = [[]];
  for (const point of points) {
    if (point === null) found.push([]);
    else found.at(-1)?.push(point);
  }
  return found.filter((run) => run.length > 0);
}
