/** What a run does when something breaks: its state, its message, what can still be saved. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Report } from '../../src/protocol/reports.js';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { TrainerError } from '../../src/protocol/errors.js';
import { fetchOf, tinyFiles } from './support/data.js';
import { fakeTable } from './support/fake-engine.js';
import { makeGate, settle } from './support/gate.js';
import { openTrainer, rowsOf, runUnbroken, SHORT } from './support/trainer.js';

test('a loss that is not finite stops the run and keeps its last good state', async () => {
  const { trainer, of, reached, reports } = await openTrainer({ table: fakeTable({ nanAt: 7 }).table });
  await trainer.start(SHORT);
  await reached('failed');
  const { error, step } = of('state').at(-1)!;
  assert.equal(error!.kind, 'NonFiniteLoss');
  assert.match(error!.message, /^discriminatorLoss became NaN at step 7\./);
  assert.ok(step >= 7);
  const shown = reports.flatMap((report: Report) => (report.type === 'metrics' ? [report] : []));
  const known = of('run').at(-1)!.metrics.length;
  assert.ok(known > 0);
  assert.equal(rowsOf(shown).length, 6);
  assert.ok(rowsOf(shown).every((row) => row.filter(Number.isFinite).length === known));

  const saved = await trainer.save();
  assert.equal(readCheckpoint(saved).progress.step, 4);
  const other = await openTrainer();
  await other.trainer.load(saved, {});
  await other.trainer.start({});
  await other.reached('finished');
});

test('a lost device fails the run by that name, and the run can go on elsewhere', async () => {
  const { table } = fakeTable({
    onStep: (step) => {
      if (step === 5) throw new TrainerError('DeviceLost', 'The GPU was removed.');
    },
  });
  const whole = await runUnbroken();
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
  assert.ok(of('state').at(-1)!.step < 10);

  const gate = makeGate();
  const other = await openTrainer({ table: fakeTable({ onCreate: () => gate.opened }).table });
  const refused = assert.rejects(other.trainer.start(SHORT), { name: 'Aborted' });
  await settle();
  other.trainer.fail(new Error('stray'));
  await other.reached('failed');
  await refused;
  gate.open();
});

test('data that cannot be had fails the run, with its message in the state', async () => {
  const { trainer, of, state } = await openTrainer({
    fetch: fetchOf({ ...tinyFiles(), 'test-images.gz': 404 }),
  });
  await assert.rejects(trainer.start(SHORT), {
    name: 'DataUnavailable',
    message: /^test-images\.gz: .* 404 /,
  });
  assert.equal(state(), 'failed');
  const { error } = of('state').at(-1)!;
  assert.equal(error!.kind, 'DataUnavailable');
  assert.match(error!.message, /^test-images\.gz/);
  await assert.rejects(trainer.start(SHORT), {
    name: 'RunFailed',
    message: /DataUnavailable: test-images\.gz/,
  });
  await assert.rejects(trainer.save(), { name: 'NothingToSave' });
});

test('a parameter that is not finite is not kept as a good state, though the losses are finite', async () => {
  const { trainer, of, reached } = await openTrainer({ table: fakeTable({ infiniteAt: 4 }).table });
  await trainer.start(SHORT);
  await reached('failed');
  const { kind, message } = of('state').at(-1)!.error!;
  assert.equal(kind, 'NonFiniteLoss');
  assert.match(message, /^discriminator\/conv1\/kernel holds Infinity after step 4\./);
  assert.equal(readCheckpoint(await trainer.save()).progress.step, 1);
});

test('an engine that fails at a save fails the run, and the state before is saved', async () => {
  let isLost = false;
  const { table } = fakeTable({
    onExport: () => {
      if (isLost) throw new TrainerError('DeviceLost', 'gone');
    },
  });
  const { trainer, of } = await openTrainer({ table });
  for (let step = 0; step < 3; step++) await trainer.step(SHORT);
  isLost = true;
  assert.equal(readCheckpoint(await trainer.save()).progress.step, 1);
  assert.equal(of('state').at(-1)!.error!.kind, 'DeviceLost');
});
