/** Whether the progress of a checkpoint is one that a run can have. */

import { SETTING_RANGES, type Settings } from '../../protocol/settings.js';
import { TRAIN_ACCURACY } from '../../recipe/metrics.js';
import { DATA_LIMITS } from '../data/dataset.js';
import type { Evaluation, GeneratedReading, PseudoLabelReading } from '../../protocol/reports.js';
import { describeValue, formatNumber } from '../../protocol/wording.js';
import { MOST_EVALUATIONS, type RunProgress } from './snapshot.js';

/** Ten years: no run takes so long, and a time beyond it is no time. */
const LONGEST_RUN_MS = 10 * 365 * 24 * 3_600_000;

function areMetrics(found: unknown): found is Record<string, number> {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
  return Object.values(found).every(
    (value) => typeof value === 'number' && Number.isFinite(Math.fround(value)),
  );
}

/** Entropy in bits of as many classes as data can have. */
const MOST_CLASS_BITS = Math.log2(DATA_LIMITS.classes.max);

function isWithin(value: unknown, most: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= most;
}

function isShare(value: unknown): value is number {
  return isWithin(value, 1);
}

/** What was read of generated images; null where nothing was, undefined where it is no reading. */
function readReading(found: unknown): GeneratedReading | null | undefined {
  // Earlier builds read none.
  if (found === undefined || found === null) return null;
  const { readShare, classBits, pixelDeviation } = found as Record<string, unknown>;
  // Both are rounded; pixels lie in [-1, 1].
  if (!isShare(readShare) || !isWithin(classBits, 1.001 * MOST_CLASS_BITS)) return undefined;
  return isWithin(pixelDeviation, 2) ? { readShare, classBits, pixelDeviation } : undefined;
}

/** What was made of landmarks; null where nothing was, undefined where it is no reading. */
function readPseudoLabels(found: unknown): PseudoLabelReading | null | undefined {
  // Earlier builds read none.
  if (found === undefined || found === null) return null;
  const { confidentLandmarks, spreadAgreement } = found as Record<string, unknown>;
  if (!isShare(confidentLandmarks) || !(spreadAgreement === null || isShare(spreadAgreement)))
    return undefined;
  return { confidentLandmarks, spreadAgreement };
}

/** An evaluation after `before`, if it can be one; null where it cannot. */
function readEvaluation(found: unknown, before: Evaluation | undefined): Evaluation | null {
  if (typeof found !== 'object' || found === null) return null;
  const { step, trainAccuracy, meanTrainAccuracy, testAccuracy, losses, elapsedMs } = found as Record<
    string,
    unknown
  >;
  const generated = readReading((found as Record<string, unknown>)['generated']);
  const pseudoLabels = readPseudoLabels((found as Record<string, unknown>)['pseudoLabels']);
  if (generated === undefined || pseudoLabels === undefined) return null;
  if (typeof step !== 'number' || !Number.isInteger(step) || step <= (before?.step ?? 0)) return null;
  if (!isShare(trainAccuracy) || !isShare(meanTrainAccuracy) || !isShare(testAccuracy)) return null;
  if (!areMetrics(losses)) return null;
  if (typeof elapsedMs !== 'number' || !(elapsedMs >= (before?.elapsedMs ?? 0))) return null;
  return {
    step,
    trainAccuracy,
    meanTrainAccuracy,
    testAccuracy,
    losses,
    generated,
    pseudoLabels,
    elapsedMs,
  };
}

/** The evaluations of a run that was evaluated last at `evaluatedStep`. Files of older builds have none. */
function readEvaluations(
  found: unknown,
  evaluatedStep: number,
  elapsedMs: number,
  unmeasuredSteps: number,
): readonly Evaluation[] {
  if (found === undefined) return [];
  if (!Array.isArray(found) || found.length > MOST_EVALUATIONS) {
    throw new Error(
      `its progress has "evaluations" ${describeValue(found)}, allowed are ${formatNumber(MOST_EVALUATIONS)} at most`,
    );
  }
  const evaluations: Evaluation[] = [];
  for (const [index, item] of found.entries()) {
    const evaluation = readEvaluation(item, evaluations.at(-1));
    if (evaluation === null) {
      throw new Error(`its progress has "evaluations" whose entry ${index + 1} is none that can follow`);
    }
    evaluations.push(evaluation);
  }
  const [first, last] = [evaluations[0], evaluations.at(-1)];
  if (first !== undefined && first.step <= unmeasuredSteps) {
    throw new Error(
      `its progress has "evaluations" from step ${formatNumber(first.step)} on, ` +
        `which a run has after step ${formatNumber(unmeasuredSteps)} alone`,
    );
  }
  if (last !== undefined && (last.step !== evaluatedStep || last.elapsedMs > elapsedMs)) {
    throw new Error(
      `its progress has "evaluations" that end at step ${formatNumber(last.step)}, ` +
        `only ${formatNumber(evaluatedStep)} fits its other fields`,
    );
  }
  return evaluations;
}

/** The progress, if it can be a run's. Throws an `Error` that names the field and what it may be. */
export function checkProgress(found: Record<string, unknown>, settings: Settings): RunProgress {
  const numberOf = (field: keyof RunProgress, least: number, most: number, isCount: boolean): number => {
    const value = found[field];
    const fits =
      typeof value === 'number' && value >= least && value <= most && (!isCount || Number.isInteger(value));
    if (fits) return value;
    const allowed =
      least === most
        ? `only ${formatNumber(least)} fits its other fields`
        : `allowed are ${formatNumber(least)} to ${formatNumber(most)}`;
    throw new Error(`its progress has "${field}" ${describeValue(value)}, ${allowed}`);
  };
  const step = numberOf('step', 0, settings.steps, true);
  // Files from before recipes had stages lack it.
  const unmeasuredSteps =
    found['unmeasuredSteps'] === undefined
      ? 0
      : numberOf('unmeasuredSteps', 0, SETTING_RANGES.steps.max, true);
  // An evaluation that takes long is given up where single steps are asked for: none is sure to have been made.
  const evaluatedStep = numberOf('evaluatedStep', 0, step, true);
  if (evaluatedStep > 0 && evaluatedStep <= unmeasuredSteps) numberOf('evaluatedStep', 0, 0, true);
  // Every measured step since then was counted, with a share of its images.
  const counted = Math.max(0, step - Math.max(evaluatedStep, unmeasuredSteps));
  const accuracyCount = numberOf('accuracyCount', counted, counted, true);
  const accuracySum = numberOf('accuracySum', 0, accuracyCount, false);
  const { lastValues } = found;
  if (!areMetrics(lastValues) || (step === 0) !== (Object.keys(lastValues).length === 0)) {
    throw new Error('its progress has no valid "lastValues"');
  }
  const accuracy = lastValues[TRAIN_ACCURACY] ?? 0;
  if (accuracy < 0 || accuracy > 1) {
    const value = describeValue(accuracy);
    throw new Error(`its progress has "lastValues" with a ${TRAIN_ACCURACY} of ${value}, allowed are 0 to 1`);
  }
  const elapsedMs = numberOf('elapsedMs', 0, LONGEST_RUN_MS, false);
  const evaluations = readEvaluations(found['evaluations'], evaluatedStep, elapsedMs, unmeasuredSteps);
  return {
    step,
    unmeasuredSteps,
    evaluatedStep,
    evaluations,
    accuracySum,
    accuracyCount,
    lastValues,
    elapsedMs,
  };
}
