/** What commands do to a run; every command in every state is in command-table.test.ts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROTOCOL_VERSION, type OpenOptions } from '../../src/protocol/trainer-api.js';
import type { SettingsInput } from '../../src/protocol/settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { PLAIN_KERNELS } from '../../src/worker/spread/kernels.js';
import { Trainer } from '../../src/worker/commands/trainer.js';
import { fetchOf, tinyDataset, tinyFiles } from './support/data.js';
import { fakeTable } from './support/fake-engine.js';
import { makeGate, settle } from './support/gate.js';
import { DATA_URL, openTrainer, SHORT } from './support/trainer.js';

function unopened(): Trainer {
  return new Trainer({
    engines: fakeTable().table,
    buildRecipe,
    spreadKernels: () => PLAIN_KERNELS,
    fetch: fetchOf(tinyFiles()),
    now: () => 0,
    schedule: (callback) => void queueMicrotask(callback),
    yieldToCommands: () => Promise.resolve(),
    exportModel: () => Promise.resolve([]),
  });
}

test('a page of another build is refused by both versions', async () => {
  await assert.rejects(
    unopened().open({ protocolVersion: 99, dataUrl: DATA_URL }, () => undefined),
    {
      name: 'WorkerUnavailable',
      message: new RegExp(`protocol 99, the worker ${PROTOCOL_VERSION}`),
    },
  );
});

test('open names a data address that is no folder', async () => {
  for (const dataUrl of ['data/', 'https://example.test/data', 'data:text/plain,x/', 'blob:x/', undefined]) {
    const options = { protocolVersion: PROTOCOL_VERSION, dataUrl } as OpenOptions;
    await assert.rejects(
      unopened().open(options, () => undefined),
      { name: 'InvalidSettings', message: /"dataUrl"/ },
    );
  }
});

test('commands before open and a second open are refused', async () => {
  await assert.rejects(unopened().start({}), { name: 'Internal', message: /open\(\)/ });
  const { trainer } = await openTrainer();
  const again = trainer.open({ protocolVersion: PROTOCOL_VERSION, dataUrl: DATA_URL }, () => undefined);
  await assert.rejects(again, { name: 'Busy' });
});

test('start loads, runs to the end and reports everything on the way, in order', async () => {
  const { trainer, states, of, reached, reports } = await openTrainer();
  assert.equal(await trainer.start(SHORT), 'running');
  await reached('finished');
  assert.deepEqual(states(), ['loading', 'running', 'finished']);
  const stages = [...new Set(of('loading').map(({ stage }) => stage))];
  assert.deepEqual(stages, ['engine', 'data', 'model', 'firstStep']);
  assert.equal(of('settings')[0]!.settings.labels, 20);
  assert.equal(of('engine')[0]!.engine, 'tfjs-cpu');
  assert.deepEqual(
    of('images').map(({ source, step }) => `${source} ${step}`),
    ['real 0', 'generated 0', 'generated 1', 'generated 4', 'generated 8'],
  );
  const order = reports.map(({ type }) => type);
  assert.ok(order.indexOf('engine') < order.indexOf('metrics'));
  let next = 1;
  for (const { firstStep, steps } of of('metrics')) {
    assert.equal(firstStep, next);
    next += steps;
  }
  assert.equal(next, 9);
});

test('bad settings are refused in every command, and nothing changes', async () => {
  const { trainer, states } = await openTrainer();
  const bad: SettingsInput = { batch: 3 };
  for (const command of [trainer.start(bad), trainer.step(bad), trainer.reset(bad)]) {
    await assert.rejects(command, { name: 'InvalidSettings', message: /"batch" is 3/ });
  }
  assert.deepEqual(states(), []);
});

test('more labels than there are images are refused, and the next start can do better', async () => {
  const { trainer, state, states } = await openTrainer();
  await assert.rejects(trainer.start({ ...SHORT, labels: 100 }), {
    name: 'InvalidSettings',
    message: /"labels" is 100/,
  });
  assert.equal(state(), 'idle');
  assert.equal(await trainer.start(SHORT), 'running');
  await assert.rejects(trainer.reset({ ...SHORT, labels: 100 }), { name: 'InvalidSettings' });
  assert.deepEqual(states(), ['loading', 'idle', 'loading', 'running']);
});

test('commands take effect in the order in which they came', async () => {
  const { trainer, of, reached } = await openTrainer();
  await trainer.start({ ...SHORT, steps: 1000 });
  const results = await Promise.all([
    trainer.pause(),
    trainer.reset({ ...SHORT, seed: 5 }),
    trainer.start({}),
  ]);
  assert.equal(results[0], 'paused');
  await reached('finished');
  assert.equal(of('settings').at(-1)!.settings.seed, 5);
});

test('settings of a start wait for the next reset, but for steps, which count at once', async () => {
  const { trainer, reached, of } = await openTrainer();
  await trainer.step(SHORT);
  await trainer.start({ ...SHORT, seed: 2, steps: 6 });
  await reached('finished');
  const { settings } = of('settings').at(-1)!;
  assert.deepEqual([settings.seed, settings.steps], [1, 6]);
  assert.equal(of('state').at(-1)!.step, 6);
});

test('a run that is over goes on when steps are raised', async () => {
  const { trainer, reached, of, states } = await openTrainer();
  await trainer.start(SHORT);
  await reached('finished');
  await assert.rejects(trainer.start(SHORT), { name: 'RunFinished', message: /its 8 steps/ });
  assert.equal(await trainer.start({ ...SHORT, steps: 10 }), 'running');
  await reached('finished');
  assert.deepEqual(states().slice(-2), ['running', 'finished']);
  assert.deepEqual(
    of('evaluation').map(({ step }) => step),
    [1, 4, 8, 10],
  );
});

test('fewer steps than are done are refused; as many end the run, evaluated', async () => {
  const { trainer, of, reached } = await openTrainer();
  for (let step = 0; step < 3; step++) await trainer.step(SHORT);
  await assert.rejects(trainer.start({ ...SHORT, steps: 2 }), {
    name: 'InvalidSettings',
    message: 'Setting "steps" is 2; allowed: whole numbers from 3, the steps done, to 10,000,000.',
  });
  await trainer.start({ ...SHORT, steps: 3 });
  await reached('finished');
  assert.deepEqual(
    of('evaluation').map(({ step }) => step),
    [1, 3],
  );
});

test('one step shows its images, its evaluation where due, and rests', async () => {
  const { trainer, of, states } = await openTrainer();
  assert.equal(await trainer.step(SHORT), 'paused');
  assert.equal(await trainer.step(SHORT), 'paused');
  assert.deepEqual(states(), ['loading', 'running', 'paused', 'running', 'paused']);
  assert.deepEqual(
    of('evaluation').map(({ step }) => step),
    [1],
  );
  assert.deepEqual(
    of('images')
      .filter(({ source }) => source === 'generated')
      .map(({ step }) => step),
    [0, 1, 2],
  );
  assert.equal(of('state').at(-1)!.step, 2);
});

test('a start during a single step goes on after it', async () => {
  const gate = makeGate();
  const { table } = fakeTable({ onStep: () => gate.opened });
  const { trainer, reached, of } = await openTrainer({ table });
  const stepped = trainer.step(SHORT);
  await reached('running');
  assert.equal(await trainer.start({}), 'running');
  gate.open();
  await stepped;
  await reached('finished');
  assert.equal(of('state').at(-1)!.step, 8);
});

test('a start is heard while the images of a single step are made', async () => {
  const started: Promise<unknown>[] = [];
  const { table } = fakeTable({
    onGenerate: async () => {
      if (!isStepping) return;
      isStepping = false;
      started.push(trainer.start({}));
      await settle();
    },
  });
  let isStepping = false;
  const { trainer, reached, of } = await openTrainer({ table });
  await trainer.step(SHORT);
  isStepping = true;
  await trainer.step({});
  assert.deepEqual(await Promise.all(started), ['running']);
  await reached('finished');
  assert.equal(of('state').at(-1)!.step, 8);
});

test('what a command reported is there before it settles', async () => {
  const { trainer, states } = await openTrainer({ schedule: () => undefined });
  await trainer.step(SHORT);
  assert.deepEqual(states(), ['loading', 'running', 'paused']);
});

test('reset to the same seed gives the same run, another seed another', async () => {
  const { trainer, reached, reports } = await openTrainer();
  const runs: unknown[] = [];
  for (const seed of [3, 3, 4]) {
    await trainer.reset({ ...SHORT, seed });
    const from = reports.length;
    await trainer.start({ ...SHORT, seed });
    await reached('finished');
    runs.push(
      reports.slice(from).flatMap((report): unknown[] => {
        if (report.type === 'evaluation') return [report];
        return report.type === 'metrics' ? [...report.values] : [];
      }),
    );
  }
  assert.deepEqual(runs[0], runs[1]);
  assert.notDeepEqual(runs[0], runs[2]);
});

test('the model is exported from the state of the run, the files’ buffers transferable', async () => {
  const files = [{ path: 'generator/model.json', bytes: Uint8Array.of(1) }];
  const steps: number[] = [];
  const { trainer } = await openTrainer({
    exportModel: (recipe, { step, tensors }) => {
      steps.push(step);
      assert.ok(tensors.has('generator/deconv1/kernel'));
      assert.equal(recipe.name, 'notebook');
      return Promise.resolve(files);
    },
  });
  await trainer.step(SHORT);
  assert.deepEqual(await trainer.exportModel(), files);
  assert.deepEqual(steps, [1]);
});

test('a checkpoint of other data is refused as such, also where its labels are more than there are images', async () => {
  const { trainer } = await openTrainer();
  await trainer.step({ ...SHORT, labels: 50 });
  const saved = await trainer.save();
  const { trainer: other } = await openTrainer({ fetch: fetchOf(tinyFiles(tinyDataset(40))) });
  await assert.rejects(other.load(saved, {}), { name: 'InvalidCheckpoint', message: /made with other data/ });
});
