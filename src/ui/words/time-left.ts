/** How long a run still takes, from what was measured of it. */

import type { EvaluationReport } from '../../protocol/reports.js';

export interface RemainingTime {
  readonly ms: number;
  /** Only the steps were measured so far: evaluations come on top. */
  readonly isLowerBound: boolean;
}

/**
 * Time until `steps` updates are done; null where nothing was measured yet, or none is left to make. The time between
 * the last two evaluations counts everything (steps, evaluation, images), so it is preferred to the pace of the steps
 * alone.
 */
export function remainingTime(
  step: number,
  steps: number,
  stepsPerSecond: number | null,
  evaluations: readonly Pick<EvaluationReport, 'step' | 'elapsedMs'>[],
): RemainingTime | null {
  const left = Math.max(0, steps - step);
  const last = evaluations.at(-1);
  if (left === 0) return null;
  // Earlier ones, where the clock has seen no time pass since the one before: some are coarse.
  const before = evaluations.findLast(
    ({ step: at, elapsedMs }) => at < last!.step && elapsedMs < last!.elapsedMs,
  );
  if (last !== undefined && before !== undefined) {
    const msPerStep = (last.elapsedMs - before.elapsedMs) / (last.step - before.step);
    return { ms: left * msPerStep, isLowerBound: false };
  }
  if (stepsPerSecond === null || stepsPerSecond <= 0) return null;
  return { ms: (1000 * left) / stepsPerSecond, isLowerBound: true };
}
