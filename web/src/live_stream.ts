// The live stream: the server's messages, and how much of what happened was not shown.

import { address } from "./api.js";
import type { LiveDaemon, LiveEvents, LiveHello } from "./contract.js";
import type { Place } from "./place.js";

export interface LiveListener {
  events(batch: LiveEvents): void;
  state(state: LiveState): void;
}

export type LiveState =
  | { kind: "connecting" }
  | { kind: "watching"; daemons: string[] }
  | { kind: "lost"; why: string };

export class LiveStream {
  private source: EventSource | null = null;
  private watched = "";

  constructor(private readonly listener: LiveListener) {}

  /** Watches what type and filter ask for; does nothing when it does so already. */
  watch(place: Place): void {
    const wanted = address("live", { type: place.type, filter: place.filter });
    if (this.source !== null && this.watched === wanted) return;
    this.close();
    this.watched = wanted;
    this.listener.state({ kind: "connecting" });
    const source = new EventSource(wanted);
    this.source = source;
    const on = <T>(name: string, use: (data: T) => void): void =>
      source.addEventListener(name, (event) => use(JSON.parse((event as MessageEvent<string>).data) as T));
    on<LiveHello>("hello", ({ daemons }) => this.listener.state({ kind: "watching", daemons }));
    on<LiveEvents>("events", (batch) => this.listener.events(batch));
    on<LiveDaemon>("daemon", ({ address: daemon, state, error }) => {
      if (state === "watching") this.listener.state({ kind: "watching", daemons: [daemon] });
      else if (error === null || error === "connecting") this.listener.state({ kind: "connecting" });
      else this.listener.state({ kind: "lost", why: `${daemon}: ${error}; it is tried again` });
    });
    source.onerror = () => {
      const over = source.readyState === EventSource.CLOSED;
      const why = over ? "the stream was refused" : "the connection was lost; it is tried again";
      this.listener.state({ kind: "lost", why });
    };
  }

  close(): void {
    this.source?.close();
    this.source = null;
  }
}
