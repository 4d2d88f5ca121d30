/** When a run is evaluated. */

import type { Settings } from './settings.js';

/** What decides it: two settings, and the steps of the recipe's stages that have no accuracy, which come first. */
export interface EvaluationSchedule extends Pick<Settings, 'evalEvery' | 'steps'> {
  readonly unmeasuredSteps: number;
}

/**
 * Whether step `step` (updates done) is followed by an evaluation: the first measured, the last, every interval's.
 * With an interval of 0 the last alone.
 */
export function isEvaluationDue(
  step: number,
  { evalEvery, steps, unmeasuredSteps }: EvaluationSchedule,
): boolean {
  if (step <= unmeasuredSteps) return false;
  if (step >= steps) return true;
  return evalEvery > 0 && (step === unmeasuredSteps + 1 || step % evalEvery === 0);
}

/** Updates from `step` until the next evaluation is due, or until the run ends; at least 1. */
export function stepsToEvaluation(
  step: number,
  { evalEvery, steps, unmeasuredSteps }: EvaluationSchedule,
): number {
  const interval = evalEvery === 0 ? Infinity : (Math.floor(step / evalEvery) + 1) * evalEvery;
  const next = step <= unmeasuredSteps && evalEvery > 0 ? unmeasuredSteps + 1 : interval;
  return Math.max(1, Math.min(next, steps) - step);
}

/** Evaluations of a whole run. */
export function evaluationCount(schedule: EvaluationSchedule): number {
  const { evalEvery, steps, unmeasuredSteps } = schedule;
  if (evalEvery === 0) return 1;
  const ofInterval = Math.floor(steps / evalEvery) - Math.floor(unmeasuredSteps / evalEvery);
  const isFirstApart = (unmeasuredSteps + 1) % evalEvery !== 0;
  const isLastApart = steps > unmeasuredSteps + 1 && steps % evalEvery !== 0;
  return ofInterval + Number(isFirstApart) + Number(isLastApart);
}
