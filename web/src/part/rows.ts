// A list of any length of which only the rows in sight exist. Rows are reused, so that scrolling makes no garbage.

import { element } from "../element.js";

export interface RowSource<R extends HTMLElement> {
  make(): R;
  /** Shows item `index` in `row`, which may have shown another. */
  draw(row: R, index: number): void;
}

const SPARE_ROWS = 4;

export class Rows<R extends HTMLElement> {
  readonly root: HTMLElement;
  private readonly spacer = element("div", { class: "rows-space", role: "presentation" });
  private readonly pool: R[] = [];
  private count = 0;
  private frame = 0;
  private readonly watcher: ResizeObserver;

  constructor(
    private readonly source: RowSource<R>,
    readonly height: number,
    attributes: Record<string, string> = {},
  ) {
    this.root = element("div", { class: "rows", tabindex: 0, ...attributes }, this.spacer);
    this.root.addEventListener("scroll", () => this.schedule(), { passive: true });
    this.watcher = new ResizeObserver(() => this.schedule());
    this.watcher.observe(this.root);
  }

  /** How many items there are; those in sight are drawn again in the next frame. */
  show(count: number): void {
    if (count !== this.count) {
      this.count = count;
      this.spacer.style.height = `${count * this.height}px`;
    }
    this.schedule();
  }

  /** Items in sight: the first and one behind the last. */
  inSight(): [number, number] {
    const first = Math.floor(this.root.scrollTop / this.height);
    return [first, Math.min(this.count, first + Math.ceil(this.root.clientHeight / this.height))];
  }

  reveal(index: number): void {
    const top = index * this.height;
    const room = this.root.clientHeight;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top + this.height > this.root.scrollTop + room) this.root.scrollTop = top + this.height - room;
    this.schedule();
  }

  /** Draws now; otherwise the next frame does. */
  draw(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const [from, to] = this.inSight();
    const first = Math.max(0, from - SPARE_ROWS);
    const last = Math.min(this.count, to + SPARE_ROWS);
    while (this.pool.length < last - first) {
      const row = this.source.make();
      row.classList.add("row");
      this.pool.push(row);
      this.spacer.append(row);
    }
    this.pool.forEach((row, slot) => {
      const index = first + slot;
      row.hidden = index >= last;
      if (row.hidden) return;
      row.style.transform = `translateY(${index * this.height}px)`;
      this.source.draw(row, index);
    });
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.watcher.disconnect();
  }

  private schedule(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }
}
