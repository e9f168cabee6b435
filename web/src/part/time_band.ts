// Pointing and dragging over charts that lie below each other on one axis of time: a line through all of them, and a band
// that becomes the new range.

import { element } from "../element.js";

export interface TimeAxis {
  from: number;
  to: number;
}

const LEAST_DRAG_PIXELS = 5;

export class TimeBand {
  /** Lies over the column of charts; the owner places it. */
  readonly root = element("div", { class: "band", "aria-hidden": "true" });
  private readonly line = element("div", { class: "crosshair", hidden: true });
  private readonly brush = element("div", { class: "brush", hidden: true });
  private axis: TimeAxis = { from: 0, to: 1 };
  private started: number | null = null;
  private dragged = false;

  constructor(private readonly zoom: (from: number, to: number) => void) {
    this.root.append(this.brush, this.line);
  }

  show(axis: TimeAxis): void {
    this.axis = axis;
  }

  /** Whether the last press was a drag: then the click after it means nothing. */
  get wasDrag(): boolean {
    return this.dragged;
  }

  /** Listens on `host`; `point` gets the share of the width under the pointer, null when it leaves. */
  listen(host: HTMLElement, point: (share: number | null, event: PointerEvent) => void): void {
    host.addEventListener("pointerdown", (event) => {
      this.dragged = false;
      if (event.button === 0 && this.inside(event)) this.started = this.x(event);
    });
    host.addEventListener("pointermove", (event) => {
      const x = this.x(event);
      if (this.started !== null && Math.abs(x - this.started) >= LEAST_DRAG_PIXELS) {
        if (!this.dragged) host.setPointerCapture(event.pointerId);
        this.dragged = true;
        this.drawBrush(this.started, x);
      }
      const inside = this.started !== null || this.inside(event);
      this.line.hidden = !inside;
      this.line.style.transform = `translateX(${x}px)`;
      point(inside ? x / this.root.clientWidth : null, event);
    });
    host.addEventListener("pointerup", (event) => {
      const from = this.started;
      this.started = null;
      this.brush.hidden = true;
      if (from !== null && this.dragged) this.chosen(from, this.x(event));
    });
    host.addEventListener("pointerleave", (event) => {
      if (this.started !== null) return;
      this.line.hidden = true;
      point(null, event);
    });
  }

  private chosen(a: number, b: number): void {
    const time = (x: number): number => this.axis.from + (x / this.root.clientWidth) * (this.axis.to - this.axis.from);
    this.zoom(time(Math.min(a, b)), time(Math.max(a, b)));
  }

  private drawBrush(a: number, b: number): void {
    this.brush.hidden = false;
    this.brush.style.transform = `translateX(${Math.min(a, b)}px)`;
    this.brush.style.width = `${Math.abs(b - a)}px`;
  }

  private inside(event: PointerEvent): boolean {
    const box = this.root.getBoundingClientRect();
    return event.clientX >= box.left && event.clientX <= box.right;
  }

  private x(event: PointerEvent): number {
    const box = this.root.getBoundingClientRect();
    return Math.min(box.width, Math.max(0, event.clientX - box.left));
  }
}
