// The whole page: the bar, the strip, the tabs, one view, the panel; and who is told of what.

import { ApiError, ask, type Parameters } from "../api.js";
import type { About, EventRow } from "../contract.js";
import { element } from "../element.js";
import type { Page, View } from "../page.js";
import { copy } from "../part/copy.js";
import { watchPointer } from "../part/pointer.js";
import { hideTooltip } from "../part/tooltip.js";
import { moves, narrowed, read, VIEWS, write, type Place, type ViewName } from "../place.js";
import { switchTheme } from "../theme.js";
import { BreakdownView } from "../view/breakdown.js";
import { HeatmapView } from "../view/heatmap.js";
import { LiveView } from "../view/live.js";
import { OverviewView } from "../view/overview.js";
import { TraceView } from "../view/trace.js";
import { helpDialog } from "./help.js";
import { HealthStrip } from "./health_strip.js";
import { SidePanel } from "./side_panel.js";
import { Tabs } from "./tabs.js";
import { TopBar } from "./top_bar.js";

const NARROW = "(max-width: 1100px)";
const NOTICE_MILLIS = 2_500;

export class PageShell implements Page {
  place: Place = read(location.search);
  live = true;
  known: Page["known"] = { types: [], fields: ["type", "host", "duration"] };
  private readonly top: TopBar;
  private readonly health = new HealthStrip();
  private readonly tabs: Tabs;
  private readonly side: SidePanel;
  private readonly stage = element("div", { class: "stage" });
  private readonly main = element("main", { id: "view", tabindex: -1 });
  private readonly help = helpDialog();
  private readonly said = element("div", { class: "notice", role: "status", hidden: true });
  private view: View | null = null;
  private viewName: ViewName | null = null;
  private ticker = 0;
  private noticeTimer = 0;

  constructor(
    private readonly body: HTMLElement,
    readonly about: About,
  ) {
    this.top = new TopBar(this, { switchTheme: () => this.changeTheme(), help: () => this.help.showModal() });
    this.tabs = new Tabs(this, () => this.showSide(this.side.root.hidden !== false));
    this.side = new SidePanel(this, () => this.showSide(false));
  }

  start(): void {
    this.stage.append(this.main, this.side.root);
    const page = element("div", { class: "page" }, this.top.root, this.health.root, this.tabs.root, this.stage);
    this.body.replaceChildren(page, this.help, this.said);
    this.showSide(!window.matchMedia(NARROW).matches);
    window.addEventListener("popstate", () => this.moved(read(location.search)));
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("visibilitychange", () => this.tick());
    watchPointer();
    this.health.start();
    this.moved(this.place);
    void this.learnTypes();
  }

  go(change: Partial<Place>, how: "push" | "replace" = "push"): void {
    const next = { ...this.place, ...change };
    const url = write(next);
    if (url === write(this.place)) return;
    if (how === "push") history.pushState(null, "", url);
    else history.replaceState(null, "", url);
    this.moved(next);
  }

  setLive(on: boolean): void {
    if (on && !moves(this.place) && this.place.view !== "live") this.go({ since: "-15m", until: "", box: null });
    this.live = on;
    this.showLive();
    this.view?.liveChanged?.(on);
    if (on) this.view?.refresh?.();
    this.schedule();
  }

  narrow(condition: string): void {
    this.go({ filter: narrowed(this.place.filter, condition) });
    // one trace is shown whole: say where the filter holds
    if (this.place.view === "trace" && this.place.id !== "") this.notice(`The filter of the other views: ${this.place.filter}`);
  }

  openTrace(id: string): void {
    this.go({ view: "trace", id });
  }

  showEvent(event: EventRow | { load: string; parameters: Parameters; title: string }): void {
    if (!window.matchMedia(NARROW).matches) this.showSide(true);
    if ("load" in event) this.side.loadEvent(event.load, event.parameters, event.title);
    else this.side.showEvent(event);
  }

  copy(text: string, what: string): void {
    void copy(text).then((done) => this.notice(done ? `Copied: ${what.length > 120 ? `${what.slice(0, 120)}…` : what}` : "The browser refuses to copy"));
  }

  notice(text: string): void {
    this.said.textContent = text;
    this.said.hidden = false;
    window.clearTimeout(this.noticeTimer);
    this.noticeTimer = window.setTimeout(() => {
      this.said.hidden = true;
    }, NOTICE_MILLIS);
  }

  refused(failure: Error): boolean {
    return failure instanceof ApiError && this.top.refuse(failure);
  }

  private moved(place: Place): void {
    this.place = place;
    hideTooltip();
    this.top.show(place);
    this.tabs.show(place);
    this.showLive();
    if (this.view === null || this.viewName !== place.view) this.open(place.view);
    this.view?.show(place);
    this.side.show(place);
    this.schedule();
  }

  private open(name: ViewName): void {
    this.view?.close();
    this.viewName = name;
    this.view = this.make(name);
    this.main.replaceChildren(this.view.root);
    this.main.scrollTop = 0;
    this.side.showFields();
    document.title = `${name.slice(0, 1).toUpperCase()}${name.slice(1)} · BlueOx`;
  }

  private make(name: ViewName): View {
    switch (name) {
      case "overview":
        return new OverviewView(this);
      case "live":
        return new LiveView(this);
      case "heatmap":
        return new HeatmapView(this);
      case "breakdown":
        return new BreakdownView(this);
      case "trace":
        return new TraceView(this);
    }
  }

  private showLive(): void {
    const follows = this.place.view === "live" || moves(this.place);
    this.top.showLive(this.live && follows, this.place.view !== "trace");
  }

  private showSide(open: boolean): void {
    this.side.root.hidden = !open;
    this.stage.classList.toggle("wide", !open);
    this.tabs.showFields(open);
    if (open) this.side.show(this.place);
  }

  /** What moves with the clock is asked for again, not while nobody looks. */
  private schedule(): void {
    window.clearTimeout(this.ticker);
    const seconds = this.view?.refreshSeconds;
    if (seconds === undefined || !this.live || !moves(this.place)) return;
    this.ticker = window.setTimeout(() => this.tick(), seconds * 1_000);
  }

  private tick(): void {
    if (!document.hidden && this.live && moves(this.place)) {
      this.view?.refresh?.();
      this.side.show(this.place);
    }
    this.schedule();
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || this.help.open) return;
    const at = event.target instanceof HTMLElement ? event.target : null;
    if (at !== null && ["INPUT", "SELECT", "TEXTAREA"].includes(at.tagName)) {
      if (event.key === "Escape") at.blur();
      return;
    }
    // a button's or link's own keys stay its own
    if (at !== null && ["BUTTON", "A"].includes(at.tagName) && (event.key === "Enter" || event.key === " ")) return;
    if (this.side.root.contains(at) && /^(Arrow|Page|Home|End| )/.test(event.key)) return;
    if (this.globalKey(event.key) || this.view?.key(event) === true) event.preventDefault();
  }

  private globalKey(key: string): boolean {
    const view = VIEWS[Number(key) - 1];
    if (view !== undefined) this.go({ view });
    else if (key === "/") this.top.focusFilter();
    else if (key === "t") this.changeTheme();
    else if (key === "f") this.showSide(this.side.root.hidden !== false);
    else if (key === "?") this.help.showModal();
    else return false;
    return true;
  }

  private changeTheme(): void {
    switchTheme();
    this.top.showTheme();
  }

  private async learnTypes(): Promise<void> {
    const answer = await ask<{ types: string[] }>("types", {}, AbortSignal.timeout(30_000)).catch(() => null);
    if (answer !== null && answer.types.length > 0) this.known.types = answer.types;
  }
}
