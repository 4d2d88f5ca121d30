/** The step scalars of a window of steps, uploaded once a window, so that no step uploads anything. */

import { stepScalar, type StepScalar } from '../plan/step-scalars.js';
import { RATE_STEPS } from './kernels/shader.js';

/** float32 [RATE_STEPS, scalars]: row i belongs to the step made after `firstStep + i` updates. */
export function ratesFrom(scalars: readonly StepScalar[], firstStep: number): Float32Array<ArrayBuffer> {
  const rates = new Float32Array(RATE_STEPS * scalars.length);
  for (let i = 0; i < RATE_STEPS; i++) {
    scalars.forEach((scalar, index) => {
      rates[i * scalars.length + index] = stepScalar(scalar, firstStep + i);
    });
  }
  return rates;
}
