// One question at a time to the server: a newer one ends the older, and what was shown stays until the answer is there.

import { ApiError, ask, type Parameters } from "../api.js";
import { released } from "./pointer.js";

export interface Listener<T> {
  answered(answer: T): void;
  failed(failure: ApiError): void;
  /** Whether an answer is being waited for that someone sees missing; not told for quick ones. */
  waiting?(is: boolean): void;
}

const SHOWN_AS_WAITING_MILLIS = 200;

export class Question<T> {
  private running: AbortController | null = null;
  private retry = 0;

  constructor(private readonly listener: Listener<T>) {}

  /** Asks; a question on its way is ended, and the server stops working on it. */
  async ask(path: string, parameters: Parameters): Promise<void> {
    this.stop();
    const mine = new AbortController();
    this.running = mine;
    const slow = window.setTimeout(() => this.listener.waiting?.(true), SHOWN_AS_WAITING_MILLIS);
    try {
      const answer = await ask<T>(path, parameters, mine.signal);
      await released();
      if (this.running === mine) this.listener.answered(answer);
    } catch (failure) {
      if (this.running !== mine) return;
      if (!(failure instanceof ApiError)) throw failure;
      if (failure.retryMillis !== null) {
        this.retry = window.setTimeout(() => void this.ask(path, parameters), failure.retryMillis);
      } else {
        this.listener.failed(failure);
      }
    } finally {
      window.clearTimeout(slow);
      if (this.running === mine) {
        this.running = null;
        this.listener.waiting?.(false);
      }
    }
  }

  get busy(): boolean {
    return this.running !== null;
  }

  stop(): void {
    window.clearTimeout(this.retry);
    this.running?.abort();
    this.running = null;
  }
}
