// The five views as links, so that one can be opened beside another.

import { element } from "../element.js";
import type { Page } from "../page.js";
import { VIEWS, write, type Place, type ViewName } from "../place.js";

const NAMES: Record<ViewName, string> = {
  overview: "Overview",
  live: "Live",
  heatmap: "Heatmap",
  breakdown: "Breakdown",
  trace: "Trace",
};

export class Tabs {
  readonly root: HTMLElement;
  private readonly links = new Map<ViewName, HTMLAnchorElement>();
  private readonly fields: HTMLButtonElement;

  constructor(page: Page, toggleFields: () => void) {
    VIEWS.forEach((view, index) => {
      const key = element("span", { class: "key", "aria-hidden": "true" }, index + 1);
      const link = element("a", { class: "tab", href: "./" }, key, NAMES[view]);
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        page.go({ view });
      });
      this.links.set(view, link);
    });
    this.fields = element("button", { class: "plain", title: "fields (f)", onclick: toggleFields }, "Fields");
    this.root = element("nav", { class: "tabs", "aria-label": "views" }, ...this.links.values(), element("span", { class: "space" }), this.fields);
  }

  show(place: Place): void {
    for (const [view, link] of this.links) {
      link.href = write({ ...place, view });
      if (view === place.view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  showFields(open: boolean): void {
    this.fields.setAttribute("aria-pressed", String(open));
  }
}
