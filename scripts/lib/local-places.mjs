/** Places for runs on this machine: so many browsers at once. */

import os from 'node:os';
import { LocalPage } from './local-page.mjs';

export class LocalPlaces {
  #free;
  #jobs;
  #wake = () => {};

  constructor(jobs) {
    this.#jobs = jobs;
    this.#free = jobs;
  }

  /** Settings for runs that begin here: browsers beside each other share the cores. */
  get settings() {
    return this.#jobs === 1
      ? {}
      : { threads: Math.max(1, Math.floor(os.availableParallelism() / this.#jobs)) };
  }

  /** The next free place; null once `signal` has aborted. One call at a time. */
  async take(signal) {
    while (this.#free === 0 && !signal.aborted) {
      await new Promise((resolve) => {
        this.#wake = () => {
          signal.removeEventListener('abort', this.#wake);
          resolve();
        };
        signal.addEventListener('abort', this.#wake);
      });
    }
    if (signal.aborted) return null;
    this.#free--;
    return {
      name: 'this machine',
      site: null,
      makePage: () => new LocalPage(),
      describe: () => ({}),
      isBroken: false,
      refuse: async () => {},
      release: () => {
        this.#free++;
        this.#wake();
      },
    };
  }

  async close() {}
}
