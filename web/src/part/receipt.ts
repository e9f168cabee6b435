// The line below each answer: what was read for it, whether it is complete, and how to ask the same elsewhere. Its nodes stay,
// so that a refresh takes no focus away.

import type { Answer } from "../contract.js";
import { element, fill, say } from "../element.js";
import { bytes, plural } from "../say/number.js";
import { briefly, span } from "../say/time.js";

export interface ReceiptActions {
  copy(text: string, what: string): void;
  /** Shows or hides the table twin of the view's charts, and says whether it shows; none: there is nothing but a table. */
  twin?: () => boolean;
  more?: { text: string; go(): void }[];
}

const REMARKS_SHOWN = 3;

export class Receipt {
  readonly root: HTMLElement;
  private answer: Answer | null = null;
  private readonly range = element("span", { class: "quiet" });
  private readonly read = element("span", { class: "quiet optional" });
  private readonly remarks = element("span", { class: "remarks warn" });
  private readonly oxview: HTMLButtonElement;

  constructor(private readonly actions: ReceiptActions) {
    this.oxview = this.copyButton("Copy as oxview", (answer) => answer.command.oxview);
    this.root = element(
      "footer",
      { class: "receipt", hidden: true },
      this.range,
      this.read,
      this.remarks,
      ...(actions.more ?? []).map(({ text, go }) => element("button", { class: "small", onclick: go }, text)),
      actions.twin !== undefined && this.twinButton(actions.twin),
      this.oxview,
      this.copyButton("Copy as curl", (answer) => answer.command.curl),
    );
  }

  show(answer: Answer): void {
    this.answer = answer;
    const { scanned, range, command, remarks, complete } = answer;
    const cost = scanned.cached ? "from cache" : briefly(scanned.seconds);
    this.root.hidden = false;
    say(this.range, `${span(range.since, range.until)} UTC`);
    say(this.read, `${plural(scanned.events, "event")} read · ${bytes(scanned.bytes)} · ${cost}`);
    const texts = remarks.slice(0, REMARKS_SHOWN).map(({ text }) => text);
    if (!complete) texts.unshift("◆ incomplete");
    fill(this.remarks, ...texts.map((text) => element("span", { class: "cut", title: text }, text)));
    this.oxview.hidden = command.oxview === null;
  }

  private twinButton(toggle: () => boolean): HTMLElement {
    const button = element("button", { class: "small", "aria-pressed": "false" }, "Table");
    button.addEventListener("click", () => button.setAttribute("aria-pressed", String(toggle())));
    return button;
  }

  private copyButton(name: string, command: (answer: Answer) => string | null): HTMLButtonElement {
    const press = (): void => {
      const text = this.answer === null ? null : command(this.answer);
      if (text !== null) this.actions.copy(text, text);
    };
    return element("button", { class: "small", onclick: press }, name);
  }
}
