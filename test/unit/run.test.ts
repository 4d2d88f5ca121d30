/** One run: when it is evaluated, how it pauses, what it reports. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { TEST_COUNT, TRAIN_COUNT } from './support/data.js';
import { fakeTable } from './support/fake-engine.js';
import { settle } from './support/gate.js';
import { Clock, openTrainer, rowsOf, runUnbroken, SHORT, type TestTrainer } from './support/trainer.js';

test('evaluations come after the first update, every interval and the last', async () => {
  const { trainer, of, reached } = await openTrainer();
  await trainer.start({ ...SHORT, steps: 11, evalEvery: 3 });
  await reached('finished');
  assert.deepEqual(
    of('evaluation').map(({ step }) => step),
    [1, 3, 6, 9, 11],
  );
});

test('a training accuracy is the step’s own, its mean that since the last evaluation', async () => {
  const { of } = await runUnbroken();
  const at = of('run')[0]!.metrics.indexOf('trainAccuracy');
  const accuracy = rowsOf(of('metrics')).map((row) => row[at]!);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [first, second, third] = of('evaluation');
  assert.equal(first!.meanTrainAccuracy, accuracy[0]);
  assert.equal(second!.trainAccuracy, accuracy[3]);
  assert.equal(second!.meanTrainAccuracy, mean(accuracy.slice(1, 4)));
  assert.equal(third!.meanTrainAccuracy, mean(accuracy.slice(4, 8)));
});

test('an evaluation sees every test image once, in slices', async () => {
  const seen: number[] = [];
  const { table } = fakeTable({ onEvaluate: (first) => void seen.push(first), evaluationSlice: 10 });
  const { trainer } = await openTrainer({ table });
  await trainer.step(SHORT);
  assert.equal(TEST_COUNT, 25);
  assert.deepEqual(seen, [0, 10, 20]);
});

test('slices are joined for as long as a chunk of steps takes, where the engine allows it', async () => {
  const firstImages = async (msPerImage: number, joinsSlices: boolean): Promise<number[]> => {
    const clock = new Clock();
    const seen: number[] = [];
    const { table } = fakeTable({
      onEvaluate: (first, count) => {
        clock.ms += count * msPerImage;
        seen.push(first);
      },
      evaluationSlice: 1,
      ...(joinsSlices && { joinsSlices }),
    });
    const { trainer, reached } = await openTrainer({ table, clock });
    await trainer.start({ ...SHORT, steps: 1 });
    await reached('finished');
    return seen;
  };
  const oneByOne = Array.from({ length: TEST_COUNT }, (_, i) => i);
  assert.deepEqual(await firstImages(0, false), oneByOne);
  assert.deepEqual(await firstImages(50, true), oneByOne);
  assert.deepEqual(await firstImages(10, true), [0, 1, 3, 7, 11, 15, 19, 23]);
  assert.deepEqual(await firstImages(0, true), [0, 1, 3, 7, 15]);
});

test('an engine that works ahead gives the very same reports', async () => {
  const plain = await runUnbroken();
  const ahead = await runUnbroken({ worksAhead: true });
  assert.deepEqual(rowsOf(ahead.of('metrics')), rowsOf(plain.of('metrics')));
  assert.deepEqual(ahead.of('evaluation'), plain.of('evaluation'));
});

test('a run at rest owes no scalars, however far its engine works ahead', async () => {
  const { trainer, of } = await openTrainer({ table: fakeTable({ worksAhead: true }).table });
  for (let step = 1; step <= 3; step++) {
    await trainer.step(SHORT);
    assert.equal(rowsOf(of('metrics')).length, step);
  }
});

test('a pause is heard within the step under way where a step takes long', async () => {
  const clock = new Clock();
  let paused: Promise<unknown> = Promise.resolve();
  const { table } = fakeTable({
    onStep: (step) => {
      clock.ms += 100;
      if (step === 5) paused = trainer.pause();
    },
  });
  const { trainer, of, reached } = await openTrainer({ table, clock });
  await trainer.start({ ...SHORT, steps: 1000, evalEvery: 1000 });
  await reached('paused');
  assert.equal(await paused, 'paused');
  assert.equal(of('state').at(-1)!.step, 6);
});

test('a pause is heard within 40 ms of steps where steps are short', async () => {
  const clock = new Clock();
  let paused: Promise<unknown> = Promise.resolve();
  const { table, made } = fakeTable({
    onStep: (step) => {
      clock.ms += 2;
      if (step === 500) paused = trainer.pause();
    },
  });
  const { trainer, of, reached } = await openTrainer({ table, clock });
  await trainer.start({ ...SHORT, steps: 5000, evalEvery: 5000 });
  await reached('paused');
  await paused;
  const { step } = of('state').at(-1)!;
  assert.ok(step > 500 && step <= 520, `${step}`);
  assert.equal(Math.max(...made[0]!.chunks), 20);
});

test('chunks grow by the steps that a device has made, not by those that it was given', async () => {
  const clock = new Clock();
  let paused: Promise<unknown> = Promise.resolve();
  const { table, made } = fakeTable({
    device: { clock, msPerStep: 700 },
    onStep: (step) => {
      if (step === 6) {
        askedAt = clock.ms;
        paused = trainer.pause();
      }
    },
  });
  let askedAt = 0;
  const { trainer, of, reached } = await openTrainer({ table, clock });
  await trainer.start({ ...SHORT, steps: 1000, evalEvery: 1000 });
  await reached('paused');
  await paused;
  assert.deepEqual([...new Set(made[0]!.chunks)], [1]);
  assert.ok(clock.ms - askedAt <= 3 * 700, `paused after ${clock.ms - askedAt} ms`);
  for (const { stepsPerSecond } of of('metrics')) {
    assert.ok(stepsPerSecond <= 1000 / 700 + 0.01, `${stepsPerSecond} steps a second`);
  }
});

test('chunks grow to 40 ms on a device that works ahead, and the pace is the device’s', async () => {
  const clock = new Clock();
  const { table, made } = fakeTable({ device: { clock, msPerStep: 4 } });
  const { trainer, of, reached } = await openTrainer({ table, clock });
  await trainer.start({ ...SHORT, steps: 400, evalEvery: 1000 });
  await reached('finished');
  assert.equal(Math.max(...made[0]!.chunks), 10);
  assert.ok(Math.abs(of('metrics').at(-1)!.stepsPerSecond - 250) < 1);
});

/** A trainer whose evaluations take 25 slices of two seconds. */
async function openSlowEvaluations(): Promise<TestTrainer & { readonly seen: readonly number[] }> {
  const clock = new Clock();
  const seen: number[] = [];
  const { table } = fakeTable({
    evaluationSlice: 1,
    onEvaluate: (first) => {
      clock.ms += 2000;
      seen.push(first);
    },
  });
  return { ...(await openTrainer({ table, clock })), seen };
}

