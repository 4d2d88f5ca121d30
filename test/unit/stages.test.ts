/** Recipes in stages, as a run goes through them: on a fake engine, with the real spreading of labels. */

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { isEvaluationDue, stepsToEvaluation } from '../../src/protocol/evaluation-schedule.js';
import type { SettingsInput } from '../../src/protocol/settings.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { inStage, stageAt, unmeasuredSteps } from '../../src/recipe/recipe.js';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { averageName, initialTensors, momentNames, TARGET_STORE } from '../../src/worker/model/parameters.js';
import { landmarksOf } from '../../src/worker/model/draws.js';
import { PLAIN_KERNELS } from '../../src/worker/spread/kernels.js';
import { withFreshOptimisers } from '../../src/worker/run/stage-begin.js';
import { tinyInput } from '../worker/support/tiny.js';
import { fakeTable } from './support/fake-engine.js';
import { Clock, openTrainer, rowsOf } from './support/trainer.js';

/** Ten steps of `look`, one of `spread` twice, eight of `learn`. */
const FEW: SettingsInput = {
  recipe: 'few-labels',
  steps: 20,
  labels: 20,
  batch: 10,
  evalEvery: 5,
  balanced: false,
};

describe('the place of a step among the stages', () => {
  const data = { imageShape: [28, 28, 1], classes: 10 } as const;
  const recipe = buildRecipe(resolveSettings({ recipe: 'few-labels', steps: 100 }), data);

  it('is found from the steps of each, and the last goes on', () => {
    assert.deepEqual(
      [0, 39, 40, 43, 44, 47, 48, 84, 85, 5000].map((step) => stageAt(recipe, step).stage),
      [0, 0, 1, 1, 2, 2, 3, 3, 4, 4],
    );
    assert.equal(stageAt(recipe, 48).end, 85);
    assert.equal(stageAt(recipe, 85).end, Infinity);
    assert.equal(unmeasuredSteps(recipe), 40);
  });

  it('counts schedules from where the optimisers began', () => {
    assert.deepEqual(
      [10, 40, 47, 80, 85].map((step) => stageAt(recipe, step).origin),
      [0, 40, 40, 40, 85],
    );
  });

  it('has the optimisers of its stage', () => {
    const warmUp = (stage: number): number =>
      inStage(recipe, stage).networks[0]!.optimiser.schedule.warmUpSteps;
    assert.deepEqual([warmUp(0), warmUp(1)], [30, 20]);
  });
});

describe('evaluations of a run whose first steps have no accuracy', () => {
  const schedule = { evalEvery: 10, steps: 40, unmeasuredSteps: 15 };
  const due = (given: typeof schedule): number[] =>
    Array.from({ length: 41 }, (_, step) => step).filter((step) => isEvaluationDue(step, given));

  it('begin with the first step that has one', () => assert.deepEqual(due(schedule), [16, 20, 30, 40]));

  it('are only the last where the interval is 0', () =>
    assert.deepEqual(due({ ...schedule, evalEvery: 0 }), [40]));

  it('are each as far as the count of steps to it says', () => {
    for (const given of [schedule, { ...schedule, evalEvery: 0 }, { ...schedule, unmeasuredSteps: 0 }]) {
      for (let step = 0; step < 40; step++) {
        const next = due(given).find((other) => other > step)!;
        assert.equal(step + stepsToEvaluation(step, given), next, `after ${step}`);
      }
    }
  });
});

test('fresh optimisers have moments of zero and averages at their parameters, and leave the rest', () => {
  const input = tinyInput('few-labels');
  const tensors = initialTensors(input.recipe, 1);
  for (const { values } of tensors.values()) values.forEach((_, i) => (values[i] = i + 1));
  const fresh = withFreshOptimisers({ step: 7, tensors }, input);
  const name = 'discriminator/conv1/kernel';
  assert.equal(fresh.step, 7);
  assert.deepEqual(fresh.tensors.get(averageName(name))!.values, tensors.get(name)!.values);
  for (const moment of Object.values(momentNames(name))) {
    assert.ok(fresh.tensors.get(moment)!.values.every((value) => value === 0));
  }
  assert.deepEqual(fresh.tensors.get(TARGET_STORE), tensors.get(TARGET_STORE));
  assert.deepEqual([...fresh.tensors.keys()], [...tensors.keys()]);
});

