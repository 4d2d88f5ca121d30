/** Evaluations and losses as columns for the charts, with the values at any step. Pure. */

import type { EvaluationReport } from '../../protocol.js';
import type { LossColumns } from '../loss-series.js';

export interface AccuracyColumns {
  readonly steps: number[];
  readonly test: (number | undefined)[];
  readonly train: (number | undefined)[];
  readonly baseline: (number | undefined)[];
}

/** One column of steps for a run and its baseline; undefined where one of them has no evaluation. */
export function alignEvaluations(
  evaluations: readonly EvaluationReport[],
  baseline: readonly EvaluationReport[],
): AccuracyColumns {
  const byStep = (list: readonly EvaluationReport[]): Map<number, EvaluationReport> =>
    new Map(list.map((evaluation) => [evaluation.step, evaluation]));
  const [own, other] = [byStep(evaluations), byStep(baseline)];
  const steps = [...new Set([...own.keys(), ...other.keys()])].sort((left, right) => left - right);
  return {
    steps,
    test: steps.map((step) => own.get(step)?.testAccuracy),
    train: steps.map((step) => own.get(step)?.meanTrainAccuracy),
    baseline: steps.map((step) => other.get(step)?.testAccuracy),
  };
}

/** Index of the last of ascending `steps` that is not after `step`; -1 where there is none. */
export function indexAt(steps: readonly number[], step: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle]! <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Smoothed losses at a step, or at the last one. */
export function lossesAt(
  { steps, discriminatorSmoothed, generatorSmoothed }: LossColumns,
  step: number | null,
): { readonly discriminator: number | null; readonly generator: number | null } {
  const index = step === null ? steps.length - 1 : indexAt(steps, step);
  return { discriminator: discriminatorSmoothed[index] ?? null, generator: generatorSmoothed[index] ?? null };
}
