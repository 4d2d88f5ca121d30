/** The engine of a run, which takes one call at a time, and its end. */

import { TrainerError } from '../../protocol/errors.js';
import type { Engine } from '../engine/engine.js';
import { SerialQueue } from './serial-queue.js';

export class EngineCalls {
  readonly #engine: Engine;
  readonly #queue = new SerialQueue();
  #isClosed = false;

  /** The engine belongs to these calls from now on. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Settles as `work` does, which begins when what was asked for before is done. */
  call<T>(work: (engine: Engine) => Promise<T> | T): Promise<T> {
    return this.#queue.run(() => {
      if (!this.#isClosed) return work(this.#engine);
      throw new TrainerError('Aborted', 'The run was given up before this could be done.');
    });
  }

  /** Frees the engine after the call under way. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // A lost device may not even be freed; nothing waits for it, and what is wrong was said before.
    await this.#queue.run(() => this.#engine.dispose()).catch(() => undefined);
  }
}
