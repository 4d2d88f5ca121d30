/** Making a run while commands come, and putting it in place of another. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchOf, tinyFiles } from './support/data.js';
import { fakeTable } from './support/fake-engine.js';
import { makeGate, settle } from './support/gate.js';
import { Timers } from './support/timers.js';
import { openTrainer, SHORT } from './support/trainer.js';

test('data is fetched once, whatever is reset', async () => {
  const serve = fetchOf(tinyFiles());
  let fetched = 0;
  const { trainer, reached } = await openTrainer({ fetch: (...request) => (fetched++, serve(...request)) });
  await trainer.start(SHORT);
  await reached('finished');
  await trainer.reset({ ...SHORT, seed: 2 });
  await trainer.start({});
  assert.equal(fetched, 4);
});

test('a start that comes while loading runs when it is there; a pause cancels it', async () => {
  const gate = makeGate();
  const { trainer, reached } = await openTrainer({ table: fakeTable({ onCreate: () => gate.opened }).table });
  const stepped = trainer.step(SHORT);
  const started = trainer.start({ steps: 6 });
  await settle();
  gate.open();
  assert.equal(await started, 'running');
  await stepped;
  await reached('finished');

  const second = makeGate();
  const other = await openTrainer({ table: fakeTable({ onCreate: () => second.opened }).table });
  const cancelled = other.trainer.start(SHORT);
  assert.equal(await other.trainer.pause(), 'loading');
  second.open();
  assert.equal(await cancelled, 'ready');
  assert.deepEqual(other.states(), ['loading', 'ready']);
});

test('steps given by a start while loading count', async () => {
  const gate = makeGate();
  const { trainer, reached, of } = await openTrainer({
    table: fakeTable({ onCreate: () => gate.opened }).table,
  });
  void trainer.start(SHORT);
  const started = trainer.start({ steps: 5 });
  await settle();
  gate.open();
  await started;
  await reached('finished');
  assert.equal(of('state').at(-1)!.step, 5);
  assert.equal(of('settings').at(-1)!.settings.steps, 5);
});

test('a reset while loading goes back to idle and frees the engine that comes late', async () => {
  const gate = makeGate();
  const { table, made } = fakeTable({ onCreate: () => gate.opened });
  const { trainer, state } = await openTrainer({ table });
  const started = trainer.start(SHORT);
  const refused = assert.rejects(started, { name: 'Aborted' });
  await settle();
  assert.equal(await trainer.reset(SHORT), 'idle');
  await refused;
  const again = trainer.start({ ...SHORT, seed: 9 });
  gate.open();
  assert.equal(await again, 'running');
  assert.equal(state(), 'running');
  assert.deepEqual(
    made.map(({ isDisposed }) => isDisposed),
    [true, false],
  );
});

test('the start after a reset does not wait for an engine that never answers', async () => {
  const timers = new Timers();
  let creations = 0;
  const { table, made } = fakeTable({
    onCreate: () => (++creations === 1 ? new Promise<void>(() => undefined) : undefined),
  });
  const { trainer, reached } = await openTrainer({ table, startTimer: timers.start });
  const refused = assert.rejects(trainer.start(SHORT), { name: 'Aborted' });
  await settle();
  assert.equal(creations, 1);
  assert.equal(await trainer.reset(SHORT), 'idle');
  await refused;
  const again = trainer.start(SHORT);
  await settle();
  assert.equal(creations, 1, 'a little it is waited for, since both would set the globals of libraries');
  timers.pass(3_000);
  assert.equal(await again, 'running');
  await reached('finished');
  assert.equal(made.length, 1);
  timers.pass(400_000);
  await settle();
  assert.equal(creations, 2);
});

test('a look at the platform that never ends ends the start, and the next one looks anew', async () => {
  const timers = new Timers();
  let isSilent = true;
  const { table } = fakeTable({
    probe: () =>
      isSilent
        ? new Promise(() => undefined)
        : Promise.resolve({ isUsable: true, isSoftware: false, detail: '' }),
  });
  const { trainer } = await openTrainer({ table, startTimer: timers.start });
  const refused = assert.rejects(trainer.start({ ...SHORT, engine: 'tfjs-cpu' }), {
    name: 'EngineUnavailable',
    message: /"tfjs-cpu" cannot start here: it did not answer/,
  });
  await settle();
  timers.pass(5_000);
  await refused;
  isSilent = false;
  const other = await openTrainer({ table, startTimer: timers.start });
  assert.equal(await other.trainer.start(SHORT), 'running');
});

test('a reset while the data comes ends its download', async () => {
  const gate = makeGate();
  const signals: AbortSignal[] = [];
  const { trainer } = await openTrainer({
    fetch: async (_url, init) => {
      signals.push(init!.signal!);
      await gate.opened;
      return new Response('');
    },
  });
  const refused = assert.rejects(trainer.start(SHORT), { name: 'Aborted' });
  await settle();
  await trainer.reset(SHORT);
  assert.equal(signals.length, 4);
  assert.ok(signals.every(({ aborted }) => aborted));
  await refused;
  gate.open();
});

test('a reset whose engine cannot start leaves the run as it was', async () => {
  const { trainer, state } = await openTrainer();
  await trainer.step(SHORT);
  await assert.rejects(trainer.reset({ ...SHORT, engine: 'tfjs-webgl' }), { name: 'EngineUnavailable' });
  assert.equal(state(), 'paused');
  assert.equal(await trainer.step(SHORT), 'paused');
});

test('a run that cannot take the place of the one before is not heard of', async () => {
  let isBroken = false;
  const { table } = fakeTable({
    onCreate: () => {
      if (isBroken) throw new Error('broken');
    },
  });
  const { trainer, of, state } = await openTrainer({ table });
  await trainer.step(SHORT);
  isBroken = true;
  await assert.rejects(trainer.reset({ ...SHORT, seed: 2 }), {
    name: 'EngineUnavailable',
    message: /broken/,
  });
  assert.equal(state(), 'paused');
  assert.deepEqual(
    of('settings').map(({ settings }) => settings.seed),
    [1],
  );
});

test('settings are reported while loading for a run that is new, later only for more steps', async () => {
  const gate = makeGate();
  const { trainer, reports, reached } = await openTrainer({
    table: fakeTable({ onCreate: () => gate.opened }).table,
  });
  void trainer.start(SHORT);
  const started = trainer.start({ steps: 5 });
  await settle();
  gate.open();
  await started;
  await reached('finished');
  const heard = reports.flatMap((report): unknown[] => {
    if (report.type === 'settings') return [report.settings.steps];
    return report.type === 'state' ? [report.state] : [];
  });
  assert.deepEqual(heard, ['loading', 8, 'running', 5, 'finished']);
});

test('only the engine of the present run is alive', async () => {
  const { table, made } = fakeTable();
  const { trainer } = await openTrainer({ table });
  await trainer.step(SHORT);
  const saved = await trainer.save();
  for (let i = 0; i < 3; i++) await trainer.reset(SHORT);
  await trainer.load(saved, {});
  await settle();
  assert.deepEqual(
    made.map(({ isDisposed }) => isDisposed),
    [true, true, true, true, false],
  );
});
