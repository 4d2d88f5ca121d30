/** Adam's step size with its bias corrections folded in. */

import type { OptimiserPlan } from './operations.js';

/**
 * lr sqrt(1 - beta2^t) / (1 - beta1^t) of step t (from 1), as TensorFlow 1 has it. In float64, since
 * 1 - beta2^t cancels in float32.
 */
export function adamScalar(
  { learningRate, beta1, beta2 }: Pick<OptimiserPlan, 'learningRate' | 'beta1' | 'beta2'>,
  t: number,
): number {
  return (learningRate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
}
