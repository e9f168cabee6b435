// Events as they come, the newest on top. Scrolling or Space freezes what is shown; what comes meanwhile is counted.

import type { EventRow, LiveEvents } from "../contract.js";
import { ask, ApiError } from "../api.js";
import { element, fill, say } from "../element.js";
import { LiveStream, type LiveState } from "../live_stream.js";
import type { Page, View } from "../page.js";
import { blank, type Way } from "../part/blank.js";
import { Rows } from "../part/rows.js";
import type { Place } from "../place.js";
import { count, rate } from "../say/number.js";
import { clock, duration } from "../say/time.js";
import { RateMeter } from "./rate_meter.js";

/** How many events stay to scroll back through: bounded, as they come for ever. */
const KEPT = 5_000;
const ROW_PIXELS = 26;
/** How often what is seen changes at most: faster, nobody could read it. */
const DRAW_MILLIS = 120;
const NEAR_TOP_PIXELS = 2;

interface LiveRow extends HTMLDivElement {
  cells?: { time: HTMLElement; type: HTMLElement; host: HTMLElement; bar: HTMLElement; took: HTMLElement; mark: HTMLElement; text: HTMLElement };
}

export class LiveView implements View {
  readonly root = element("div", { class: "view live-view" });
  private readonly rows: Rows<LiveRow>;
  private readonly stream: LiveStream;
  private readonly meter = new RateMeter();
  private readonly fresh = element("button", { class: "fresh strong", hidden: true });
  private readonly facts = {
    state: element("b", {}, "connecting"),
    rate: element("span", { class: "number" }),
    seen: element("span", { class: "number" }),
    skipped: element("span", { class: "number" }),
  };
  private readonly pauseButton = element("button", { class: "plain pause", "aria-pressed": "false" }, "Pause");
  private readonly empty = element("div", { class: "over" });
  private readonly list = element("div", { class: "live-list" });
  /** The newest first. `waiting` holds what came while the list was frozen, the oldest first. */
  private events: EventRow[] = [];
  private waiting: EventRow[] = [];
  private missed = 0;
  private seen = 0;
  private skipped = 0;
  private paused = false;
  private at = -1;
  private timer = 0;
  private drawnAt = 0;
  private watched = "";

  constructor(private readonly page: Page) {
    this.rows = new Rows<LiveRow>(
      { make: () => this.makeRow(), draw: (row, index) => this.drawRow(row, index) },
      ROW_PIXELS,
      { role: "listbox", "aria-label": "live events, the newest first" },
    );
    this.stream = new LiveStream({ events: (batch) => this.take(batch), state: (state) => this.showState(state) });
    this.rows.root.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.fresh.addEventListener("click", () => this.thaw());
    this.pauseButton.addEventListener("click", () => this.togglePause());
    const { state, rate: perSecond, seen, skipped } = this.facts;
    const head = element("div", { class: "live-head" }, state, perSecond, seen, skipped, element("span", { class: "space" }), this.pauseButton);
    const names = ["time", "type", "host", "duration", "summary"].map((name) => element("span", { class: name }, name));
    const columns = element("div", { class: "live-columns", "aria-hidden": "true" }, ...names);
    this.list.append(columns, this.fresh, this.rows.root, this.empty);
    this.root.append(head, this.list);
  }

  show(place: Place): void {
    const watched = `${place.type}\n${place.filter}`;
    if (watched !== this.watched) {
      this.watched = watched;
      this.forget();
      void this.check(place);
    }
    this.updateFacts();
    if (this.page.about !== null && !this.page.about.live) {
      this.stream.close();
      say(this.facts.state, "no daemon");
      this.showEmpty("Nothing to watch", "This page reads files only. Start it with a daemon: oxview web -H 127.0.0.1:3513");
      return;
    }
    if (!this.page.live && !this.paused) this.setPaused(true);
    this.stream.watch(place);
  }

  liveChanged(on: boolean): void {
    if (on === !this.paused) return;
    this.setPaused(!on);
  }

  key(event: KeyboardEvent): boolean {
    if (event.key === " ") {
      this.togglePause();
      return true;
    }
    if (event.key === "j" || event.key === "ArrowDown") return this.select(this.at + 1);
    if (event.key === "k" || event.key === "ArrowUp") return this.select(this.at - 1);
    if (event.key === "Home" || event.key === "Escape") {
      this.thaw();
      return true;
    }
    const row = this.events[this.at];
    if (event.key !== "Enter" || row === undefined) return false;
    if (row.id !== null) this.page.openTrace(row.id);
    return true;
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.stream.close();
    this.rows.close();
  }

  /** EventSource does not say why it was refused; a question about nothing does. */
  private async check(place: Place): Promise<void> {
    if (place.filter === "") return;
    const parameters = { filter: place.filter, since: "-1s", limit: 1 };
    await ask("events", parameters, AbortSignal.timeout(10_000)).catch((failure: unknown) => {
      if (failure instanceof ApiError) this.page.refused(failure);
    });
  }

  private forget(): void {
    this.stream.close();
    this.events = [];
    this.waiting = [];
    this.missed = 0;
    this.seen = 0;
    this.skipped = 0;
    this.at = -1;
    this.meter.clear();
    this.rows.root.scrollTop = 0;
    this.rows.show(0);
    this.showWaiting();
  }

  private showWaiting(): void {
    this.showEmpty("Waiting for events", "Each appears here as soon as its daemon has it.", {
      text: "Clear type and filter",
      go: () => this.page.go({ type: "", filter: "" }),
    });
  }

