/**
 * Tells screen readers what changed, through one live region. Owns when to speak: changes of state at
 * once, evaluations at most every few seconds, since a fast engine makes several a second.
 */

import type { ReactiveController, ReactiveControllerHost } from 'lit';

const QUIET_MS = 5000;

export class Announcer implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #now: () => number;
  #text = '';
  #waiting: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #spokenAt = -Infinity;

  constructor(host: ReactiveControllerHost, now: () => number = () => performance.now()) {
    this.#host = host;
    this.#now = now;
    host.addController(this);
  }

  /** What the live region holds. */
  get text(): string {
    return this.#text;
  }

  /** Says it now; what waits is dropped, being older. */
  sayNow(text: string): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = null;
    this.#speak(text);
  }

  /** Says it when it has been quiet for a while; of several only the last. */
  saySoon(text: string): void {
    this.#waiting = text;
    if (this.#timer !== undefined) return;
    const delayMs = Math.max(0, this.#spokenAt + QUIET_MS - this.#now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const waiting = this.#waiting;
      this.#waiting = null;
      if (waiting !== null) this.#speak(waiting);
    }, delayMs);
  }

  hostDisconnected(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = null;
  }

  #speak(text: string): void {
    this.#spokenAt = this.#now();
    this.#text = text;
    this.#host.requestUpdate();
  }
}
