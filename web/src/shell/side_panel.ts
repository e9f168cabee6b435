// The panel beside the view: which values the fields of the events in question have, or one event with all it holds.

import { address, ApiError, type Parameters } from "../api.js";
import type { EventRow, Fields, Json, TraceEvent } from "../contract.js";
import { element, fill } from "../element.js";
import { common, type Page } from "../page.js";
import { failing, READING } from "../part/blank.js";
import { conditions, flat, shown, type FlatLine } from "../part/flat.js";
import { Question } from "../part/question.js";
import type { Place } from "../place.js";
import { count, percent } from "../say/number.js";
import { clock, duration } from "../say/time.js";
import { valueName } from "../say/value.js";

const VALUES_SHOWN = 5;
const REFRESH_MILLIS = 10_000;
const LONGEST_SHOWN = 400;
const WRONG = /^(exception|error)\b/;

type Whole = { [key: string]: Json };

export class SidePanel {
  readonly root: HTMLElement;
  private readonly title = element("h2", { id: "side-title" }, "Fields");
  private readonly back = element("button", { class: "small plain", hidden: true }, "Fields");
  private readonly content = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "side-title" });
  private readonly facets: Question<Fields>;
  private readonly whole: Question<TraceEvent>;
  private readonly open = new Set<string>();
  private asked = "";
  private askedAt = 0;
  private event = false;

  constructor(
    private readonly page: Page,
    close: () => void,
  ) {
    this.back.addEventListener("click", () => this.showFields());
    this.facets = new Question<Fields>({
      answered: (answer) => this.showFacets(answer),
      failed: (failure) => this.failed(failure, () => this.ask(page.place, true)),
      waiting: (is) => this.showWaiting(is),
    });
    this.whole = new Question<TraceEvent>({
      answered: (answer) => this.showWhole(answer.event),
      failed: (failure) => fill(this.content, failing(failure, () => this.showFields())),
      waiting: (is) => this.showWaiting(is),
    });
    const shut = element("button", { class: "square", "aria-label": "close the panel", title: "close (f)", onclick: close }, "×");
    const head = element("header", {}, this.title, this.back, shut);
    this.root = element("aside", { class: "side", "aria-label": "fields" }, head, this.content);
  }

  /** The place has changed, or time went by: asks anew when that asks for something else. */
  show(place: Place): void {
    if (!this.event && !this.root.hidden) this.ask(place, false);
  }

  private ask(place: Place, again: boolean): void {
    const parameters = { ...common(place), top: 40, values: 10 };
    const wanted = address("fields", parameters);
    const stale = performance.now() - this.askedAt > REFRESH_MILLIS;
    if (wanted === this.asked && !again && !stale) return;
    if (wanted === this.asked && this.facets.busy) return;
    this.asked = wanted;
    this.askedAt = performance.now();
    void this.facets.ask("fields", parameters);
  }

  showFields(): void {
    this.event = false;
    this.whole.stop();
    this.title.textContent = "Fields";
    this.back.hidden = true;
    fill(this.content);
    this.ask(this.page.place, true);
  }

  showEvent(event: EventRow): void {
    this.begin(event.type);
    this.showWhole(event.event, event);
  }

  loadEvent(path: string, parameters: Parameters, title: string): void {
    this.begin(title);
    void this.whole.ask(path, parameters);
  }

  private begin(title: string): void {
    this.event = true;
    this.facets.stop();
    this.asked = "";
    this.title.textContent = title;
    this.back.hidden = false;
  }

  private showWaiting(is: boolean): void {
    if (is && this.content.childElementCount === 0) fill(this.content, element("p", { class: "quiet pad" }, READING));
  }

  private failed(failure: ApiError, again: () => void): void {
    if (this.page.refused(failure)) fill(this.content, element("p", { class: "quiet pad" }, "The filter cannot be read."));
    else fill(this.content, failing(failure, again));
  }

  private showFacets(answer: Fields): void {
    if (this.event) return;
    if (answer.fields.length === 0) {
      fill(this.content, element("p", { class: "quiet pad" }, "No events here, so no fields. Widen the range or clear the filter."));
      return;
    }
    this.page.known.fields = [...new Set(["type", "host", "duration", ...answer.fields.map(({ field }) => field)])];
    const focus = this.focused();
    const top = this.content.scrollTop;
    // ranges of durations tell least of what an event is: they come last
    const fields = [...answer.fields].sort((a, b) => Number(a.field === "duration") - Number(b.field === "duration"));
    fill(this.content, ...fields.map((field) => this.facet(field)));
    this.content.scrollTop = top;
    this.refocus(focus);
  }

  /** What has the focus, by its name: the facets are made anew now and then. */
  private focused(): string | null {
    const active = document.activeElement;
    return active !== null && this.content.contains(active) ? active.getAttribute("aria-label") : null;
  }

  private refocus(label: string | null): void {
    if (label === null) return;
    for (const button of this.content.querySelectorAll("button")) {
      if (button.getAttribute("aria-label") === label) button.focus();
    }
  }

  private facet({ field, values, share, other }: Fields["fields"][number]): HTMLElement {
    const all = this.open.has(field);
    const rows = values.slice(0, all ? values.length : VALUES_SHOWN).map((value) =>
      element(
        "li",
        { class: "value" },
        bar(value.share),
        element("span", { class: "name cut mono", title: valueName(field, value) }, valueName(field, value)),
        element("span", { class: "share" }, `${percent(value.share)} %`),
        this.sign("+", `only ${field} ${valueName(field, value)}`, value.filter),
        this.sign("−", `without ${field} ${valueName(field, value)}`, value.not),
      ),
    );
    const hidden = values.length - rows.length;
    const more =
      hidden > 0 || (other >= 1 && !all)
        ? element("li", { class: "rest quiet small" }, hidden > 0 ? this.opener(field, hidden) : `${count(other)} others`)
        : null;
    return element(
      "section",
      { class: "facet" },
      element("h3", {}, this.byButton(field), element("span", { class: "quiet small" }, share < 0.995 ? `in ${percent(share)} %` : "")),
      element("ul", {}, ...rows, more),
    );
  }

  private opener(field: string, hidden: number): HTMLElement {
    const press = (): void => {
      this.open.add(field);
      this.ask(this.page.place, true);
    };
    return element("button", { class: "link small", onclick: press, "aria-label": `more values of ${field}` }, `${hidden} more`);
  }

  private byButton(field: string): HTMLElement {
    const press = (): void => this.page.go({ view: "breakdown", by: [field], sort: "" });
    return element("button", { class: "link field mono", title: `break down by ${field}`, "aria-label": `break down by ${field}`, onclick: press }, field);
  }

  private sign(text: string, label: string, condition: string): HTMLElement {
    const press = (): void => this.page.narrow(condition);
    return element("button", { class: "square sign", "aria-label": label, title: condition, onclick: press }, text);
  }

  private showWhole(event: Whole, row?: EventRow): void {
    const { page } = this;
    const id = typeof event["id"] === "string" ? event["id"] : (row?.id ?? null);
    const start = row?.start ?? numberOf(event["start"]);
    const end = row?.time ?? numberOf(event["end"]);
    const json = JSON.stringify(event, null, 2);
    const facts: string[] = [];
    if (start !== null) facts.push(clock(start, true));
    if (start !== null && end !== null) facts.push(duration(end - start));
    if (typeof event["host"] === "string") facts.push(event["host"]);
    fill(
      this.content,
      element("p", { class: "pad quiet" }, facts.join(" · ")),
      row !== undefined && row.error && element("p", { class: "pad error" }, "▲ error"),
      element(
        "p",
        { class: "pad ways" },
        id !== null && page.place.view !== "trace" && element("button", { class: "plain small", onclick: () => page.openTrace(id) }, "Open trace"),
        element("button", { class: "plain small", onclick: () => page.copy(json, "the event as JSON") }, "Copy JSON"),
      ),
      element("ul", { class: "lines" }, ...inOrder(flat(event)).map((line) => this.line(line))),
    );
    this.content.scrollTop = 0;
  }

  private line(line: FlatLine): HTMLElement {
    const found = conditions(line);
    const text = shown(line.value);
    const cut = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)} … (${count(text.length)} characters)` : text;
    return element(
      "li",
      { class: WRONG.test(line.path) ? "line wrong" : "line" },
      element("span", { class: "mono quiet path" }, line.path),
      element("span", { class: "mono what" }, cut),
      found !== null &&
        text.length <= LONGEST_SHOWN &&
        element(
          "span",
          { class: "signs" },
          this.sign("+", `only ${line.path} ${text}`, found.only),
          this.sign("−", `without ${line.path} ${text}`, found.not),
        ),
    );
  }
}

/** What went wrong is read first. */
function inOrder(lines: FlatLine[]): FlatLine[] {
  return [...lines.filter(({ path }) => WRONG.test(path)), ...lines.filter(({ path }) => !WRONG.test(path))];
}

function bar(share: number): HTMLElement {
  const made = element("i", { class: "bar" });
  made.style.transform = `scaleX(${Math.min(1, share)})`;
  return made;
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}
