/** float32 to float16 and back, for parameters that lie in a file. */

import { fromHalf, HALF_OVERFLOW, toHalf } from '../../src/worker/engine/plan/half-floats.js';

/** The bits of the nearest halves. Throws where a number is too large for one. */
export function toHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  const tooLarge = values.find((value) => !(Math.abs(value) < HALF_OVERFLOW));
  if (tooLarge !== undefined) {
    throw new Error(`${tooLarge} cannot be kept as a half; only numbers below ${HALF_OVERFLOW} can.`);
  }
  return Uint16Array.from(values, toHalf);
}

export function fromHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(halves, fromHalf);
}
