import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRIC_NAMES, type EvaluationReport, type MetricsReport, type Report } from '../../src/protocol.js';
import { readCheckpoint } from '../../src/worker/checkpoint.js';
import { TrainerError } from '../../src/worker/errors.js';
import { buildRecipe } from '../../src/worker/recipes.js';
import { TEST_COUNT } from './support/data.js';
import { fakeTable, type FakeEngineOptions } from './support/fake-engine.js';
import { makeGate, settle } from './support/gate.js';
import { Clock, openTrainer, SHORT, type TestTrainer } from './support/trainer.js';

const WIDTH = METRIC_NAMES.length;
const ACCURACY = METRIC_NAMES.indexOf('trainAccuracy');

/** Every step's scalars, whatever chunks they came in: one row a step. */
function rowsOf(metrics: readonly MetricsReport[]): number[][] {
  return metrics.flatMap(({ steps, values }) =>
    Array.from({ length: steps }, (_, i) => [...values.subarray(i * WIDTH, (i + 1) * WIDTH)]),
  );
}

const withoutTime = (reports: readonly EvaluationReport[]): unknown[] =>
  reports.map((report) => ({ ...report, elapsedMs: 0 }));

/** Runs `SHORT` to its end in one go. */
async function unbroken(options: FakeEngineOptions = {}): Promise<TestTrainer> {
  const whole = await openTrainer({ table: fakeTable(options).table });
  await whole.trainer.start(SHORT);
  await whole.reached('finished');
  return whole;
}

test('evaluations come after the first update, at every multiple of the interval, and after the last', async () => {
  const { trainer, of, reached } = await openTrainer();
  await trainer.start({ ...SHORT, steps: 11, evalEvery: 3 });
  await reached('finished');
  assert.deepEqual(of('evaluation').map(({ step }) => step), [1, 3, 6, 9, 11]);
});

