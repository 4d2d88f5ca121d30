/** One evaluation on all test images, cut into slices between which commands are heard. */

import type { Engine } from '../engine/engine.js';

/** Progress of one evaluation. It changes nothing in the engine, so it may rest between two slices. */
export class Evaluation {
  readonly #count: number;
  readonly #slice: number;
  #next = 0;
  #correct = 0;

  /** Over test images 0 .. count - 1; `slice` is the least number looked at between two commands. */
  constructor(count: number, slice: number) {
    this.#count = count;
    this.#slice = slice;
  }

  get isDone(): boolean {
    return this.#next >= this.#count;
  }

  /** Share classified correctly of the images seen, 0 to 1. */
  get accuracy(): number {
    return this.#correct / this.#next;
  }

  /** Looks at up to `slices` slices in one call of the engine; resolves with how many there were left to take. */
  async evaluateSlices(engine: Engine, slices: number): Promise<number> {
    const count = Math.min(slices * this.#slice, this.#count - this.#next);
    this.#correct += await engine.countCorrect(this.#next, count);
    this.#next += count;
    return Math.ceil(count / this.#slice);
  }
}
