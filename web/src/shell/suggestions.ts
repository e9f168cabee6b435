// A text field that offers what is known while one types; what is typed counts, whether it is known or not.

import { element, fill } from "../element.js";

const OFFERED = 12;
let made = 0;

export class Suggestions {
  readonly list: HTMLElement;
  private offers: string[] = [];
  private chosen = -1;

  /**
   * @param lastWord complete the word before the cursor instead of the whole text
   */
  constructor(
    private readonly input: HTMLInputElement,
    private readonly known: () => string[],
    private readonly take: (text: string) => void,
    private readonly lastWord = false,
  ) {
    made += 1;
    this.list = element("div", { class: "menu", role: "listbox", id: `offers-${made}`, "aria-label": "suggestions", hidden: true });
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.list.id);
    input.setAttribute("aria-expanded", "false");
    input.addEventListener("input", () => this.offer());
    input.addEventListener("focus", () => this.offer());
    input.addEventListener("blur", () => this.leave());
    input.addEventListener("keydown", (event) => this.key(event));
  }

  private get word(): string {
    const text = this.input.value.slice(0, this.input.selectionStart ?? undefined);
    return this.lastWord ? (/[^\s()]*$/.exec(text)?.[0] ?? "") : text;
  }

  private offer(): void {
    const word = this.word.replace(/\*$/, "").toLowerCase();
    const wanted = this.lastWord && word === "" ? [] : this.known().filter((name) => name.toLowerCase().includes(word));
    this.offers = wanted.filter((name) => name !== this.word).slice(0, OFFERED);
    this.chosen = -1;
    this.draw();
  }

  private draw(): void {
    this.list.hidden = this.offers.length === 0;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    const options = this.offers.map((name, index) => {
      const id = `${this.list.id}-${index}`;
      const option = element("div", { role: "option", id, "aria-selected": String(index === this.chosen) }, name);
      // before the field loses focus
      option.addEventListener("mousedown", (event) => {
        event.preventDefault();
        this.use(name);
      });
      return option;
    });
    fill(this.list, ...options);
    const active = options[this.chosen];
    if (active === undefined) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", active.id);
  }

  private use(name: string): void {
    if (this.lastWord) {
      const at = this.input.selectionStart ?? this.input.value.length;
      const start = at - this.word.length;
      this.input.setRangeText(`${name} `, start, at, "end");
      this.hide();
    } else {
      this.input.value = name;
      this.finish();
    }
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (this.offers.length === 0) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      const all = this.offers.length + 1;
      this.chosen = ((this.chosen + 1 + step + all) % all) - 1;
      this.draw();
    } else if (event.key === "Enter" || (event.key === "Tab" && this.chosen >= 0)) {
      const offer = this.offers[this.chosen];
      if (offer !== undefined) this.use(offer);
      else this.finish();
    } else if (event.key === "Escape") {
      if (this.list.hidden) this.input.blur();
      else this.hide();
    } else {
      return;
    }
    event.stopPropagation();
    if (event.key !== "Tab") event.preventDefault();
  }

  private leave(): void {
    this.hide();
    this.take(this.input.value);
  }

  private finish(): void {
    this.hide();
    this.take(this.input.value);
  }

  private hide(): void {
    this.offers = [];
    this.chosen = -1;
    this.draw();
  }
}