test('a training accuracy is the step’s own, its mean that since the last evaluation', async () => {
  const { of } = await unbroken();
  const accuracy = rowsOf(of('metrics')).map((row) => row[ACCURACY]!);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
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

test('an engine that works ahead gives the very same reports', async () => {
  const plain = await unbroken();
  const ahead = await unbroken({ worksAhead: true });
  assert.deepEqual(rowsOf(ahead.of('metrics')), rowsOf(plain.of('metrics')));
  assert.deepEqual(ahead.of('evaluation'), plain.of('evaluation'));
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

test('a pause inside an evaluation is heard within a slice, and the evaluation goes on from there', async () => {
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
  assert.deepEqual(of('evaluation'), (await unbroken()).of('evaluation'));
});

test('a run saved after any step and resumed elsewhere ends in the bits and reports of an unbroken one', async () => {
  const whole = await unbroken();
  const wanted = readCheckpoint(await whole.trainer.save());
  for (let step = 0; step <= 8; step++) {
    const first = await openTrainer();
    await first.trainer.start({ ...SHORT, steps: Math.max(step, 1) });
    if (step === 0) await first.trainer.reset(SHORT);
    else await first.reached('finished');
    const saved = await first.trainer.save();

    const second = await openTrainer();
    const state = await second.trainer.load(saved, { steps: 8 });
    assert.equal(state, step === 0 ? 'ready' : step === 8 ? 'finished' : 'paused');
    if (step < 8) {
      await second.trainer.start({});
      await second.reached('finished');
    }
    const resumed = readCheckpoint(await second.trainer.save());
    assert.deepEqual(resumed.tensors, wanted.tensors, `resumed after step ${step}`);
    assert.deepEqual(rowsOf(second.of('metrics')), rowsOf(whole.of('metrics')).slice(step));
  }
});

test('a run saved while it goes is consistent, and so is one saved inside an evaluation', async () => {
  const whole = await unbroken();
  const wanted = readCheckpoint(await whole.trainer.save());
  const saves: Promise<Uint8Array<ArrayBuffer>>[] = [];
  const { table } = fakeTable({
    worksAhead: true,
    onStep: () => void saves.push(first.trainer.save()),
    onEvaluate: () => void saves.push(first.trainer.save()),
  });
  const first = await openTrainer({ table });
  await first.trainer.start(SHORT);
  await first.reached('finished');
  const files = await Promise.all(saves);
  assert.ok(files.length > 8);
  for (const file of files) {
    const second = await openTrainer();
    const { step } = readCheckpoint(file).progress;
    await second.trainer.load(file, {});
    if (second.state() === 'paused') await second.trainer.start({});
    await second.reached('finished');
    assert.deepEqual(readCheckpoint(await second.trainer.save()).tensors, wanted.tensors);
    assert.deepEqual(rowsOf(second.of('metrics')), rowsOf(whole.of('metrics')).slice(step));
    const evaluations = withoutTime(second.of('evaluation'));
    assert.deepEqual(evaluations, withoutTime(whole.of('evaluation')).slice(3 - evaluations.length));
  }
});

test('time counts while the run goes, not while it rests, and on after a resume', async () => {
  const clock = new Clock();
  const table = () => fakeTable({ onStep: () => void (clock.ms += 100), onEvaluate: () => void (clock.ms += 10) }).table;
  const first = await openTrainer({ table: table(), clock });
  for (let step = 0; step < 4; step++) {
    await first.trainer.step(SHORT);
    clock.ms += 5000;
  }
  assert.deepEqual(first.of('evaluation').map(({ elapsedMs }) => elapsedMs), [130, 460]);
  const second = await openTrainer({ table: table(), clock });
  await second.trainer.load(await first.trainer.save(), {});
  clock.ms += 5000;
  await second.trainer.start({});
  await second.reached('finished');
  assert.deepEqual(second.of('evaluation').map(({ elapsedMs }) => elapsedMs), [890]);
});

test('a loss that is not finite stops the run; steps before it are shown, the last good state is kept', async () => {
  const { trainer, of, reached, reports } = await openTrainer({ table: fakeTable({ nanAt: 7 }).table });
  await trainer.start(SHORT);
  await reached('failed');
  const { error, step } = of('state').at(-1)!;
  assert.equal(error!.kind, 'NonFiniteLoss');
  assert.match(error!.message, /^discriminatorLoss became NaN at step 7\./);
  assert.ok(step >= 7);
  const shown = reports.flatMap((report: Report) => (report.type === 'metrics' ? [report] : []));
  const known = METRIC_NAMES.length;
  assert.equal(rowsOf(shown).length, 6);
  assert.ok(rowsOf(shown).every((row) => row.filter(Number.isFinite).length === known));

  const saved = await trainer.save();
  assert.equal(readCheckpoint(saved).progress.step, 4);
  const other = await openTrainer();
  await other.trainer.load(saved, {});
  await other.trainer.start({});
  await other.reached('finished');
});

test('a device lost in a step fails the run by that name, rejects the step, and the run goes on elsewhere', async () => {
  const { table } = fakeTable({
    onStep: (step) => {
      if (step === 5) throw new TrainerError('DeviceLost', 'The GPU was removed.');
    },
  });
  const whole = await unbroken();
  const { trainer, of } = await openTrainer({ table });
  for (let step = 0; step < 5; step++) await trainer.step(SHORT);
  await assert.rejects(trainer.step(SHORT), { name: 'DeviceLost', message: 'The GPU was removed.' });
  assert.deepEqual(of('state').at(-1)!.error, { kind: 'DeviceLost', message: 'The GPU was removed.' });
  const other = await openTrainer();
  await other.trainer.load(await trainer.save(), {});
  await other.trainer.start({});
  await other.reached('finished');
  const [wanted, resumed] = await Promise.all([whole.trainer.save(), other.trainer.save()]);
  assert.deepEqual(readCheckpoint(resumed).tensors, readCheckpoint(wanted).tensors);
});

test('an engine that fails in an evaluation or while idle fails the run', async () => {
  const { table } = fakeTable({ onEvaluate: () => Promise.reject(new RangeError('out of bounds')) });
  const { trainer, of, reached } = await openTrainer({ table });
  await trainer.start(SHORT);
  await reached('failed');
  assert.deepEqual(of('state').at(-1)!.error, { kind: 'Internal', message: 'RangeError: out of bounds' });

  const idle = await openTrainer();
  await idle.trainer.step(SHORT);
  idle.trainer.fail(new TrainerError('DeviceLost', 'gone'));
  await settle();
  assert.equal(idle.state(), 'failed');
  assert.equal(readCheckpoint(await idle.trainer.save()).progress.step, 1);
});

test('an error from outside fails a run that goes at its next step, and one being made at once', async () => {
  const { trainer, reached, of } = await openTrainer();
  await trainer.start({ ...SHORT, steps: 10_000 });
  trainer.fail(new TrainerError('DeviceLost', 'gone'));
  await reached('failed');
  assert.equal(of('state').at(-1)!.error!.kind, 'DeviceLost');

  const gate = makeGate();
  const other = await openTrainer({ table: fakeTable({ onCreate: () => gate.opened }).table });
  const refused = assert.rejects(other.trainer.start(SHORT), { name: 'Aborted' });
  await settle();
  other.trainer.fail(new Error('stray'));
  await other.reached('failed');
  gate.open();
  await refused;
});

test('a checkpoint that cannot be used leaves what was there untouched', async () => {
  const { trainer, state } = await openTrainer();
  const foreign = new Uint8Array(40);
  await assert.rejects(trainer.load(foreign, {}), { name: 'InvalidCheckpoint' });
  assert.equal(state(), 'idle');
  await trainer.step(SHORT);
  const before = await trainer.save();
  await assert.rejects(trainer.load(before.slice(0, 1000), {}), { name: 'InvalidCheckpoint' });
  await assert.rejects(trainer.load(before.slice(), { steps: 0 }), { name: 'InvalidSettings' });
  assert.equal(state(), 'paused');
  assert.deepEqual(readCheckpoint(await trainer.save()).tensors, readCheckpoint(before).tensors);
});

test('a checkpoint of other networks is refused before the run there is touched', async () => {
  const big = await openTrainer({
    buildRecipe: (name, shape) => buildRecipe(name, shape, 8),
  });
  await big.trainer.step(SHORT);
  const saved = await big.trainer.save();
  const { trainer, state } = await openTrainer();
  await assert.rejects(trainer.load(saved, {}), { name: 'InvalidCheckpoint', message: /expected \[/ });
  assert.equal(state(), 'idle');
  await trainer.step(SHORT);
  await assert.rejects(trainer.load(saved, {}), { name: 'InvalidCheckpoint' });
  assert.equal(await trainer.step({}), 'paused');
});

test('a checkpoint’s settings win, but for steps and engine', async () => {
  const { trainer } = await openTrainer();
  await trainer.step({ ...SHORT, seed: 77 });
  const saved = await trainer.save();
  const { trainer: other, of } = await openTrainer();
  await other.load(saved, { steps: 12, engine: 'tfjs-cpu' });
  const { seed, steps, engine } = of('settings').at(-1)!.settings;
  assert.deepEqual([seed, steps, engine], [77, 12, 'tfjs-cpu']);
  const before = await other.save();
  await assert.rejects(other.load(before, { steps: 12, engine: 'tfjs-webgl' }), { name: 'EngineUnavailable' });
});

test('samples come at most once a second while the run goes, and less often where they are dear', async () => {
  const clock = new Clock();
  const { table } = fakeTable({ onStep: () => void (clock.ms += 100) });
  const { trainer, of, reached } = await openTrainer({ table, clock });
  await trainer.start({ ...SHORT, steps: 100, evalEvery: 1000 });
  await reached('finished');
  const steps = of('images').filter(({ source }) => source === 'generated').map(({ step }) => step);
  assert.deepEqual(steps, [0, 1, 11, 21, 31, 41, 51, 61, 71, 81, 91, 100]);
});

test('labels-only has no generator: no generated images, no generator loss', async () => {
  const { trainer, of, reached } = await openTrainer();
  await trainer.start({ ...SHORT, recipe: 'labels-only' });
  await reached('finished');
  assert.deepEqual(of('images').map(({ source }) => source), ['real']);
  assert.deepEqual(of('evaluation').map(({ generatorLoss }) => generatorLoss), [null, null, null]);
  const saved = readCheckpoint(await trainer.save());
  assert.equal(saved.settings.recipe, 'labels-only');
});
