/** run.json: what a run says of itself and of what it ran on. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeRun } from '../../../scripts/lib/run-description.mjs';

const REPORT = { engine: 'webgpu', adapter: 'a GPU', isSoftware: false };
const RUN = {
  settings: { recipe: 'notebook', seed: 3, subgroups: true },
  browser: 'Chromium',
  machine: { cpu: 'a CPU' },
  fromStep: 0,
  sessions: [],
};

test('names the features of the GPU that bits depend on, and none where there are none', () => {
  const run = describeRun({ ...RUN, engineReport: { ...REPORT, features: ['subgroups'] } });
  assert.deepEqual(run.features, ['subgroups']);
  assert.deepEqual(run.sessions[0].features, ['subgroups']);
  assert.equal(run.settings.subgroups, true);
  const other = JSON.parse(JSON.stringify(describeRun({ ...RUN, engineReport: REPORT })));
  assert.ok(!('features' in other) && !('features' in other.sessions[0]));
});