  private take(batch: LiveEvents): void {
    this.seen += batch.seen;
    this.skipped += batch.skipped;
    this.meter.add(batch.seen, performance.now());
    for (const event of batch.events) this.waiting.push(event);
    if (this.waiting.length > KEPT) {
      this.missed += this.waiting.length - KEPT;
      this.waiting = this.waiting.slice(-KEPT);
    }
    if (this.timer !== 0) return;
    const wait = Math.max(0, this.drawnAt + DRAW_MILLIS - performance.now());
    this.timer = window.setTimeout(() => requestAnimationFrame(() => this.draw()), wait);
  }

  private get frozen(): boolean {
    return this.paused || this.rows.root.scrollTop > NEAR_TOP_PIXELS || this.at >= 0;
  }

  private draw(): void {
    this.timer = 0;
    this.drawnAt = performance.now();
    this.updateFacts();
    if (this.waiting.length === 0) return;
    if (this.frozen && this.events.length > 0) {
      this.fresh.hidden = false;
      say(this.fresh, `${count(this.waiting.length + this.missed)} new ↑`);
      return;
    }
    this.merge();
  }

  private merge(): void {
    this.events = [...this.waiting.reverse(), ...this.events].slice(0, KEPT);
    this.waiting = [];
    this.missed = 0;
    this.fresh.hidden = true;
    this.empty.hidden = true;
    this.rows.show(this.events.length);
  }

  private thaw(): void {
    this.at = -1;
    this.rows.root.removeAttribute("aria-activedescendant");
    if (this.paused) this.setPaused(false);
    this.rows.root.scrollTop = 0;
    this.merge();
  }

  private scrolled(): void {
    if (this.rows.root.scrollTop <= NEAR_TOP_PIXELS && !this.frozen && this.waiting.length > 0) this.merge();
  }

  private togglePause(): void {
    this.setPaused(!this.paused);
    this.page.setLive(!this.paused);
  }

  private setPaused(paused: boolean): void {
    this.paused = paused;
    this.pauseButton.setAttribute("aria-pressed", String(paused));
    say(this.pauseButton, paused ? "Go on" : "Pause");
    // the stream stays open: what comes meanwhile is counted
    if (!paused) {
      this.at = -1;
      this.rows.root.scrollTop = 0;
      this.stream.watch(this.page.place);
      this.merge();
    }
    this.updateFacts();
  }

  private select(index: number): boolean {
    if (this.events.length === 0) return false;
    this.at = Math.min(this.events.length - 1, Math.max(0, index));
    this.rows.reveal(this.at);
    this.rows.draw();
    this.rows.root.setAttribute("aria-activedescendant", `live-${this.at}`);
    const event = this.events[this.at];
    if (event !== undefined) this.page.showEvent(event);
    return true;
  }

  private updateFacts(): void {
    const { rate: perSecond, seen, skipped } = this.facts;
    say(perSecond, `${rate(this.meter.perSecond(performance.now()))}/s`);
    say(seen, `${count(this.seen)} seen`);
    say(skipped, this.skipped > 0 ? `◆ ${count(this.skipped)} skipped: more than can be shown` : "nothing skipped");
    skipped.classList.toggle("warn", this.skipped > 0);
  }

  private showState(state: LiveState): void {
    say(this.facts.state, state.kind === "watching" ? "watching" : state.kind);
    this.facts.state.classList.toggle("warn", state.kind === "lost");
    if (this.events.length > 0) return;
    if (state.kind === "lost") this.showEmpty("The stream is gone", state.why);
    else this.showWaiting();
  }

  private showEmpty(title: string, advice: string, ...ways: Way[]): void {
    const filtered = this.page.place.filter !== "" || this.page.place.type !== "";
    this.empty.hidden = false;
    fill(this.empty, blank(title, advice, ...(filtered ? ways : [])));
  }

  private makeRow(): LiveRow {
    const row: LiveRow = element("div", { class: "live-row", role: "option", "aria-selected": "false" });
    const cell = (name: string): HTMLElement => element("span", { class: name });
    const bar = element("i", { class: "bar" });
    const took = element("span", { class: "took" });
    const mark = element("span", { class: "mark error" });
    const text = element("span", { class: "text cut" });
    const cells = { time: cell("time"), type: cell("type cut"), host: cell("host cut"), bar, took, mark, text };
    row.cells = cells;
    row.append(cells.time, cells.type, cells.host, element("span", { class: "duration" }, bar, took), element("span", { class: "summary" }, mark, text));
    row.addEventListener("click", () => this.select(Number(row.dataset["index"])));
    row.addEventListener("dblclick", () => {
      const id = this.events[Number(row.dataset["index"])]?.id;
      if (id) this.page.openTrace(id);
    });
    return row;
  }

  private drawRow(row: LiveRow, index: number): void {
    const event = this.events[index];
    const { cells } = row;
    if (event === undefined || cells === undefined) return;
    row.dataset["index"] = String(index);
    row.id = `live-${index}`;
    row.setAttribute("aria-selected", String(index === this.at));
    row.classList.toggle("failed", event.error);
    say(cells.time, event.time === null ? "–" : clock(event.time, true));
    say(cells.type, event.type);
    say(cells.host, event.host ?? "–");
    say(cells.took, event.duration === null ? "–" : duration(event.duration));
    cells.bar.style.transform = `scaleX(${share(event.duration)})`;
    say(cells.mark, event.error ? "▲" : "");
    say(cells.text, event.summary);
  }
}

/** A duration's share of the bar: by its logarithm from 0.1 ms to 10 s, so that slow ones stand out among all. */
function share(seconds: number | null): number {
  if (seconds === null || seconds <= 0) return 0;
  return Math.min(1, Math.max(0.02, (Math.log10(seconds) + 4) / 5));
}