test('landmarks are the labelled images, then others, as many as there are', () => {
  const { recipe, split } = tinyInput('few-labels');
  const landmarks = landmarksOf(recipe, split);
  assert.deepEqual([...landmarks], [...split.labelled, ...split.unlabelled]);
  const few = { ...recipe, landmarks: { ...recipe.landmarks!, count: 62 } };
  assert.deepEqual(
    [...landmarksOf(few, split)],
    [...split.labelled, split.unlabelled[0], split.unlabelled[1]],
  );
});

test('where every image is labelled, each is a landmark once', () => {
  const { recipe, dataset } = tinyInput('few-labels');
  const split = makeSplit(dataset, { seed: 1, labels: dataset.train.count, balanced: false });
  assert.deepEqual([...landmarksOf(recipe, split)], [...split.labelled]);
});

describe('a run in stages', () => {
  it('names all scalars once, and leaves those out that a stage does not have', async () => {
    const { trainer, reached, of } = await openTrainer();
    await trainer.start(FEW);
    await reached('finished');
    const [run] = of('run');
    assert.deepEqual(
      run!.stages.map(({ key, steps, isMeasured, spreadsLabels }) => [key, steps, isMeasured, spreadsLabels]),
      [
        ['look', 8, false, false],
        ['spread', 1, true, true],
        ['spread', 1, true, true],
        ['learn', 7, true, false],
        ['draw', 3, true, false],
      ],
    );
    const rows = rowsOf(of('metrics'));
    assert.equal(rows.length, 20);
    const at = (name: string): number => run!.metrics.indexOf(name);
    rows.forEach((row, index) => {
      assert.equal(Number.isNaN(row[at('lookLoss')]!), index >= 8, `look's loss at step ${index + 1}`);
      assert.equal(Number.isNaN(row[at('trainAccuracy')]!), index < 8, `accuracy at step ${index + 1}`);
    });
    assert.deepEqual(
      of('evaluation').map(({ step }) => step),
      [9, 10, 15, 20],
    );
  });

  it('shows the generator only after steps that train it, and where it rests', async () => {
    const clock = new Clock();
    const { trainer, reached, of } = await openTrainer({
      clock,
      yieldToCommands: () => {
        clock.ms += 2000;
        return new Promise((resolve) => setImmediate(resolve));
      },
    });
    await trainer.start({ ...FEW, evalEvery: 0 });
    await reached('finished');
    const shown = of('images').flatMap(({ source, step }) => (source === 'generated' ? step : []));
    assert.deepEqual(
      shown.filter((step) => step <= 8),
      [0],
    );
    assert.ok(shown.filter((step) => step > 8 && step < 20).length >= 3, shown.join());
    assert.equal(shown.at(-1), 20);
  });

  it('spreads the labels before the stages that say so, and tells how far that is trusted', async () => {
    const { trainer, reached, of } = await openTrainer();
    await trainer.start(FEW);
    await reached('finished');
    const spreads = of('spread');
    assert.deepEqual(
      spreads.map(({ step }) => step),
      [8, 9],
    );
    for (const { points, classes, leftOut, leftOutRight, usedShare, reachedShare } of spreads) {
      assert.equal(points.length, 2 * classes.length);
      assert.ok(leftOutRight <= leftOut && leftOut <= 20);
      assert.ok(usedShare >= 0 && usedShare <= reachedShare && reachedShare <= 1);
    }
    const stored = readCheckpoint(await trainer.save()).tensors.get(TARGET_STORE)!;
    const rows = spreads.at(-1)!.classes.length;
    const used = Array.from({ length: rows }, (_, row) =>
      [...stored.values.subarray(row * 10, (row + 1) * 10)].some((value) => value > 0),
    ).filter(Boolean).length;
    assert.equal(used / rows, spreads.at(-1)!.usedShare);
  });

  it('shows the features of landmarks while it looks at images, and how far labels would spread by them', async () => {
    const clock = new Clock();
    const { table } = fakeTable({ onStep: () => void (clock.ms += 3000) });
    const { trainer, reached, of } = await openTrainer({ clock, table });
    await trainer.start(FEW);
    await reached('finished');
    const maps = of('featureMap');
    assert.ok(maps.length > 1);
    for (const { step, points, classes } of maps) {
      assert.ok(step > 0 && step < 8, `a map at step ${step}`);
      assert.equal(points.length, 2 * classes.length);
      assert.equal(classes.length, 60);
      // The labelled come first; to most others a label has come by way of images like them.
      assert.ok(classes.subarray(0, 20).every((own) => own < 10));
      assert.ok(classes.subarray(20).filter((own) => own < 10).length > 20);
      assert.ok(points.every((value) => Math.abs(value) <= 1));
    }
  });

  it('goes on from a checkpoint between two stages with the bits of an unbroken one', async () => {
    const whole = await openTrainer();
    await whole.trainer.start(FEW);
    await whole.reached('finished');
    const last = readCheckpoint(await whole.trainer.save()).tensors;
    for (const stop of [4, 8, 9, 10, 17, 18]) {
      const first = await openTrainer();
      for (let step = 0; step < stop; step++) await first.trainer.step(FEW);
      const second = await openTrainer();
      await second.trainer.load(await first.trainer.save(), {});
      await second.trainer.start({});
      await second.reached('finished');
      const found = readCheckpoint(await second.trainer.save()).tensors;
      for (const [name, { values }] of last)
        assert.deepEqual(found.get(name)!.values, values, `${name}, ${stop}`);
    }
  });

  it('rests at once where the pause comes just before labels would be spread', async () => {
    let pause: (() => Promise<unknown>) | null = null;
    let searches = 0;
    const onFlush = async (step: number): Promise<void> => {
      if (step !== 8 || pause === null) return;
      void pause();
      pause = null;
      // Those before were for maps.
      searches = 0;
      // The pause is heard before the flush has ended.
      await new Promise((resolve) => setImmediate(resolve));
    };
    const { trainer, reached, of } = await openTrainer({
      table: fakeTable({ onFlush }).table,
      spreadKernels: () => ({
        ...PLAIN_KERNELS,
        findNeighbours: (rows, nearest, slices) => {
          searches++;
          return PLAIN_KERNELS.findNeighbours(rows, nearest, slices);
        },
      }),
    });
    pause = () => trainer.pause();
    await trainer.start(FEW);
    await reached('paused');
    assert.deepEqual([searches, of('spread').length], [0, 0]);
    await trainer.start({});
    await reached('finished');
    assert.equal(of('spread').length, 2);
  });

  it('rests while labels are being spread, and spreads them when it goes on', async () => {
    let isAsked = false;
    const { trainer, reached, of, state } = await openTrainer({
      spreadKernels: () => ({
        ...PLAIN_KERNELS,
        findNeighbours: async (rows, nearest, slices) => {
          if (!isAsked) {
            isAsked = true;
            void trainer.pause();
            // Rejects as soon as the pause is heard.
            for (;;) {
              await new Promise((resolve) => setImmediate(resolve));
              await slices.pause();
            }
          }
          return PLAIN_KERNELS.findNeighbours(rows, nearest, slices);
        },
      }),
    });
    await trainer.start(FEW);
    await reached('paused');
    assert.equal(state(), 'paused');
    assert.deepEqual(of('spread'), []);
    await trainer.start({});
    await reached('finished');
    assert.equal(of('spread').length, 2);
  });
});
