// The line that says how events get here, and the drawer with every number of their way.

import type { DaemonStatus, Health } from "../contract.js";
import { element, fill, say } from "../element.js";
import { bytes, count, plural, rate } from "../say/number.js";
import { briefly } from "../say/time.js";

const POLL_MILLIS = 2_000;
const KINDS: Record<string, string> = { ok: "", warning: "warn", failing: "error", none: "warn" };
const SAID: Record<string, string> = { ok: "ok", warning: "needs a look", failing: "failing", none: "no daemon watched" };

export class HealthStrip {
  readonly root: HTMLElement;
  private readonly dot = element("i", { class: "dot" });
  private readonly facts = {
    hosts: element("b"),
    state: element("span", { class: "cut" }),
    lag: element("b", {}, "–"),
    queue: element("b", {}, "–"),
    dropped: element("b", {}, "–"),
    rate: element("b", {}, "–"),
    way: element("span", { class: "cut" }),
  };
  private readonly drawer = element("div", { class: "drawer", id: "drawer", hidden: true });
  private readonly button: HTMLButtonElement;
  private timer = 0;
  private shown: Health | null = null;

  constructor() {
    const { hosts, state, lag, queue, dropped, way } = this.facts;
    const fact = (name: string, value: HTMLElement, kind = ""): HTMLElement =>
      element("span", { class: `fact ${kind}` }, element("span", { class: "quiet" }, name), value);
    this.button = element(
      "button",
      { class: "strip", "aria-expanded": "false", "aria-controls": "drawer", onclick: () => this.toggle() },
      element("span", { class: "fact first" }, this.dot, hosts, state),
      fact("in", this.facts.rate, "optional"),
      fact("lag", lag),
      fact("queue", queue),
      fact("dropped", dropped),
      way,
      element("span", { class: "end optional" }, "how events get here ▾"),
    );
    this.root = element("section", { class: "health", "aria-label": "health" }, this.button, this.drawer);
  }

  start(): void {
    void this.poll();
  }

  toggle(): void {
    this.drawer.hidden = !this.drawer.hidden;
    this.button.setAttribute("aria-expanded", String(!this.drawer.hidden));
    if (this.shown !== null) this.showDrawer(this.shown);
  }

  private async poll(): Promise<void> {
    window.clearTimeout(this.timer);
    if (!document.hidden) {
      const answer = await fetch("./api/v1/health").catch(() => null);
      const health = answer !== null && answer.ok ? ((await answer.json()) as Health) : null;
      if (health === null) this.unreachable();
      else this.show(health);
    }
    this.timer = window.setTimeout(() => void this.poll(), POLL_MILLIS);
  }

  private unreachable(): void {
    this.dot.className = "dot error";
    say(this.facts.hosts, "page server");
    say(this.facts.state, "does not answer; is oxview web still running?");
  }

  private show(health: Health): void {
    this.shown = health;
    this.dot.className = `dot ${KINDS[health.state] ?? "warn"}`;
    const { hosts, state, lag, queue, dropped, way } = this.facts;
    say(hosts, health.state === "none" ? "" : plural(health.hosts, "host"));
    say(state, stateOf(health));
    say(lag, health.lag_seconds === null ? "–" : briefly(health.lag_seconds));
    say(queue, count(health.queued));
    say(dropped, count(health.dropped));
    say(this.facts.rate, health.rate_in === null ? "–" : `${rate(health.rate_in)}/s`);
    dropped.classList.toggle("warn", health.dropped > 0);
    queue.classList.toggle("warn", health.queued > 10_000);
    say(way, wayOf(health));
    if (!this.drawer.hidden) this.showDrawer(health);
  }

  private showDrawer(health: Health): void {
    if (health.daemons.length === 0) {
      const advice = "Start the page with a daemon to watch: oxview web -H 127.0.0.1:3513";
      fill(this.drawer, element("p", { class: "quiet" }, advice));
      return;
    }
    fill(this.drawer, element("div", { class: "way" }, ...health.daemons.map(daemonCard)));
  }
}

/** How it is, in a few words; who does not answer is what one has to know first. */
function stateOf({ state, daemons }: Health): string {
  const silent = daemons.filter(({ reachable }) => !reachable);
  const [one] = silent;
  if (one === undefined) return SAID[state] ?? state;
  return silent.length === 1 ? `no answer from ${one.name ?? one.address}` : `no answer from ${silent.length} of ${plural(daemons.length, "daemon")}`;
}

/** Where events go from here: destinations that take them now. */
function wayOf(health: Health): string {
  const active = health.daemons.flatMap(({ status }) => (status?.forward ?? []).map((list) => list.active ?? `${list.state}`));
  return active.length === 0 ? "" : `→ ${[...new Set(active)].join(", ")}`;
}

function daemonCard(daemon: Health["daemons"][number]): HTMLElement {
  const kind = daemon.reachable ? (KINDS[daemon.state] ?? "warn") : "error";
  const error = daemon.reachable ? null : (daemon.error ?? "does not answer");
  return element(
    "div",
    { class: "card" },
    element("h2", {}, element("i", { class: `dot ${kind}` }), daemon.name ?? daemon.address),
    error !== null && element("p", { class: "error" }, error),
    ...daemon.problems.filter(({ text }) => text !== error).map(({ text, state }) => element("p", { class: state === "failing" ? "error" : "warn" }, text)),
    daemon.status !== null && statusFacts(daemon.address, daemon.status),
  );
}

function statusFacts(address: string, status: DaemonStatus): HTMLElement {
  const facts: [string, string][] = [["control", address]];
  const put = (name: string, value: number | null | undefined, say: (value: number) => string): void => {
    if (value !== null && value !== undefined) facts.push([name, say(value)]);
  };
  const { events = {}, spool, forward = [] } = status;
  put("up", status.uptime_seconds, briefly);
  put("in, per second", events.rate_in, rate);
  put("accepted", events.accepted, count);
  put("recovered from the spool", events.recovered, count);
  put("stored", events.stored, count);
  put("stored, per second", events.rate_stored, rate);
  put("forwarded", events.forwarded, count);
  put("queued", events.queued, count);
  put("queued, size", events.queued_bytes, bytes);
  put("lag", status.lag_seconds, briefly);
  put("skipped for watchers", events.skipped, count);
  for (const [reason, dropped] of Object.entries(events.dropped ?? {})) facts.push([`dropped: ${reason}`, count(dropped)]);
  if (spool) put("spool", spool.used_bytes, (used) => `${bytes(used)} of ${bytes(spool.max_bytes ?? Number.NaN)}`);
  for (const list of forward) {
    const name = forward.length > 1 ? `list ${list.list}: ` : "";
    for (const { address: to, state } of list.destinations) facts.push([`${name}→ ${to}`, state]);
    facts.push([`${name}waiting for it`, count(list.queued)]);
  }
  return element("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}
