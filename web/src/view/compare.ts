// In which fields what is in the box differs most from the rest: where causes show.

import type { ComparedField, Comparison } from "../contract.js";
import { element, fill, type Child } from "../element.js";
import { boxed, common, type Page } from "../page.js";
import { blank, failing } from "../part/blank.js";
import { Question } from "../part/question.js";
import { address } from "../api.js";
import type { Box, Place } from "../place.js";
import { amount, percent, plural } from "../say/number.js";
import { briefly, span } from "../say/time.js";
import { valueName } from "../say/value.js";

/** From which difference of shares on a value is named in the headline. */
const TELLING = 0.4;
const MOST_TELLING = 6;
/** Fields that say that it went wrong, not why. */
const SYMPTOM = /(^|\.)(exception|error|status)/i;

export interface CompareActions {
  clear(): void;
  zoom(box: Box): void;
  slowest(box: Box): void;
}

export class Compare {
  readonly root = element("section", { class: "compare", "aria-label": "compare", hidden: true });
  private readonly question: Question<Comparison>;
  private asked = "";

  constructor(
    private readonly page: Page,
    private readonly actions: CompareActions,
  ) {
    this.question = new Question<Comparison>({
      answered: (answer) => this.showAnswer(answer),
      failed: (failure) => {
        if (!page.refused(failure)) fill(this.root, failing(failure, () => this.show(page.place, true)));
      },
      waiting: (is) => this.root.classList.toggle("waiting", is),
    });
  }

  show(place: Place, again = false): void {
    this.root.hidden = place.box === null;
    if (place.box === null) {
      this.question.stop();
      this.asked = "";
      return;
    }
    const parameters = { ...common(place), ...boxed(place.box, place.field), top: 12, values: 4 };
    const wanted = address("compare", parameters);
    if (wanted === this.asked && !again) return;
    this.asked = wanted;
    fill(this.root, this.head(place.box, null), element("p", { class: "quiet pad" }, "Comparing …"));
    void this.question.ask("compare", parameters);
  }

  close(): void {
    this.question.stop();
  }

  private showAnswer(answer: Comparison): void {
    const { box } = this.page.place;
    if (box === null) return;
    const head = this.head(box, answer);
    if (answer.selected.events === 0) {
      fill(this.root, head, blank("The box is empty", "Draw it around some of the coloured cells."));
    } else if (answer.fields.length === 0) {
      fill(this.root, head, blank("Nothing differs beyond chance", "What is in the box has the same values as the rest. Try a larger box, or one around errors."));
    } else {
      const cards = answer.fields.map((field, rank) => this.card(field, rank));
      const measure = element("p", { class: "quiet small" }, `${answer.measure.name}: ${answer.measure.text}`);
      fill(this.root, head, this.headline(answer), element("div", { class: "cards" }, ...cards), measure);
    }
  }

  private head(box: Box, answer: Comparison | null): HTMLElement {
    const { actions } = this;
    const { field } = this.page.place;
    const say = field === "" ? briefly : amount;
    const where = `${span(box.from, box.to)} · ${field}${field === "" ? "" : " "}${say(box.low)} – ${say(box.high)}`;
    const sizes = answer === null ? "" : `${plural(answer.selected.count, "event")} in the box, ${plural(answer.rest.count, "other")}`;
    return element(
      "header",
      {},
      element("h2", {}, "Compare"),
      element("span", { class: "quiet" }, where),
      element("span", {}, sizes),
      element("span", { class: "space" }),
      element("button", { class: "strong", onclick: () => actions.slowest(box) }, "Slowest trace in the box"),
      element("button", { class: "plain", onclick: () => actions.zoom(box) }, "Zoom to it"),
      element("button", { class: "square", "aria-label": "clear the box", title: "clear (Esc)", onclick: () => actions.clear() }, "×"),
    );
  }

  /** One sentence with the values that tell the box from the rest. */
  private headline(answer: Comparison): Child {
    const fields = [...answer.fields].sort((a, b) => Number(SYMPTOM.test(a.field)) - Number(SYMPTOM.test(b.field)));
    const telling = fields.flatMap(({ values }) => {
      const most = [...values].sort((a, b) => b.selected - b.rest - (a.selected - a.rest))[0];
      return most !== undefined && most.selected - most.rest >= TELLING && most.kind !== "missing" ? [most] : [];
    });
    if (telling.length === 0) return null;
    const chips = telling.slice(0, MOST_TELLING).map((value) => {
      const press = (): void => this.page.narrow(value.filter);
      const shares = `${percent(value.selected)} %, else ${percent(value.rest)} %`;
      return element("button", { class: "chip plain", title: `only these: ${value.filter}`, onclick: press }, element("b", { class: "mono" }, value.filter), element("span", { class: "quiet" }, shares));
    });
    return element("p", { class: "headline" }, element("span", {}, "In the box stands out:"), ...chips);
  }

  private card({ field, score, values }: ComparedField, rank: number): HTMLElement {
    const rows = values.map((value) => {
      const name = valueName(field, value);
      const sign = (text: string, label: string, condition: string): HTMLElement =>
        element("button", { class: "square sign", "aria-label": `${label} ${field} ${name}`, title: condition, onclick: () => this.page.narrow(condition) }, text);
      return element(
        "tr",
        {},
        element("th", { scope: "row", class: "mono cut", title: name }, name),
        element("td", {}, meter(value.selected, "here")),
        element("td", {}, meter(value.rest, "there")),
        element("td", { class: "signs" }, sign("+", "only", value.filter), sign("−", "without", value.not)),
      );
    });
    return element(
      "article",
      { class: "card compared" },
      element("h3", {}, element("span", { class: "rank" }, rank + 1), element("span", { class: "mono cut" }, field), element("span", { class: "quiet small" }, score.toFixed(2))),
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, ...["value", "in the box", "rest", ""].map((name) => (name === "" ? element("td") : element("th", { scope: "col" }, name))))),
        element("tbody", {}, ...rows),
      ),
    );
  }
}

function meter(share: number, kind: string): HTMLElement {
  const bar = element("i", { class: `bar ${kind}` });
  bar.style.transform = `scaleX(${Math.min(1, share)})`;
  return element("span", { class: "meter" }, element("span", { class: "track" }, bar), element("span", { class: "number" }, `${percent(share)} %`));
}
