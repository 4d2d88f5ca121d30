/** Evaluations on all test images, on generated ones and on landmarks, cut into slices between which commands are heard. */

import type { EngineName } from '../../protocol/engines.js';
import type { GeneratedReading, PseudoLabelReading } from '../../protocol/reports.js';
import type { Engine } from '../engine/engine.js';
import { Pace } from './pace.js';
import type { PseudoLabels } from './pseudo-labels.js';
import type { Reading } from './reading.js';

export interface EvaluationResult {
  /** Share of the test images that was classified correctly, 0 to 1. */
  readonly accuracy: number;
  /** null without a generator. */
  readonly generated: GeneratedReading | null;
  /** null where no labels were spread. */
  readonly pseudoLabels: PseudoLabelReading | null;
}

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

  #generated: GeneratedReading | null = null;
  readonly #reading: Reading | null;
  readonly #pseudoLabels: PseudoLabels | null;

  /** Over test images 0 .. count - 1, then over generated ones and over landmarks where there is something to read. */
  constructor(
    count: number,
    now: () => number,
    reading: Reading | null,
    pseudoLabels: PseudoLabels | null = null,
  ) {
    this.#count = count;
    this.#now = now;
    this.#reading = reading;
    this.#pseudoLabels = pseudoLabels;
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
    this.#reading?.giveUp();
    this.#pseudoLabels?.giveUp();
    this.#generated = null;
    this.#next = 0;
    this.#correct = 0;
  }

  /**
   * Looks at one slice, or at several in one call where the engine joins them. Resolves with what they come to
   * once all images were seen; with null before that.
   */
  async goOn(engine: Engine): Promise<EvaluationResult | null> {
    if (this.#next < this.#count) await this.#classify(engine);
    if (this.#next < this.#count) return null;
    if (this.#reading !== null && this.#generated === null) {
      this.#generated = await this.#reading.goOn(engine);
      if (this.#generated === null) return null;
    }
    const read = this.#pseudoLabels === null ? 'nothing' : await this.#pseudoLabels.goOn(engine);
    if (read === null) return null;
    const result: EvaluationResult = {
      accuracy: this.#correct / this.#count,
      generated: this.#generated,
      pseudoLabels: read === 'nothing' ? null : read,
    };
    this.giveUp();
    return result;
  }

  async #classify(engine: Engine): Promise<void> {
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
  }
}
