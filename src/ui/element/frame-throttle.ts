/** Calls back in an animation frame, at most once in an interval: what is on the screen can wait that long. */

export class FrameThrottle {
  readonly #callback: () => void;
  readonly #intervalMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frame: number | undefined;
  #calledAt = -Infinity;

  constructor(callback: () => void, intervalMs: number) {
    this.#callback = callback;
    this.#intervalMs = intervalMs;
  }

  /** Asks for a call; asking again before it came changes nothing. */
  request(): void {
    if (this.#timer !== undefined || this.#frame !== undefined) return;
    const delayMs = this.#calledAt + this.#intervalMs - performance.now();
    if (delayMs <= 0) {
      this.#requestFrame();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#requestFrame();
    }, delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#timer = undefined;
    this.#frame = undefined;
  }

  #requestFrame(): void {
    this.#frame = requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#calledAt = performance.now();
      this.#callback();
    });
  }
}
