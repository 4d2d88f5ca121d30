/** What a headless run goes on from: a checkpoint that fits the options, and the metrics beside it. */

import path from 'node:path';
import { UsageError } from './main.mjs';
import { METRICS, RUN, readWhole } from './run-folder.mjs';
import { toLine } from './run-recorder.mjs';
import { readMetrics, readRun } from './side-files.mjs';
import { importSource } from './source-modules.mjs';
import { checkAgainstCheckpoint } from './train-options.mjs';

const { isEvaluationDue } = await importSource('src/protocol/evaluation-schedule.ts');
const { readCheckpoint } = await importSource('src/worker/checkpoint/checkpoint.ts');

/** Whether bytes are a checkpoint of ours, sound in itself. */
export function isCheckpoint(bytes) {
  try {
    readCheckpoint(new Uint8Array(bytes));
    return true;
  } catch {
    return false;
  }
}

async function read(file) {
  try {
    const bytes = await readWhole(file);
    return { bytes, checkpoint: readCheckpoint(new Uint8Array(bytes)) };
  } catch (error) {
    throw new UsageError(`${file}: ${error.message}`, { cause: error });
  }
}

/**
 * Reads a checkpoint file and what lies beside it. `given` are the settings from the command line.
 * Returns the file's bytes, its step, whether it has finished, the steps before its first accuracy, the lines of evaluations that lie beside it, its
 * `lastEvaluation` as such a line (null where there is none), how long it took, the fingerprint of its data, the sessions
 * before, the options about data that it was begun with, what else run.json `describes`, and `problems`: a name and words
 * for each file beside it that is damaged. Throws a UsageError where the checkpoint is none of ours or contradicts `given`.
 */
export async function readResumedRun(file, given) {
  const { bytes, checkpoint } = await read(file);
  const { settings, progress } = checkpoint;
  checkAgainstCheckpoint(given, settings);
  const { step, evaluatedStep, unmeasuredSteps } = progress;
  const steps = given.steps ?? settings.steps;
  if (steps < step) {
    throw new UsageError(
      `--steps ${steps} is less than the ${step} steps done; it is the total, not what is added.`,
    );
  }
  // As the worker has it: a run that ends in a stage without an accuracy has finished without one.
  const { evalEvery } = settings;
  const isEvaluationOwed =
    evaluatedStep !== step && isEvaluationDue(step, { evalEvery, steps, unmeasuredSteps });
  const folder = path.dirname(file);
  const run = await readRun(folder);
  const metrics = await readMetrics(folder, evaluatedStep, run.sessions[0]?.fromStep);
  const problems = [
    [RUN, run.problems],
    [METRICS, metrics.problems],
  ].filter(([, words]) => words.length > 0);
  // The file beside it is asked where a checkpoint is of a build that kept none.
  const kept = progress.evaluations.at(-1);
  const beside = metrics.evaluations.find((line) => line.step === evaluatedStep) ?? null;
  return {
    bytes,
    step,
    isFinished: steps === step && !isEvaluationOwed,
    unmeasuredSteps,
    evaluations: metrics.evaluations,
    lastEvaluation: kept === undefined ? beside : toLine(kept),
    elapsedMs: Math.round(progress.elapsedMs),
    fingerprint: checkpoint.dataFingerprint,
    sessions: run.sessions,
    data: run.data,
    describes: run.describes,
    problems: problems.map(([name, words]) => ({ name, words: words.join(', ') })),
  };
}
