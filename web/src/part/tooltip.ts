// One tooltip for all charts: lines of name and value beside the pointer. What it says is in the table twin too.

import { element, fill } from "../element.js";

export type TooltipLine = [name: string, value: string, mark?: "error" | "title" | undefined];

const GAP = 14;
const box = element("div", { class: "tooltip", "aria-hidden": "true", hidden: true });

export function showTooltip(x: number, y: number, lines: TooltipLine[]): void {
  if (!box.isConnected) document.body.append(box);
  fill(
    box,
    ...lines.map(([name, value, mark]) =>
      element("div", { class: mark ?? "line" }, element("span", {}, name), element("b", {}, value)),
    ),
  );
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const left = x + GAP + width > window.innerWidth ? x - GAP - width : x + GAP;
  const top = Math.min(Math.max(4, y - height / 2), window.innerHeight - height - 4);
  box.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
}

export function hideTooltip(): void {
  box.hidden = true;
}
