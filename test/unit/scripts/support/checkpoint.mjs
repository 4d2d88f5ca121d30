/** Folders of runs that stand somewhere, without a network in their checkpoints: for what reads no further. */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { importSource } from '../../../../scripts/lib/source-modules.mjs';

const { completeSettings } = await importSource('src/protocol/check-settings.ts');
const { writeSafetensors } = await importSource('src/worker/checkpoint/safetensors.ts');
const { digestOf } = await importSource('src/worker/checkpoint/digest.ts');

function evaluationAt(step) {
  return {
    ...{ step, trainAccuracy: 0.5, meanTrainAccuracy: 0.5, testAccuracy: 0.75 },
    ...{ losses: {}, generated: null, pseudoLabels: null, elapsedMs: 5000 },
  };
}

/**
 * Makes a folder of a run by the settings `given` after `step` steps, evaluated then unless all of them are
 * `unmeasuredSteps`; `besides` are files beside the checkpoint.
 */
export async function writeRun(folder, given, step, { unmeasuredSteps = 0, besides = {} } = {}) {
  const settings = completeSettings(given);
  const isEvaluated = step > unmeasuredSteps;
  const progress = {
    ...{ step, unmeasuredSteps, evaluatedStep: isEvaluated ? step : 0 },
    evaluations: isEvaluated ? [evaluationAt(step)] : [],
    ...{ accuracySum: 0, accuracyCount: 0, lastValues: { trainAccuracy: 0.5 }, elapsedMs: 6000 },
  };
  const metadata = {
    ...{ format: 'sgan-trainer-checkpoint', formatVersion: '2', dataFingerprint: 'abc' },
    scheduleSteps: String(settings.steps),
    ...{ settings: JSON.stringify(settings), progress: JSON.stringify(progress) },
  };
  const tensors = new Map();
  metadata.digest = digestOf({ tensors, metadata });
  await mkdir(folder, { recursive: true });
  const files = { 'checkpoint.safetensors': writeSafetensors({ tensors, metadata }), ...besides };
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
}
