// All events of one id as nested bars on one axis. Without an id: where to find one.

import type { Parameters } from "../api.js";
import type { Trace } from "../contract.js";
import { element, fill, say } from "../element.js";
import type { Page, View } from "../page.js";
import { blank, failing } from "../part/blank.js";
import { Question } from "../part/question.js";
import { Receipt } from "../part/receipt.js";
import type { Place } from "../place.js";
import { plural } from "../say/number.js";
import { clock, day, duration, stamp } from "../say/time.js";
import { TraceList } from "./trace_list.js";
import { TraceMap, whole, type TraceWindow } from "./trace_map.js";
import { TraceRows } from "./trace_rows.js";
import { TraceTree } from "./trace_tree.js";

/** How far beyond a range that was zoomed into an event of the trace may lie. */
const AROUND_SECONDS = 3_600;

export class TraceView implements View {
  readonly root = element("div", { class: "view trace-view" });
  private readonly title = element("h2", { class: "cut" });
  private readonly facts = element("span", { class: "quiet" });
  private readonly errors = element("button", { class: "plain", title: "next error (e)", hidden: true });
  private readonly reset = element("button", { class: "plain", hidden: true }, "Whole trace");
  private readonly body: HTMLElement;
  private readonly stage = element("div", { class: "stage-blank", hidden: true });
  private readonly map: TraceMap;
  private readonly rows: TraceRows;
  private readonly list: TraceList;
  private readonly receipt: Receipt;
  private readonly question: Question<Trace>;
  private tree: TraceTree | null = null;
  private asked = "";

  constructor(private readonly page: Page) {
    this.map = new TraceMap((window) => this.look(window));
    this.rows = new TraceRows((row) => this.open(row));
    this.list = new TraceList(page);
    this.errors.addEventListener("click", () => this.rows.nextError());
    this.reset.addEventListener("click", () => this.lookAtAll());
    const button = (text: string, depth: number): HTMLElement =>
      element("button", { class: "plain", onclick: () => this.rows.foldBelow(depth) }, text);
    const head = element(
      "header",
      { class: "trace-head" },
      this.title,
      this.facts,
      element("span", { class: "space" }),
      this.reset,
      this.errors,
      button("Collapse", 0),
      button("Expand", Number.POSITIVE_INFINITY),
      element("button", { class: "plain", onclick: () => this.page.go({ id: "" }) }, "Other traces"),
    );
    this.body = element("div", { class: "trace-body", hidden: true }, head, this.map.root, this.rows.root);
    this.receipt = new Receipt({ copy: (text, what) => page.copy(text, what) });
    this.question = new Question<Trace>({
      answered: (answer) => this.answered(answer),
      failed: (failure) => this.showBlank(failure.status === 404 ? this.nothing(failure.refusal.error) : failing(failure, () => this.ask())),
      waiting: (is) => this.root.classList.toggle("waiting", is),
    });
    this.root.append(this.list.root, this.body, this.stage, this.receipt.root);
  }

  show(place: Place): void {
    const listing = place.id === "";
    this.list.root.hidden = !listing;
    this.stage.hidden = true;
    if (listing) {
      this.question.stop();
      this.asked = "";
      this.body.hidden = true;
      this.receipt.root.hidden = true;
      this.list.show(place);
      return;
    }
    const wanted = `${place.id}\n${place.since}\n${place.until}`;
    if (wanted === this.asked) return;
    this.asked = wanted;
    this.ask();
  }

  key(event: KeyboardEvent): boolean {
    if (this.page.place.id === "") return this.list.key(event);
    if (this.tree === null) return false;
    if (event.key === "Escape" && !this.reset.hidden) {
      this.lookAtAll();
      return true;
    }
    return this.rows.key(event);
  }

  close(): void {
    this.question.stop();
    this.map.close();
    this.rows.close();
    this.list.close();
  }

  private ask(): void {
    const { place } = this.page;
    void this.question.ask(`trace/${encodeURIComponent(place.id)}`, around(place));
  }

  private answered(answer: Trace): void {
    const tree = new TraceTree(answer);
    this.tree = tree;
    this.showBlank(null);
    this.receipt.show(answer);
    const hosts = new Set(answer.columns.host).size;
    say(this.title, `${tree.text("type", 0)} ${tree.text("summary", 0)}`);
    say(
      this.facts,
      `${day(answer.start)} ${clock(answer.start, true)} · ${duration(answer.end - answer.start)} · ${plural(answer.count, "event")} · ${plural(hosts, "host")}` +
        (answer.truncated ? " · cut: there are more" : ""),
    );
    this.errors.hidden = answer.errors === 0;
    fill(this.errors, element("span", { class: "error", "aria-hidden": "true" }, "▲ "), plural(answer.errors, "error"));
    this.rows.show(tree);
    this.lookAtAll();
    // what went wrong is what one came for
    const first = Math.max(0, tree.nextError(-1));
    this.rows.choose(first);
  }

  private look(window: TraceWindow): void {
    const { tree } = this;
    if (tree === null) return;
    this.reset.hidden = window.from <= 0 && window.to >= whole(tree);
    this.map.show(tree, window);
    this.rows.look(window);
  }

  private lookAtAll(): void {
    if (this.tree !== null) this.look({ from: 0, to: whole(this.tree) });
  }

  private open(row: number): void {
    const { tree } = this;
    if (tree === null) return;
    const { id, count: of } = tree.trace;
    const load = `trace/${encodeURIComponent(id)}/event/${row}`;
    this.page.showEvent({ load, parameters: { ...around(this.page.place), of }, title: tree.text("type", row) });
  }

  private showBlank(node: HTMLElement | null): void {
    this.body.hidden = node !== null;
    this.stage.hidden = node === null;
    if (node !== null) this.receipt.root.hidden = true;
    fill(this.stage, node);
  }

  private nothing(error: string): HTMLElement {
    const { page } = this;
    return blank(
      "No such trace here",
      error,
      { text: "Look in the last 7 days", go: () => page.go({ since: "-7d", until: "" }) },
      { text: "Other traces", go: () => page.go({ id: "" }) },
    );
  }
}

/** Where a trace is looked for: a day back, or around what was zoomed into. */
function around({ since, until }: Place): Parameters {
  const from = Date.parse(since) / 1000;
  const to = Date.parse(until) / 1000;
  if (Number.isFinite(from)) {
    return { since: stamp(from - AROUND_SECONDS), until: Number.isFinite(to) ? stamp(to + AROUND_SECONDS) : "" };
  }
  return { since: /^-\d+(d|w)$/.test(since) ? since : "-24h" };
}

