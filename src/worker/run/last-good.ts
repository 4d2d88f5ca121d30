/** The newest state of a run whose every value is finite: what is left to save when the run fails. */

import { checkFinite, type RunSnapshot } from '../checkpoint/snapshot.js';
import { Cadence } from './pace.js';

/** While running, a state is kept at most this often, evaluations apart. */
const EVERY_MS = 5000;

export class LastGood {
  /** Milliseconds of a monotonic clock. */
  readonly #now: () => number;
  /** The checkpoint's that the run went on from, or 0. */
  readonly #resumedStep: number;
  readonly #cadence = new Cadence(EVERY_MS);
  #snapshot: RunSnapshot | null = null;

  constructor(now: () => number, resumedStep: number) {
    this.#now = now;
    this.#resumedStep = resumedStep;
  }

  /** Null before the first, and once it was forgotten. */
  get snapshot(): RunSnapshot | null {
    return this.#snapshot;
  }

  get isDue(): boolean {
    return this.#cadence.isDue(this.#now());
  }

  /** Keeps the state that `take` gives. Throws `NonFiniteLoss` where it is not good, and keeps the one before. */
  async keep(take: () => Promise<RunSnapshot>): Promise<void> {
    const startedAt = this.#now();
    const snapshot = await take();
    checkFinite(snapshot.state, this.#resumedStep);
    this.#snapshot = snapshot;
    this.#cadence.done(startedAt, this.#now());
  }

  forget(): void {
    this.#snapshot = null;
  }
}
