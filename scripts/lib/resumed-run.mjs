/** What a headless run goes on from: a checkpoint that fits the options, and the metrics beside it. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from './main.mjs';
import { readMetrics, readRun } from './run-folder.mjs';
import { importSource } from './source-modules.mjs';
import { checkAgainstCheckpoint } from './train-options.mjs';

const { readCheckpoint } = await importSource('src/worker/checkpoint/checkpoint.ts');

function parse(file, bytes) {
  try {
    return readCheckpoint(new Uint8Array(bytes));
  } catch (error) {
    throw new UsageError(`${file}: ${error.message}`, { cause: error });
  }
}

/**
 * Reads a checkpoint file and what lies beside it. `given` are the settings from the command line.
 * Returns the file's bytes, its step, whether it has finished, the evaluations up to that step and the
 * sessions before. Throws a UsageError where the file is none of ours or contradicts `given`.
 */
export async function readResumedRun(file, given) {
  const bytes = await readFile(file);
  const { settings, progress } = parse(file, bytes);
  checkAgainstCheckpoint(given, settings);
  const { step, evaluatedStep } = progress;
  const steps = given.steps ?? settings.steps;
  if (steps < step) {
    throw new UsageError(
      `--steps ${steps} is less than the ${step} steps done; it is the total, not what is added.`,
    );
  }
  const folder = path.dirname(file);
  const run = await readRun(folder);
  return {
    bytes,
    step,
    isFinished: steps === step && evaluatedStep === step,
    evaluations: await readMetrics(folder, step),
    sessions: run?.sessions ?? [],
  };
}