test('a single step waits for one slice of a long evaluation, which goes on while the run rests', async () => {
  const { trainer, of, states, seen } = await openSlowEvaluations();
  const stepped = trainer.step(SHORT).then((state) => [state, seen.length, of('evaluation').length]);
  const [state, slices, evaluations] = await stepped;
  assert.equal(state, 'paused');
  assert.ok(Number(slices) < 5, `${slices} slices`);
  assert.equal(evaluations, 0);
  await settle(100);
  assert.equal(seen.length, TEST_COUNT);
  assert.deepEqual(
    of('evaluation').map(({ step }) => step),
    [1],
  );
  assert.deepEqual(states(), ['loading', 'running', 'paused']);
});

test('the last step’s long evaluation ends the run when it is over', async () => {
  const { trainer, states } = await openSlowEvaluations();
  assert.equal(await trainer.step({ ...SHORT, steps: 1 }), 'paused');
  await settle(100);
  assert.deepEqual(states(), ['loading', 'running', 'paused', 'finished']);
});

test('a single step gives a long evaluation up after one more slice, a start finishes it first', async () => {
  const { trainer, of, seen } = await openSlowEvaluations();
  await trainer.step(SHORT);
  assert.equal(await trainer.step({}), 'paused');
  assert.equal(of('state').at(-1)!.step, 2);
  assert.ok(seen.length < 10, `${seen.length} slices`);
  await settle(100);
  assert.deepEqual(of('evaluation'), []);
  const { progress } = readCheckpoint(await trainer.save());
  assert.deepEqual([progress.step, progress.evaluatedStep, progress.accuracyCount], [2, 0, 2]);

  const other = await openSlowEvaluations();
  await other.trainer.step(SHORT);
  await other.trainer.start({});
  await other.reached('finished');
  assert.deepEqual(
    other.of('evaluation').map(({ step }) => step),
    [1, 4, 8],
  );
});

