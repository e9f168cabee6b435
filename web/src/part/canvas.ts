// Canvases that are sharp on any screen and drawn in the theme's colours.

import { element } from "../element.js";

export interface Surface {
  readonly pen: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
}

export function canvas(className: string, label: string): HTMLCanvasElement {
  return element("canvas", { class: className, role: "img", "aria-label": label });
}

/** A clean surface in CSS pixels; null while the canvas has no size. */
export function surface(on: HTMLCanvasElement): Surface | null {
  const width = on.clientWidth;
  const height = on.clientHeight;
  if (width === 0 || height === 0) return null;
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (on.width !== wide || on.height !== high) {
    on.width = wide;
    on.height = high;
  }
  const pen = on.getContext("2d");
  if (pen === null) return null;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** The mark of what became slow: a diamond around `(x, y)`. */
export function slowMark(pen: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  const half = size / 2;
  pen.beginPath();
  pen.moveTo(x - half, y);
  pen.lineTo(x, y - half);
  pen.lineTo(x + half, y);
  pen.lineTo(x, y + half);
  pen.closePath();
  pen.fill();
}

/** An error's mark: a triangle that stands on `(x, y)`; its shape says it without colour. */
export function errorMark(pen: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  pen.beginPath();
  pen.moveTo(x - size / 2, y);
  pen.lineTo(x + size / 2, y);
  pen.lineTo(x, y - size * 0.9);
  pen.closePath();
  pen.fill();
}
