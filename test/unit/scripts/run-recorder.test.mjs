/** What a run records: its own evaluations and no other run's. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { RunRecorder } from '../../../scripts/lib/run-recorder.mjs';

test('runs beside each other that begin with the same list share no evaluation', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'recorder-'));
  context.after(() => rm(folder, { recursive: true }));
  const evaluations = [];
  const trainer = { save: async () => {}, saveSamples: async () => false };
  const record = async (name, steps) => {
    const recorder = new RunRecorder({
      folder: path.join(folder, name),
      evaluations,
      onFailure: assert.fail,
    });
    recorder.attach(trainer);
    for (const step of steps) {
      recorder.evaluated({ step, trainAccuracy: 1, testAccuracy: 1, losses: {}, elapsedMs: 1 });
    }
    await recorder.finish();
    const text = await readFile(path.join(folder, name, 'metrics.jsonl'), 'utf8');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).step);
  };
  const both = await Promise.all([record('a', [1, 2]), record('b', [3])]);
  assert.deepEqual(both, [[1, 2], [3]]);
});
