/**
 * Adam's step sizes for a window of steps, computed in float64 (1 - beta2^t cancels in float32) and
 * uploaded once a window, so that no step uploads anything.
 */

import { adamScalar } from '../plan/adam-scalar.js';
import type { OptimiserPlan } from '../plan/operations.js';

/** Steps of a window; one upload in so many. */
export const RATE_STEPS = 16_384;

/** float32 [RATE_STEPS, optimisers]: row i belongs to the step made after `firstStep + i` updates. */
export function ratesFrom(
  optimisers: readonly OptimiserPlan[],
  firstStep: number,
): Float32Array<ArrayBuffer> {
  const rates = new Float32Array(RATE_STEPS * optimisers.length);
  for (let i = 0; i < RATE_STEPS; i++) {
    const t = firstStep + i + 1;
    optimisers.forEach((optimiser, index) => {
      rates[i * optimisers.length + index] = adamScalar(optimiser, t);
    });
  }
  return rates;
}
