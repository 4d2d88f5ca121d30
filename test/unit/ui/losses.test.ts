/** The losses of long runs, and where the charts' axes end. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvaluationReport, MetricsReport } from '../../../src/protocol/reports.js';
import { alignEvaluations } from '../../../src/ui/charts/columns.js';
import { accuracyRange, lossRange, niceCeiling, stepAxisEnd } from '../../../src/ui/charts/ranges.js';
import { LossSeries, smoothingSpan } from '../../../src/ui/charts/loss-series.js';

const RUN = {
  metrics: ['trainAccuracy', 'discriminatorLoss', 'generatorLoss', 'fakeLoss'],
  losses: ['discriminatorLoss', 'generatorLoss'],
};

function metrics(firstStep: number, losses: readonly (readonly [number, number])[]): MetricsReport {
  const values = Float32Array.from(
    losses.flatMap(([discriminator, generator]) => [0.5, discriminator, generator, 9]),
  );
  return { type: 'metrics', firstStep, steps: losses.length, values, stepsPerSecond: 1 };
}

const evaluation = (step: number, testAccuracy: number): EvaluationReport => ({
  type: 'evaluation',
  step,
  trainAccuracy: 1,
  meanTrainAccuracy: 0.5,
  testAccuracy,
  losses: { discriminatorLoss: 1 },
  generated: null,
  pseudoLabels: null,
  elapsedMs: step,
});

test('a constant loss smooths to itself from the first step on', () => {
  const series = new LossSeries(100, RUN);
  series.add(
    metrics(1, [
      [2, 4],
      [2, 4],
      [2, 4],
    ]),
  );
  const [discriminator, generator] = series.columns().losses;
  for (const value of discriminator!.smoothed) assert.ok(Math.abs(value! - 2) < 1e-12);
  for (const value of generator!.smoothed) assert.ok(Math.abs(value! - 4) < 1e-12);
});

test('what evaluations before a checkpoint say of the losses stands as it was, and steps go on from there', () => {
  const series = new LossSeries(10, RUN);
  series.addHistory([
    { step: 200, losses: { discriminatorLoss: 3, other: 9 } },
    { step: 400, losses: { discriminatorLoss: 2, generatorLoss: 5 } },
  ]);
  assert.deepEqual(
    [...series.at(null)],
    [
      ['discriminatorLoss', 2],
      ['generatorLoss', 5],
    ],
  );
  series.add(metrics(401, [[1, 4]]));
  const { steps, losses } = series.columns();
  assert.deepEqual(steps, [200, 400, 401]);
  const [discriminator, generator] = losses;
  assert.deepEqual(discriminator!.values, [3, 2, 1]);
  assert.deepEqual(discriminator!.smoothed, [3, 2, 1]);
  assert.deepEqual(generator!.smoothed, [null, 5, 4]);
});

test('smoothing forgets: after a jump the average is on its way', () => {
  const series = new LossSeries(10, RUN);
  series.add(
    metrics(
      1,
      Array.from({ length: 200 }, () => [0, 0] as const),
    ),
  );
  series.add(
    metrics(
      201,
      Array.from({ length: 10 }, () => [1, 0] as const),
    ),
  );
  const discriminator = series.at(null).get('discriminatorLoss');
  assert.ok(Math.abs(discriminator! - (1 - 0.9 ** 10)) < 1e-6);
});

test('however long the run, memory is bounded and nothing is lost from the averages', () => {
  const series = new LossSeries(20, RUN, 8);
  const steps = 1000;
  for (let step = 1; step <= steps; step++) series.add(metrics(step, [[step, 0]]));
  const columns = series.columns();
  assert.ok(columns.steps.length <= 8);
  assert.equal(columns.steps.at(-1), steps);
  const counts = columns.steps.map((step, index) => step - (columns.steps[index - 1] ?? 0));
  const [discriminator] = columns.losses;
  const sum = discriminator!.values.reduce<number>((total, mean, index) => total + mean! * counts[index]!, 0);
  assert.equal(Math.round(sum), (steps * (steps + 1)) / 2);
});

test('the series are the losses that the run names, a value that is none a gap', () => {
  const alone = new LossSeries(10, { metrics: ['trainAccuracy', 'onlyLoss'], losses: ['onlyLoss'] });
  alone.add({
    type: 'metrics',
    firstStep: 1,
    steps: 2,
    values: Float32Array.of(1, 4, 1, NaN),
    stepsPerSecond: 1,
  });
  assert.deepEqual(alone.names, ['onlyLoss']);
  const [loss] = alone.columns().losses;
  assert.deepEqual(loss!.values, [4, null]);
  assert.equal(loss!.smoothed[1], null);
});

test('the smoothing looks back a hundredth of the run, within bounds', () => {
  assert.equal(smoothingSpan(20_000), 200);
  assert.equal(smoothingSpan(100), 20);
  assert.equal(smoothingSpan(10_000_000), 500);
});

test('axes end at round numbers', () => {
  const cases: [number, number][] = [
    [1, 1],
    [1.01, 1.5],
    [0.3, 0.3],
    [11, 15],
    [999, 1000],
    [1240, 1500],
  ];
  for (const [value, ceiling] of cases) assert.ok(Math.abs(niceCeiling(value) - ceiling) < 1e-9, `${value}`);
});

test('the step axis is never longer than the run, unless the run is', () => {
  assert.equal(stepAxisEnd(0, 20_000), 10);
  assert.equal(stepAxisEnd(1240, 20_000), 1500);
  assert.equal(stepAxisEnd(1240, 1300), 1300);
  assert.equal(stepAxisEnd(1400, 1300), 1400);
});

test('the accuracy axis looks closer once the first evaluations are past', () => {
  assert.deepEqual(accuracyRange([{ step: 1, accuracy: 0.1 }], 10), [0, 1]);
  const points = [
    { step: 1, accuracy: 0.1 },
    { step: 500, accuracy: 0.87 },
    { step: 1000, accuracy: 0.92 },
  ];
  const [low, high] = accuracyRange(points, 1000);
  assert.equal(high, 1);
  assert.ok(low > 0.5 && low <= 0.8);
});

test('the loss axis holds every smoothed loss', () => {
  const [low, high] = lossRange([null, 0.4, 17.9]);
  assert.equal(low, 0);
  assert.ok(high >= 17.9);
  assert.ok(lossRange([])[1] > 0);
});

test('a run and its baseline share a column of steps', () => {
  const columns = alignEvaluations(
    [evaluation(1, 0.1), evaluation(200, 0.8)],
    [evaluation(1, 0.2), evaluation(100, 0.7)],
  );
  assert.deepEqual(columns.steps, [1, 100, 200]);
  assert.deepEqual(columns.test, [0.1, undefined, 0.8]);
  assert.deepEqual(columns.baseline, [0.2, 0.7, undefined]);
});

test('losses are those of the cross-hair, else the newest', () => {
  const series = new LossSeries(10, RUN);
  series.add(
    metrics(1, [
      [1, 10],
      [1, 10],
      [1, 10],
    ]),
  );
  assert.ok(Math.abs(series.at(2).get('generatorLoss')! - 10) < 1e-9);
  assert.ok(Math.abs(series.at(null).get('discriminatorLoss')! - 1) < 1e-9);
  assert.deepEqual(
    [...series.at(0)],
    [
      ['discriminatorLoss', null],
      ['generatorLoss', null],
    ],
  );
});
