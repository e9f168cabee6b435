// What views and the shell know of each other: the place, ways to go elsewhere, and the panel beside the view.

import type { Parameters } from "./api.js";
import type { About, EventRow } from "./contract.js";
import type { Box, Place } from "./place.js";
import { stamp } from "./say/time.js";

export interface Page {
  readonly place: Place;
  readonly about: About | null;
  /** Whether what is shown follows the clock and the stream. */
  readonly live: boolean;
  /** Changes the place; `replace` where back should not stop. */
  go(change: Partial<Place>, how?: "push" | "replace"): void;
  setLive(on: boolean): void;
  /** Adds a condition to the filter. */
  narrow(condition: string): void;
  openTrace(id: string): void;
  /** Shows an event in the panel; `load` where the whole event has to be asked for. */
  showEvent(event: EventRow | { load: string; parameters: Parameters; title: string }): void;
  copy(text: string, what: string): void;
  notice(text: string): void;
  /** A filter that the server refused is marked where it was typed; true when this was one. */
  refused(failure: Error): boolean;
  /** Types and fields that are known here, for what is offered while typing. */
  known: { types: string[]; fields: string[] };
}

export interface View {
  readonly root: HTMLElement;
  /** The place has changed, or this view was opened. */
  show(place: Place): void;
  /** The clock went on; asked again at `refreshSeconds` while live. */
  refresh?(): void;
  readonly refreshSeconds?: number;
  /** Live was switched on or off. */
  liveChanged?(on: boolean): void;
  /** True when the key was this view's. */
  key(event: KeyboardEvent): boolean;
  close(): void;
}

/** The parameters that all questions have. */
export function common(place: Place): Parameters {
  return {
    type: place.type,
    filter: place.filter,
    since: place.since,
    until: place.until,
  };
}

/** The box's parameters, of compare and events. */
export function boxed(box: Box | null, field: string): Parameters {
  return box === null ? {} : { from: stamp(box.from), to: stamp(box.to), low: box.low, high: box.high, field };
}
