/** The evaluations of a run and of its baseline as columns for one chart. */

import type { EvaluationReport } from '../../protocol/reports.js';

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
