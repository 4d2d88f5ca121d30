/** The step scalars of a window of steps, uploaded once a window, so that no step uploads anything. */

import { stepScalar, type StepScalar } from '../plan/step-scalars.js';
import { WINDOW_STEPS } from './kernels/shader.js';

/** float32 [WINDOW_STEPS, scalars]: row i belongs to the step made `firstStep + i` updates after the schedules' origin. */
export function scalarWindow(scalars: readonly StepScalar[], firstStep: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(WINDOW_STEPS * scalars.length);
  for (let i = 0; i < WINDOW_STEPS; i++) {
    scalars.forEach((scalar, index) => {
      values[i * scalars.length + index] = stepScalar(scalar, firstStep + i);
    });
  }
  return values;
}
