/** What a headless run says of itself: run.json, and the lines about engine and end. */

import { readFileSync } from 'node:fs';
import { inRoot, packageVersion } from './paths.mjs';
import { formatDuration } from './train-display.mjs';

function readVersions() {
  const { version } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  return {
    'sgan-trainer': version,
    tfjs: packageVersion('@tensorflow/tfjs-core'),
    node: process.versions.node,
  };
}

/**
 * run.json: recipe, seed and every setting with its default filled in; the folder of the data; how many training images
 * were kept back; what the newest session ran on; and all sessions in order, one for each time that the run was begun or
 * gone on with.
 */
export function describeRun({
  settings,
  data,
  validation,
  engineReport,
  browser,
  machine: place,
  fromStep,
  sessions,
}) {
  // What is undefined is left out of the file: `data` of a run on MNIST, `validation` of a run that is evaluated on the
  // test images, `tiles` and `features` of engines that have none.
  const { engine, adapter, isSoftware, tiles, features } = engineReport;
  const machine = {
    engine,
    adapter,
    isSoftware,
    tiles,
    features,
    browser,
    ...place,
    versions: readVersions(),
  };
  const session = { startedAt: new Date().toISOString(), fromStep, ...machine };
  const { recipe, seed } = settings;
  return { recipe, seed, settings, data, validation, ...machine, sessions: [...sessions, session] };
}

export function describeEngine({ engine, adapter, isSoftware, fewerThreads, passedOver }) {
  const fewer =
    fewerThreads === undefined ? '' : ` instead of ${fewerThreads.wanted} (${fewerThreads.limit})`;
  const on = adapter === '' ? '' : ` on ${adapter}${fewer}${isSoftware ? ' (software)' : ''}`;
  const others = passedOver.map((other) => `${other.engine} (${other.reason})`);
  return `Engine: ${engine}${on}${others.length === 0 ? '' : `; passed over: ${others.join(', ')}`}`;
}

/** `evaluation` is the last report of one, null where this process made none. */
export function describeEnd({ settings, evaluation, out }) {
  const result =
    evaluation === null
      ? ''
      : ` in ${formatDuration(evaluation.elapsedMs)}, test accuracy ${(100 * evaluation.testAccuracy).toFixed(2)} %`;
  const steps = `${settings.steps} step${settings.steps === 1 ? '' : 's'}`;
  return `Finished ${steps}${result}. The run is in ${out}`;
}
