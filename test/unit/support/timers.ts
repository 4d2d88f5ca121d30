/** Timers that a test moves: nothing happens between two calls of `pass`. */

import type { StartTimer } from '../../../src/protocol/patience.js';

export class Timers {
  #nowMs = 0;
  #due: { readonly atMs: number; readonly callback: () => void }[] = [];

  readonly start: StartTimer = (callback, delayMs) => {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#due.push(timer);
    return () => void (this.#due = this.#due.filter((other) => other !== timer));
  };

  /** How many are started and neither called back nor called off. */
  get count(): number {
    return this.#due.length;
  }

  /** Lets time pass in one go for a thread that is awake. */
  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [next] = this.#due.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > endMs) break;
      this.#nowMs = next.atMs;
      this.#callBack(next);
    }
    this.#nowMs = endMs;
  }

  /** As long for one that is not: whatever was due meanwhile comes late, and once. */
  sleep(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#due.filter(({ atMs }) => atMs <= this.#nowMs)) this.#callBack(timer);
  }

  #callBack(timer: { readonly callback: () => void }): void {
    this.#due = this.#due.filter((other) => other !== timer);
    timer.callback();
  }
}
