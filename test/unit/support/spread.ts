/** Rows and slices for tests of spreading. */

import type { UnitRows } from '../../../src/worker/spread/neighbours.js';
import { Slices } from '../../../src/worker/spread/slices.js';

/** Slices of a clock that stands still: nothing is let in. */
export function unhurried(): Slices {
  return new Slices({ now: () => 0, yieldToCommands: async () => {}, signal: new AbortController().signal });
}

/** Rows of length 1, or 0 where all values are 0. */
export function unitRows(
  count: number,
  size: number,
  valueOf: (row: number, index: number) => number,
): UnitRows {
  const values = new Float32Array(count * size);
  for (let row = 0; row < count; row++) {
    const own = Float64Array.from({ length: size }, (_, index) => valueOf(row, index));
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    own.forEach((value, index) => {
      values[row * size + index] = length === 0 ? 0 : value / length;
    });
  }
  return { count, size, values };
}
