/** Tells when the element is scrolled into view and out of it, for as long as a host wants to know. */

import type { LitElement, ReactiveController } from 'lit';

export interface OnScreenOptions {
  readonly onEnter: () => void;
  readonly onLeave: () => void;
}

export class OnScreen implements ReactiveController {
  readonly #host: LitElement;
  readonly #options: OnScreenOptions;
  #observer: IntersectionObserver | null = null;
  #isWatched = false;
  /** null before it was seen or missed first. */
  #isInside: boolean | null = null;

  constructor(host: LitElement, options: OnScreenOptions) {
    this.#host = host;
    this.#options = options;
    host.addController(this);
  }

  /** Whether it was last seen in view. Where nothing can tell, it always is. */
  get isInside(): boolean {
    return this.#isInside === true || typeof IntersectionObserver === 'undefined';
  }

  /** Begins or ends to watch. Whether it is in view already is told soon after. */
  watch(isWanted: boolean): void {
    if (isWanted === this.#isWatched) return;
    this.#isWatched = isWanted;
    if (isWanted) this.#begin();
    else this.#end();
  }

  hostConnected(): void {
    if (this.#isWatched) this.#begin();
  }

  hostDisconnected(): void {
    this.#end();
  }

  #begin(): void {
    if (typeof IntersectionObserver === 'undefined' || this.#observer !== null || !this.#host.isConnected)
      return;
    this.#observer = new IntersectionObserver((entries) => {
      const isInside = entries.at(-1)!.isIntersecting;
      if (isInside === this.#isInside) return;
      this.#isInside = isInside;
      if (isInside) this.#options.onEnter();
      else this.#options.onLeave();
    });
    this.#observer.observe(this.#host);
  }

  #end(): void {
    this.#observer?.disconnect();
    this.#observer = null;
    this.#isInside = null;
  }
}
