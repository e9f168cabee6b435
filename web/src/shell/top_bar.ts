// The bar on top: which events (type, filter), when (range), whether it follows, and the theme.

import type { ApiError } from "../api.js";
import { drawing, element, fill } from "../element.js";
import type { Page } from "../page.js";
import { DEFAULT_SINCE, moves, type Place } from "../place.js";
import { span } from "../say/time.js";
import { theme } from "../theme.js";
import { Suggestions } from "./suggestions.js";

const RANGES: [since: string, name: string][] = [
  ["-1m", "last minute"],
  ["-5m", "last 5 minutes"],
  ["-15m", "last 15 minutes"],
  ["-1h", "last hour"],
  ["-6h", "last 6 hours"],
  ["-24h", "last 24 hours"],
  ["-7d", "last 7 days"],
];

export interface TopBarActions {
  switchTheme(): void;
  help(): void;
}

export class TopBar {
  readonly root: HTMLElement;
  private readonly type = input("type", "all types");
  private readonly filter = input("filter", "duration > 250ms and response.status >= 500");
  private readonly range = element("select", { id: "range", "aria-label": "time range" });
  private readonly live = element("button", { class: "live plain", title: "follow what happens (Space on Live)" });
  private readonly themeButton = element("button", { class: "icon", "aria-label": "switch theme" });
  private readonly mistake = element("div", { class: "mistake", id: "mistake", role: "alert", hidden: true });
  private readonly filterEntry: HTMLElement;

  constructor(
    private readonly page: Page,
    actions: TopBarActions,
  ) {
    const types = new Suggestions(this.type, () => page.known.types, (text) => page.go({ type: text.trim() }));
    const fields = new Suggestions(this.filter, () => page.known.fields, (text) => page.go({ filter: text.trim() }), true);
    this.filter.setAttribute("aria-describedby", "mistake");
    this.filter.addEventListener("input", () => this.forgive());
    this.filterEntry = element(
      "div",
      { class: "entry filter" },
      element("label", { for: "filter" }, "filter"),
      this.filter,
      element("span", { class: "key", "aria-hidden": "true" }, "/"),
      fields.list,
      this.mistake,
    );
    this.range.addEventListener("change", () => this.choose(this.range.value));
    this.live.addEventListener("click", () => page.setLive(this.live.getAttribute("aria-pressed") !== "true"));
    this.live.append(element("i"), "Live");
    this.themeButton.addEventListener("click", actions.switchTheme);
    this.root = element(
      "header",
      { class: "top" },
      element("h1", { class: "brand" }, mark(), element("span", {}, "BlueOx")),
      element("div", { class: "entry type" }, element("label", { for: "type" }, "type"), this.type, types.list),
      this.filterEntry,
      element("div", { class: "entry" }, this.range),
      this.live,
      this.themeButton,
      element("button", { class: "icon", "aria-label": "keys and help", onclick: actions.help }, "?"),
    );
    this.showTheme();
  }

  show(place: Place): void {
    if (document.activeElement !== this.type) this.type.value = place.type;
    if (document.activeElement !== this.filter || this.filter.value.trim() !== place.filter) this.filter.value = place.filter;
    this.forgive();
    this.showRange(place);
  }

  showLive(on: boolean, possible: boolean): void {
    this.live.setAttribute("aria-pressed", String(on));
    this.live.disabled = !possible;
  }

  showTheme(): void {
    const dark = theme() === "dark";
    const sun = "M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6";
    const moon = "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z";
    fill(this.themeButton, drawing("svg", { viewBox: "0 0 16 16" }, drawing("path", { d: dark ? sun : moon })));
    this.themeButton.title = `${dark ? "light" : "dark"} theme (t)`;
  }

  focusFilter(): void {
    this.filter.focus();
    this.filter.select();
  }

  /** Marks what the server could not read in the filter. */
  refuse(failure: ApiError): boolean {
    const { parameter, span: bytes, suggestion, error } = failure.refusal;
    if (parameter !== "filter") return false;
    this.filterEntry.classList.add("bad");
    this.filter.setAttribute("aria-invalid", "true");
    this.mistake.hidden = false;
    fill(this.mistake, ...(bytes === undefined ? [] : underlined(this.page.place.filter, bytes)), error);
    if (suggestion !== undefined && bytes !== undefined) {
      const better = replaced(this.page.place.filter, bytes, suggestion);
      const take = (): void => this.page.go({ filter: better });
      this.mistake.append("\n", element("button", { class: "link mono", onclick: take }, `use ${suggestion}`));
    }
    return true;
  }

  private forgive(): void {
    this.filterEntry.classList.remove("bad");
    this.filter.removeAttribute("aria-invalid");
    this.mistake.hidden = true;
  }

  private choose(value: string): void {
    if (value !== "") this.page.go({ since: value, until: "", box: null });
  }

  private showRange(place: Place): void {
    const options = RANGES.map(([since, name]) => element("option", { value: since }, name));
    const known = moves(place) && RANGES.some(([since]) => since === place.since);
    if (!known) options.unshift(element("option", { value: "" }, rangeName(place)));
    fill(this.range, ...options);
    this.range.value = known ? place.since : "";
  }
}

function rangeName(place: Place): string {
  const from = Date.parse(place.since) / 1000;
  const to = Date.parse(place.until) / 1000;
  if (Number.isFinite(from) && Number.isFinite(to)) return span(from, to);
  return place.until === "" ? `since ${place.since || DEFAULT_SINCE}` : `${place.since} to ${place.until}`;
}

function input(id: string, placeholder: string): HTMLInputElement {
  return element("input", { id, placeholder, spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
}

function mark(): SVGElement {
  return drawing(
    "svg",
    { viewBox: "0 0 32 32", "aria-hidden": "true" },
    drawing("rect", { width: 32, height: 32, rx: 7 }),
    drawing("path", { class: "stroke", d: "M5 9c1 5 4 6 7 6M27 9c-1 5-4 6-7 6" }),
    drawing("path", { d: "M11 14h10l-1.6 10.5a2 2 0 0 1-2 1.5h-2.8a2 2 0 0 1-2-1.5z" }),
  );
}

/** The filter with the span underlined; spans count bytes of UTF-8. */
function underlined(filter: string, [from, to]: [number, number]): (string | HTMLElement)[] {
  const [before, inside, after] = cut(filter, from, to);
  return [before, element("b", {}, inside === "" ? " " : inside), after, "\n"];
}

function replaced(filter: string, [from, to]: [number, number], by: string): string {
  const [before, , after] = cut(filter, from, to);
  return before + by + after;
}

function cut(filter: string, from: number, to: number): [string, string, string] {
  const bytes = new TextEncoder().encode(filter);
  const text = new TextDecoder();
  return [text.decode(bytes.slice(0, from)), text.decode(bytes.slice(from, to)), text.decode(bytes.slice(to))];
}
