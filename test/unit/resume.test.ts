/** Saving a run and going on from the file. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvaluationReport } from '../../src/protocol/reports.js';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { readSafetensors, writeSafetensors } from '../../src/worker/checkpoint/safetensors.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { metricNames } from '../../src/recipe/metrics.js';
import { inStage } from '../../src/recipe/recipe.js';
import { MOST_EVALUATIONS, NO_PROGRESS } from '../../src/worker/checkpoint/snapshot.js';
import { MetricsRecord } from '../../src/worker/run/metrics-record.js';
import { fakeTable } from './support/fake-engine.js';
import { openTrainer, rowsOf, runUnbroken, SHORT } from './support/trainer.js';

const withoutTime = (reports: readonly EvaluationReport[]): unknown[] =>
  reports.map((report) => ({ ...report, elapsedMs: 0 }));

test('a run saved after any step and resumed ends in the bits and reports of an unbroken one', async () => {
  const whole = await runUnbroken();
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
  const whole = await runUnbroken();
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

test('the evaluations before a checkpoint are told again when it is loaded, in one report, and go on from there', async () => {
  const whole = await runUnbroken();
  const first = await openTrainer();
  await first.trainer.start({ ...SHORT, steps: 6 });
  await first.reached('finished');
  const second = await openTrainer();
  await second.trainer.load(await first.trainer.save(), { steps: 8 });
  const [history] = second.of('history');
  assert.deepEqual(history!.evaluations, first.of('evaluation'));
  const types = second.reports.map(({ type }) => type);
  assert.ok(types.indexOf('history') > types.indexOf('run'));
  assert.deepEqual(second.of('evaluation'), []);
  await second.trainer.start({});
  await second.reached('finished');
  const steps = readCheckpoint(await second.trainer.save()).progress.evaluations.map(({ step }) => step);
  // The end of the shorter run was one of its own.
  assert.deepEqual(steps, [1, 4, 6, 8]);
  assert.deepEqual(whole.of('history'), []);
});

test('of more evaluations than a file keeps, every second one goes, never the last', () => {
  const recipe = buildRecipe(resolveSettings({ ...SHORT }), { imageShape: [28, 28, 1], classes: 10 });
  const record = new MetricsRecord(recipe, NO_PROGRESS);
  const values = Float32Array.from(metricNames(inStage(recipe, 0)), () => 0.5);
  for (let step = 1; step <= 2500; step++) {
    record.add({ step, values });
    record.evaluated({ accuracy: 0.5, generated: null, pseudoLabels: null }, step);
    const { evaluations } = record.progress(step);
    assert.ok(evaluations.length <= MOST_EVALUATIONS);
    assert.equal(evaluations.at(-1)!.step, step);
    assert.equal(evaluations[0]!.step, 1);
  }
});

test('a checkpoint that cannot be used leaves what was there untouched', async () => {
  const { trainer, state } = await openTrainer();
  const foreign = new Uint8Array(40);
  await assert.rejects(trainer.load(foreign, {}), { name: 'InvalidCheckpoint' });
  assert.equal(state(), 'idle');
  for (let step = 0; step < 2; step++) await trainer.step(SHORT);
  const before = await trainer.save();
  await assert.rejects(trainer.load(before.slice(0, 1000), {}), { name: 'InvalidCheckpoint' });
  await assert.rejects(trainer.load(before.slice(), { steps: 1 }), { name: 'InvalidSettings' });
  assert.equal(state(), 'paused');
  assert.deepEqual(readCheckpoint(await trainer.save()).tensors, readCheckpoint(before).tensors);
});

test('a checkpoint of other networks is refused before the run there is touched', async () => {
  const big = await openTrainer({
    buildRecipe: (settings, data, options) => buildRecipe(settings, data, { ...options, channelDivisor: 8 }),
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
  await assert.rejects(other.load(before, { steps: 12, engine: 'tfjs-webgl' }), {
    name: 'EngineUnavailable',
  });
});

test('a start that waits for a finished checkpoint runs only where it raises steps', async () => {
  const saved = await (await runUnbroken()).trainer.save();
  for (const [steps, states] of [
    [8, ['loading', 'finished']],
    [9, ['loading', 'running', 'finished']],
  ] as const) {
    const { trainer, states: seen, reached } = await openTrainer();
    const loaded = trainer.load(saved.slice(), {});
    await trainer.start({ steps });
    await loaded;
    await reached('finished');
    assert.deepEqual(seen(), states);
  }
});

test('a file of an older build, without a digest, loads with a note; one with it loads without', async () => {
  const { trainer } = await runUnbroken();
  const saved = await trainer.save();
  const { tensors, metadata } = readSafetensors(saved);
  const lastValues = [0.5, 2, 3, 4, 5, 6, 7, 8];
  const progress = JSON.stringify({ ...JSON.parse(metadata['progress']!), lastValues });
  const older = { ...metadata, formatVersion: '1', progress };
  for (const name of ['digest', 'scheduleSteps']) Reflect.deleteProperty(older, name);
  const notesOf = async (file: Uint8Array<ArrayBuffer>): Promise<string[]> => {
    const other = await openTrainer();
    await other.trainer.load(file, { steps: 12 });
    return other.of('note').map(({ note }) => note);
  };
  assert.deepEqual(await notesOf(writeSafetensors({ tensors, metadata: older })), [
    'checkpointWithoutDigest',
  ]);
  assert.deepEqual(await notesOf(saved), []);
});

test('a resumed run that diverges points to its file, since its learning rates cannot be changed', async () => {
  const saved = await (await runUnbroken()).trainer.save();
  for (const fault of [{ nanAt: 9 }, { infiniteAt: 12 }]) {
    const { trainer, of, reached } = await openTrainer({ table: fakeTable(fault).table });
    await trainer.load(saved, { steps: 12 });
    await trainer.start({});
    await reached('failed');
    const { kind, message } = of('state').at(-1)!.error!;
    assert.equal(kind, 'NonFiniteLoss');
    assert.match(
      message,
      /went on from a checkpoint of step 8, whose values may be wrong: load an earlier file/,
    );
  }
});
