/** When a run is evaluated. */

import type { Settings } from './settings.js';

/** Whether step `step` (updates done) is followed by an evaluation: the first, the last, every interval's. */
export function isEvaluationDue(
  step: number,
  { evalEvery, steps }: Pick<Settings, 'evalEvery' | 'steps'>,
): boolean {
  return step > 0 && (step === 1 || step % evalEvery === 0 || step >= steps);
}

/** Updates from `step` until the next evaluation is due, at least 1. */
export function stepsToEvaluation(
  step: number,
  { evalEvery, steps }: Pick<Settings, 'evalEvery' | 'steps'>,
): number {
  const next = step === 0 ? 1 : (Math.floor(step / evalEvery) + 1) * evalEvery;
  return Math.max(1, Math.min(next, steps) - step);
}

/** Evaluations of a whole run. */
export function evaluationCount({ evalEvery, steps }: Pick<Settings, 'evalEvery' | 'steps'>): number {
  const ofInterval = Math.floor(steps / evalEvery);
  const isFirstApart = evalEvery > 1;
  const isLastApart = steps > 1 && steps % evalEvery !== 0;
  return ofInterval + Number(isFirstApart) + Number(isLastApart);
}
