/** Whether the progress of a checkpoint is one that a run can have. */

import type { Settings } from '../../protocol/settings.js';
import { TRAIN_ACCURACY } from '../../recipe/metrics.js';
import { describeValue, formatNumber } from '../../protocol/wording.js';
import type { RunProgress } from './snapshot.js';

/** Ten years: no run takes so long, and a time beyond it is no time. */
const LONGEST_RUN_MS = 10 * 365 * 24 * 3_600_000;

/** The last step before `step` that an evaluation follows, which has been made by then; 0: none. */
function lastDueBefore(step: number, { evalEvery }: Settings): number {
  return step <= 1 ? 0 : Math.max(1, Math.floor((step - 1) / evalEvery) * evalEvery);
}

function areMetrics(found: unknown): found is Record<string, number> {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
  return Object.values(found).every(
    (value) => typeof value === 'number' && Number.isFinite(Math.fround(value)),
  );
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
  const evaluatedStep = numberOf('evaluatedStep', lastDueBefore(step, settings), step, true);
  // Every step since then was counted, with a share of its images.
  const accuracyCount = numberOf('accuracyCount', step - evaluatedStep, step - evaluatedStep, true);
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
  return { step, evaluatedStep, accuracySum, accuracyCount, lastValues, elapsedMs };
}
