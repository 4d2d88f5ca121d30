/** What changes from step to step: rates, weights, averages; and how long a run's schedules are. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildFromEntry } from '../../src/recipe/build-recipe.js';
import { allMetricNames, hasSchedule } from '../../src/recipe/metrics.js';
import { RECIPES } from '../../src/recipe/recipes.js';
import {
  adamRate,
  averageRate,
  CONSTANT,
  scheduleFactor,
  updateNumber,
  weightAt,
} from '../../src/recipe/schedules.js';
import type { BuildOptions } from '../../src/recipe/build-recipe.js';
import type { DataShape, Recipe } from '../../src/recipe/recipe.js';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import type { Settings } from '../../src/protocol/settings.js';
import { openTrainer, SHORT, type TestTrainer } from './support/trainer.js';

function close(actual: number, expected: number): void {
  assert.ok(
    Math.abs(actual - expected) <= 1e-12 * Math.max(1, Math.abs(expected)),
    `${actual}, not ${expected}`,
  );
}

describe('a schedule', () => {
  test('that is constant changes nothing', () => {
    for (const step of [0, 1, 1e6]) assert.equal(scheduleFactor(CONSTANT, step), 1);
  });

  test('warms up linearly: the first of n steps has one n-th of the rate', () => {
    const schedule = { warmUpSteps: 4, cosine: null };
    assert.deepEqual(
      [0, 1, 2, 3, 4, 99].map((step) => scheduleFactor(schedule, step)),
      [0.25, 0.5, 0.75, 1, 1, 1],
    );
  });

  test('goes down along a cosine to its share, and stays there', () => {
    const schedule = { warmUpSteps: 0, cosine: { steps: 100, finalShare: 0.2 } };
    close(scheduleFactor(schedule, 0), 1);
    close(scheduleFactor(schedule, 25), 0.2 + 0.4 * (1 + Math.SQRT1_2));
    close(scheduleFactor(schedule, 50), 0.6);
    close(scheduleFactor(schedule, 100), 0.2);
    close(scheduleFactor(schedule, 12_345), 0.2);
  });

  test('stands in Adam’s rate beside the bias corrections', () => {
    const schedule = { warmUpSteps: 10, cosine: null };
    const rates = { lr: 0.1, beta1: 0.9, beta2: 0.999, schedule };
    close(adamRate(rates, 0, 1), (0.1 * 0.1 * Math.sqrt(0.001)) / 0.1);
    close(adamRate(rates, 20, 3), (0.1 * Math.sqrt(1 - 0.999 ** 3)) / (1 - 0.9 ** 3));
  });
});

test('a network that two phases update counts each update', () => {
  const numbers = [0, 1, 2].flatMap((step) =>
    [0, 1].map((index) => updateNumber({ index, perStep: 2 }, step)),
  );
  assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6]);
});

test('a weight is a number, or goes from one to another', () => {
  assert.equal(weightAt(0.3, 77), 0.3);
  const ramp = { from: 1, to: 3, firstStep: 10, steps: 4 };
  assert.deepEqual(
    [0, 10, 11, 12, 14, 99].map((step) => weightAt(ramp, step)),
    [1, 1, 1.5, 2, 3, 3],
  );
});

test('an average begins at the parameter and then forgets: it is that of exponential weights', () => {
  const decay = 0.8;
  const values = [3, -1, 4, 1, 5];
  let average = 100;
  values.forEach((value, index) => (average += averageRate(decay, index + 1) * (value - average)));
  const weights = values.map((_, index) => decay ** (values.length - 1 - index));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  close(average, values.reduce((total, value, index) => total + value * weights[index]!, 0) / sum);
});

/** The notebook with rates that end with the run. */
function scheduled(settings: Settings, data: DataShape, options: BuildOptions = {}): Recipe {
  const build = (context: Parameters<typeof RECIPES.notebook.build>[0]): Omit<Recipe, 'name' | 'classes'> => {
    const recipe = RECIPES.notebook.build(context);
    const cosine = { steps: context.scheduleSteps, finalShare: 0 };
    return {
      ...recipe,
      networks: recipe.networks.map((entry) => ({
        ...entry,
        optimiser: { ...entry.optimiser, schedule: { warmUpSteps: 0, cosine } },
      })),
    };
  };
  return buildFromEntry('notebook', { build }, settings, data, { ...options, channelDivisor: 16 });
}

describe('the length of schedules', () => {
  const lengths: (number | undefined)[] = [];
  const buildRecipe = (settings: Settings, data: DataShape, options?: BuildOptions): Recipe => {
    lengths.push(options?.scheduleSteps);
    return scheduled(settings, data, options);
  };
  const open = (): Promise<TestTrainer> => openTrainer({ buildRecipe: buildRecipe as never });
  const said = (trainer: TestTrainer): unknown[] =>
    trainer.of('settings').map(({ settings, scheduleSteps }) => [settings.steps, scheduleSteps]);

  test('is fixed when a run is made, stands in its checkpoint, and is said when its steps are raised', async () => {
    const first = await open();
    await first.trainer.start(SHORT);
    await first.reached('finished');
    await first.trainer.start({ ...SHORT, steps: 12 });
    await first.reached('finished');
    assert.deepEqual(said(first), [
      [8, 8],
      [12, 8],
    ]);
    const saved = await first.trainer.save();
    assert.equal(readCheckpoint(saved).scheduleSteps, 8);

    const second = await open();
    await second.trainer.load(saved, { steps: 20 });
    assert.deepEqual(said(second), [[20, 8]]);
    assert.deepEqual(lengths, [8, 8]);
    await second.trainer.reset({ ...SHORT, steps: 20 });
    assert.deepEqual(said(second).at(-1), [20, 20]);
  });

  test('is nothing to say of recipes whose rates stay', async () => {
    const trainer = await openTrainer();
    await trainer.trainer.start(SHORT);
    await trainer.reached('finished');
    assert.deepEqual(said(trainer), [[8, null]]);
    assert.ok(
      hasSchedule(
        scheduled({ ...trainer.of('settings')[0]!.settings }, { imageShape: [28, 28, 1], classes: 10 }),
      ),
    );
  });
});

test('a run announces the names of its metrics once, before the first of them', async () => {
  const { trainer, reports, reached, of } = await openTrainer();
  await trainer.start(SHORT);
  await reached('finished');
  const [run, ...more] = of('run');
  assert.deepEqual(more, []);
  assert.deepEqual(run!.losses, ['discriminatorLoss', 'generatorLoss']);
  const data: DataShape = { imageShape: [28, 28, 1], classes: 10 };
  assert.deepEqual(run!.metrics, allMetricNames(scheduled(of('settings')[0]!.settings, data)));
  const firstOf = (type: string): number => reports.findIndex((report) => report.type === type);
  assert.ok(firstOf('run') < firstOf('metrics'));
  for (const { values, steps } of of('metrics')) assert.equal(values.length, steps * run!.metrics.length);
});
