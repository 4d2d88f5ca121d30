/** The step scalars of a program, each once, in the order in which they were asked for. */

import type { StepScalar } from '../step-scalars.js';

export class ScalarTable {
  readonly #scalars: StepScalar[] = [];

  get scalars(): readonly StepScalar[] {
    return this.#scalars;
  }

  /** Index of a scalar, which is added where there is none like it. */
  indexOf(scalar: StepScalar): number {
    const text = JSON.stringify(scalar);
    const found = this.#scalars.findIndex((known) => JSON.stringify(known) === text);
    return found === -1 ? this.#scalars.push(scalar) - 1 : found;
  }
}