test('a pause inside an evaluation is heard within a slice, and it goes on from there', async () => {
  const seen: number[] = [];
  let paused: Promise<unknown> = Promise.resolve();
  const { table } = fakeTable({
    onEvaluate: (first) => {
      seen.push(first);
      if (seen.length === 5) paused = trainer.pause();
    },
  });
  const { trainer, of, reached, reports } = await openTrainer({ table });
  await trainer.start(SHORT);
  await reached('paused');
  await paused;
  // Three slices at step 1, then two of three at step 4.
  assert.deepEqual(seen, [0, 10, 20, 0, 10]);
  assert.equal(of('evaluation').length, 1);
  assert.equal(reports.filter((report) => report.type === 'state').at(-1)!.step, 4);
  await trainer.start({});
  await reached('finished');
  assert.deepEqual(seen.slice(5, 7), [20, 0]);
  assert.deepEqual(of('evaluation'), (await runUnbroken()).of('evaluation'));
});

test('time counts while the run goes, not while it rests, and on after a resume', async () => {
  const clock = new Clock();
  const table = () =>
    fakeTable({ onStep: () => void (clock.ms += 100), onEvaluate: () => void (clock.ms += 10) }).table;
  const first = await openTrainer({ table: table(), clock });
  for (let step = 0; step < 4; step++) {
    await first.trainer.step(SHORT);
    clock.ms += 5000;
  }
  assert.deepEqual(
    first.of('evaluation').map(({ elapsedMs }) => elapsedMs),
    [130, 460],
  );
  const second = await openTrainer({ table: table(), clock });
  await second.trainer.load(await first.trainer.save(), {});
  clock.ms += 5000;
  await second.trainer.start({});
  await second.reached('finished');
  assert.deepEqual(
    second.of('evaluation').map(({ elapsedMs }) => elapsedMs),
    [890],
  );
});

test('samples come at most once a second while the run goes', async () => {
  const clock = new Clock();
  const { table } = fakeTable({ onStep: () => void (clock.ms += 100) });
  const { trainer, of, reached } = await openTrainer({ table, clock });
  await trainer.start({ ...SHORT, steps: 100, evalEvery: 1000 });
  await reached('finished');
  const steps = of('images')
    .filter(({ source }) => source === 'generated')
    .map(({ step }) => step);
  assert.deepEqual(steps, [0, 1, 11, 21, 31, 41, 51, 61, 71, 81, 91, 100]);
});

test('what the run is about is said once, after its settings and before its first metrics', async () => {
  const { of, reports } = await runUnbroken();
  assert.equal(of('run').length, 1);
  const types = reports.map(({ type }) => type);
  assert.equal(types[types.indexOf('run') - 1], 'settings');
  assert.ok(types.indexOf('run') < types.indexOf('metrics'));
  const { metrics, losses, data } = of('run')[0]!;
  assert.deepEqual(metrics, [
    'trainAccuracy',
    'discriminatorLoss',
    'generatorLoss',
    'realUnlabelledLoss',
    'fakeLoss',
    'supervisedLoss',
    'fakeAsRealLoss',
    'featureMatchingLoss',
  ]);
  assert.deepEqual(losses, ['discriminatorLoss', 'generatorLoss']);
  assert.deepEqual(data.imageShape, [28, 28, 1]);
  assert.equal(data.classNames.length, 10);
  assert.deepEqual([data.trainCount, data.testCount], [TRAIN_COUNT, TEST_COUNT]);
  assert.equal(of('settings').at(-1)!.scheduleSteps, null);
  // The last step's scalars stand in its evaluation, by name.
  const { trainAccuracy, losses: last } = of('evaluation').at(-1)!;
  assert.deepEqual(
    [trainAccuracy, ...metrics.slice(1).map((name) => last[name])],
    rowsOf(of('metrics')).at(-1),
  );
});

test('labels-only has no generator: no generated images, no generator loss', async () => {
  const { trainer, of, reached } = await openTrainer();
  await trainer.start({ ...SHORT, recipe: 'labels-only' });
  await reached('finished');
  assert.deepEqual(
    of('images').map(({ source }) => source),
    ['real'],
  );
  assert.deepEqual(
    of('evaluation').map(({ losses }) => Object.keys(losses)),
    Array.from({ length: 3 }, () => ['discriminatorLoss', 'supervisedLoss']),
  );
  const saved = readCheckpoint(await trainer.save());
  assert.equal(saved.settings.recipe, 'labels-only');
});
