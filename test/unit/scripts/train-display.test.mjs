/** What a headless run shows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toLine } from '../../../scripts/lib/run-recorder.mjs';
import { formatDuration, formatEvaluation } from '../../../scripts/lib/train-display.mjs';

test('durations are rounded to what a person cares about', () => {
  assert.equal(formatDuration(12_400), '12 s');
  assert.equal(formatDuration(61_000), '1 min 01 s');
  assert.equal(formatDuration(2 * 3_600_000 + 5 * 60_000), '2 h 05 min');
});

test('an evaluation shows the losses that are asked for, by name', () => {
  const report = {
    step: 200,
    trainAccuracy: 0.5,
    testAccuracy: 0.6312,
    losses: { discriminatorLoss: 0.57, generatorLoss: 3.571, fakeLoss: 1 },
  };
  assert.equal(
    formatEvaluation(report, ['discriminatorLoss', 'generatorLoss']),
    'step 200: test accuracy 63.12 %, train accuracy 50.00 %, discriminator loss 0.5700, generator loss 3.5710',
  );
  assert.doesNotMatch(formatEvaluation(report, ['discriminatorLoss']), /generator/);
});

test('a line of metrics.jsonl has every loss and term of the recipe, by name', () => {
  const report = { type: 'evaluation', step: 2, trainAccuracy: 0.5, testAccuracy: 0.25, elapsedMs: 12.4 };
  const line = toLine({ ...report, losses: { teacherLoss: 3, fakeLoss: 2 } });
  assert.equal(
    JSON.stringify(line),
    '{"step":2,"trainAccuracy":0.5,"testAccuracy":0.25,"teacherLoss":3,"fakeLoss":2,"elapsedMs":12}',
  );
});
