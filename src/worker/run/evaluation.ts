/** Evaluations on all test images, cut into slices between which commands are heard. */

import type { EngineName } from '../../protocol/engines.js';
import type { Engine } from '../engine/engine.js';
import { Pace } from './pace.js';

/** Makes one evaluation after the other. It changes nothing in the engine, so it may rest between two slices. */
export class Evaluation {
  readonly #count: number;
  /** Milliseconds of a monotonic clock. */
  readonly #now: () => number;
  /** In slices. */
  #pace = new Pace();
  #pacedEngine: EngineName | null = null;
  /** Test images of a slice. */
  #slice = 1;
  #next = 0;
  #correct = 0;

  /** Over test images 0 .. count - 1. */
  constructor(count: number, now: () => number) {
    this.#count = count;
    this.#now = now;
  }

  /** Whether one was begun and is not over. */
  get isUnderWay(): boolean {
    return this.#next > 0;
  }

  /** About how long the one under way would still take, by its pace so far; 0 where none is. */
  get leftMs(): number {
    if (!this.isUnderWay) return 0;
    return (1000 * (this.#count - this.#next)) / this.#slice / this.#pace.stepsPerSecond;
  }

  /** Forgets the one under way. */
  giveUp(): void {
    this.#next = 0;
    this.#correct = 0;
  }

  /**
   * Looks at one slice, or at several in one call where the engine joins them. Resolves with the share that
   * was classified correctly, 0 to 1, once all images were seen; with null before that.
   */
  async goOn(engine: Engine): Promise<number | null> {
    const { evaluationSlice, joinsSlices, info } = engine;
    if (info.engine !== this.#pacedEngine) this.#pace = new Pace();
    this.#pacedEngine = info.engine;
    this.#slice = evaluationSlice;
    const slices = joinsSlices ? this.#pace.chunkSteps : 1;
    const count = Math.min(slices * evaluationSlice, this.#count - this.#next);
    const startedAt = this.#now();
    this.#correct += await engine.countCorrect(this.#next, count);
    this.#pace.measured(Math.ceil(count / evaluationSlice), this.#now() - startedAt);
    this.#next += count;
    if (this.#next < this.#count) return null;
    const accuracy = this.#correct / this.#count;
    this.giveUp();
    return accuracy;
  }
}
