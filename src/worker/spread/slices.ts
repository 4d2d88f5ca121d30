/** Long work of the worker's thread in slices, between which commands are heard and the work may be given up. */

/** A slice takes about this long. */
const SLICE_MS = 20;

export interface SlicesOptions {
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Resolves once commands that have arrived are heard. */
  readonly yieldToCommands: () => Promise<void>;
  /** Aborted, with the reason, where the work is given up. */
  readonly signal: AbortSignal;
}

export class Slices {
  readonly #options: SlicesOptions;
  #begin: number;

  constructor(options: SlicesOptions) {
    this.#options = options;
    this.#begin = options.now();
  }

  /**
   * To be awaited where work can be broken off, every few milliseconds: lets commands in if the slice has lasted long
   * enough. Rejects with the signal's reason once it is aborted.
   */
  async pause(): Promise<void> {
    const { now, yieldToCommands, signal } = this.#options;
    signal.throwIfAborted();
    if (now() - this.#begin < SLICE_MS) return;
    await yieldToCommands();
    signal.throwIfAborted();
    this.#begin = now();
  }
}
