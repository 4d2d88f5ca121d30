/** Why a command is refused in a state: the errors of the command table, one function each. */

import { SETTING_RANGES } from '../../protocol/settings.js';
import type { ErrorInfo } from '../../protocol/errors.js';
import type { TrainerState } from '../../protocol/reports.js';
import { TrainerError } from '../../protocol/errors.js';
import { invalidSetting } from '../../protocol/check-settings.js';
import { formatNumber } from '../../protocol/wording.js';

export function busy(command: string, state: TrainerState): TrainerError {
  const hint = state === 'loading' ? 'Wait until it has loaded, or reset.' : 'Pause first.';
  return new TrainerError('Busy', `"${command}" is not possible while ${state}. ${hint}`);
}

export function runFinished(step: number): TrainerError {
  const done = formatNumber(step);
  return new TrainerError(
    'RunFinished',
    `The run has made its ${done} steps. Raise "steps" to go on, or reset.`,
  );
}

export function runFailed(error: ErrorInfo | null): TrainerError {
  const reason = error === null ? '' : ` (${error.kind}: ${error.message})`;
  return new TrainerError(
    'RunFailed',
    `The run has failed${reason}. ` +
      'Save its last good state, load a checkpoint, or begin anew in a fresh worker.',
  );
}

export function nothingToSave(state: TrainerState): TrainerError {
  const reason =
    state === 'failed' ? 'it failed before there was a good state' : 'there is no run yet; start one';
  return new TrainerError('NothingToSave', `Nothing can be saved: ${reason}.`);
}

/** Why a run that was being made is not. */
export function givenUp(): TrainerError {
  return new TrainerError('Aborted', 'Loading was given up for a later command.');
}

/** Throws `InvalidSettings` where a run would have to end before a step that it has made. */
export function checkSteps(steps: number, stepsDone: number): void {
  if (steps >= stepsDone) return;
  const { max } = SETTING_RANGES.steps;
  throw invalidSetting(
    'steps',
    steps,
    `whole numbers from ${formatNumber(stepsDone)}, the steps done, to ${formatNumber(max)}`,
  );
}
