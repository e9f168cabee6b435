// Which trace to open: the slowest or newest of what type, filter and range ask for, or one whose id is known.

import type { EventRow, Events } from "../contract.js";
import { element, fill } from "../element.js";
import { common, type Page } from "../page.js";
import { blank, failing, unreadable } from "../part/blank.js";
import { Question } from "../part/question.js";
import { Receipt } from "../part/receipt.js";
import type { Place } from "../place.js";
import { clock, duration } from "../say/time.js";

const LISTED = 50;
const ORDERS = [
  ["slowest", "Slowest"],
  ["newest", "Newest"],
] as const;

export class TraceList {
  readonly root = element("section", { class: "trace-list" });
  private readonly field = element("input", { id: "trace-id", placeholder: "6 characters of an id are enough", spellcheck: "false", autocomplete: "off" });
  private readonly body = element("div", { class: "panel" });
  private readonly orders: HTMLButtonElement[];
  private readonly receipt: Receipt;
  private readonly question: Question<Events>;
  private order: string = ORDERS[0][0];
  private buttons: HTMLElement[] = [];

  constructor(private readonly page: Page) {
    const form = element("form", { class: "entry" }, element("label", { for: "trace-id" }, "id"), this.field);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.field.value.trim() !== "") page.openTrace(this.field.value.trim());
    });
    this.orders = ORDERS.map(([order, name]) => element("button", { class: "plain", "data-order": order, onclick: () => this.choose(order) }, name));
    const head = element("header", { class: "bar-head" }, element("h2", {}, "Traces"), ...this.orders, element("span", { class: "space" }), form);
    this.receipt = new Receipt({ copy: (text, what) => page.copy(text, what) });
    this.question = new Question<Events>({
      answered: (answer) => this.showAnswer(answer),
      failed: (failure) => fill(this.body, page.refused(failure) ? unreadable() : failing(failure, () => this.show(page.place))),
    });
    this.root.append(head, this.body, this.receipt.root);
  }

  show(place: Place): void {
    for (const button of this.orders) button.setAttribute("aria-pressed", String(button.dataset["order"] === this.order));
    void this.question.ask("events", { ...common(place), order: this.order, limit: LISTED });
  }

  key(event: KeyboardEvent): boolean {
    const step = event.key === "j" || event.key === "ArrowDown" ? 1 : event.key === "k" || event.key === "ArrowUp" ? -1 : 0;
    if (step === 0 || this.buttons.length === 0) return false;
    const at = this.buttons.indexOf(document.activeElement as HTMLElement);
    this.buttons[Math.min(this.buttons.length - 1, Math.max(0, at + step))]?.focus();
    return true;
  }

  close(): void {
    this.question.stop();
  }

  private choose(order: string): void {
    this.order = order;
    this.show(this.page.place);
  }

  private showAnswer(answer: Events): void {
    this.receipt.show(answer);
    const events = answer.events.filter(({ id }) => id !== null);
    if (events.length === 0) {
      const clear = { text: "Clear type and filter", go: () => this.page.go({ type: "", filter: "" }) };
      fill(this.body, blank("No traces here", "No event with an id of this type and filter ended in this range.", clear));
      return;
    }
    const longest = Math.max(...events.map(({ duration: took }) => took ?? 0), 1e-9);
    const rows = events.map((event) => this.row(event, longest));
    this.buttons = rows.map((row) => row.querySelector("button") as HTMLElement);
    const head = ["time", "type", "host", "duration", "summary"].map((name) => element("th", { scope: "col", class: name }, name));
    fill(this.body, element("table", { class: "list" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)));
  }

  private row(event: EventRow, longest: number): HTMLElement {
    const { id } = event;
    const open = (): void => {
      if (id !== null) this.page.openTrace(id);
    };
    const bar = element("i", { class: `bar${event.error ? " failed" : ""}` });
    bar.style.transform = `scaleX(${(event.duration ?? 0) / longest})`;
    return element(
      "tr",
      { onclick: open },
      element("td", { class: "mono quiet" }, event.time === null ? "–" : clock(event.time, true)),
      element("th", { scope: "row" }, element("button", { class: "link mono cut", onclick: open }, event.type)),
      element("td", { class: "mono cut quiet" }, event.host ?? "–"),
      element("td", {}, element("span", { class: "duration" }, bar, element("span", { class: "took mono" }, event.duration === null ? "–" : duration(event.duration)))),
      element("td", { class: "mono cut" }, element("span", { class: "mark error" }, event.error ? "▲" : ""), event.summary),
    );
  }
}
