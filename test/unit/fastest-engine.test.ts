/** What `auto` takes where a GPU and the processor both can: the faster, as each has shown, now or before. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import type { EngineChoice, EngineName, EngineReport } from '../../src/protocol/engines.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { findEngines, startEngine } from '../../src/worker/engine/choose-engine.js';
import { createStore, type Store } from '../../src/worker/engine/device/lasting-store.js';
import { NoAnswer } from '../../src/worker/engine/device/answer.js';
import type { EngineEntry } from '../../src/worker/engine/engine-entry.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import type { Measuring, Speeds } from '../../src/worker/engine/fastest-engine.js';
import { tinyDataset } from './support/data.js';
import { FakeEngine } from './support/fake-engine.js';
import { Clock, openTrainer, SHORT } from './support/trainer.js';

const dataset = tinyDataset();

function inputOf(engine: EngineChoice, batch = 10): EngineInput {
  const settings = resolveSettings({ labels: 20, batch, engine });
  const recipe = buildRecipe(settings, dataset, { channelDivisor: 16 });
  return { dataset, settings, recipe, split: makeSplit(dataset, settings) };
}

function memory(): Store<Speeds> {
  const kept = new Map<string, Speeds>();
  return createStore<Speeds>(
    { get: async (key) => kept.get(key), put: async (key, speeds) => void kept.set(key, speeds) },
    () => new Promise(() => undefined),
  );
}

interface Machine {
  readonly clock: Clock;
  readonly table: EngineEntry[];
  readonly made: FakeEngine[];
  readonly measuring: Omit<Measuring, 'yieldToCommands'>;
}

/** A machine with a GPU and a processor, on which a step takes so long by engine; none where it fails, or never ends. */
function machineOf(
  msPerStep: Readonly<Partial<Record<EngineName, number | 'never'>>>,
  { store = memory(), key = 'Radeon', cores = 8 } = {},
): Machine {
  const clock = new Clock();
  const made: FakeEngine[] = [];
  const msOf = (name: EngineName): number => {
    const ms = msPerStep[name];
    return typeof ms === 'number' ? ms : 1;
  };
  const entry = (name: EngineName, runsOn: 'gpu' | 'cpu', isContender?: true): EngineEntry => ({
    name,
    isAutomatic: true,
    runsOn,
    ...(isContender && { isContender }),
    ...(name === 'webgpu' && { recovers: true as const }),
    probe: async () => ({
      isUsable: true,
      isSoftware: false,
      detail: '',
      ...(runsOn === 'gpu' && { key }),
    }),
    create: async (input) => {
      const engine = new FakeEngine(input, {
        name,
        device: { clock, msPerStep: msOf(name) },
        onStep: () => {
          // As it is told once the limit is over.
          if (msPerStep[name] === 'never') throw new NoAnswer(name, 60_000);
          if (msPerStep[name] === undefined) throw new Error(`${name} is broken`);
        },
      });
      made.push(engine);
      return engine;
    },
  });
  const table = [entry('webgpu', 'gpu', true), entry('tfjs-webgpu', 'gpu'), entry('wasm', 'cpu', true)];
  return { clock, table, made, measuring: { store: async () => store, cores, version: '1' } };
}

async function start(
  { clock, table, measuring }: Machine,
  input = inputOf('auto'),
  { signal, onYield }: { readonly signal?: AbortSignal; readonly onYield?: () => void } = {},
): Promise<{ readonly engine: Engine; readonly report: EngineReport }> {
  const { engine: choice } = input.settings;
  const findings = await findEngines(choice, table);
  const replay = {
    begin: () => undefined,
    hearCommands: async () => undefined,
    portion: (left: number) => left,
    made: () => undefined,
  };
  const surroundings = {
    report: () => undefined,
    now: clock.now,
    replay,
    measuring: { ...measuring, yieldToCommands: async () => onYield?.() },
  };
  return startEngine(choice, findings, input, surroundings, { signal });
}

const chunksOf = ({ made }: Machine): [EngineName, number][] =>
  made.map(({ info, chunks }) => [info.engine, chunks.length]);

for (const [webgpu, wasm, fastest] of [
  [2, 10, 'webgpu'],
  [20, 5, 'wasm'],
] as const) {
  test(`auto takes ${fastest} where it makes more steps, and reports both figures`, async () => {
    const machine = machineOf({ webgpu, wasm });
    const { engine, report } = await start(machine);
    assert.equal(report.engine, fastest);
    assert.equal(report.reason, 'measured');
    assert.deepEqual(report.passedOver, []);
    const [gpu, processor] = report.measured!;
    assert.deepEqual([gpu!.engine, processor!.engine], ['webgpu', 'wasm']);
    assert.ok(Math.abs(gpu!.stepsPerSecond - 1000 / webgpu) < 1, `${gpu!.stepsPerSecond}`);
    assert.ok(Math.abs(processor!.stepsPerSecond - 1000 / wasm) < 1, `${processor!.stepsPerSecond}`);
    assert.deepEqual(
      machine.made.map(({ info, isDisposed }) => [info.engine, isDisposed]),
      [
        ['webgpu', fastest !== 'webgpu'],
        ['wasm', fastest !== 'wasm'],
      ],
    );
    // About half a second each, the first step aside.
    assert.ok(machine.clock.ms >= 1000 && machine.clock.ms < 1250, `${machine.clock.ms} ms`);
    const plain = new FakeEngine(inputOf('auto'));
    assert.deepEqual(await engine.exportState(), await plain.exportState());
  });
}

test('the comparison is remembered by adapter, cores, recipe, batch, shape and version', async () => {
  const store = memory();
  const speeds = { webgpu: 20, wasm: 5 };
  await start(machineOf(speeds, { store }));
  const again = machineOf(speeds, { store });
  const { report } = await start(again);
  assert.deepEqual([report.engine, report.reason, report.measured!.length], ['wasm', 'measured', 2]);
  assert.deepEqual(chunksOf(again), [['wasm', 0]]);

  const others = [
    machineOf(speeds, { store, key: 'GeForce' }),
    machineOf(speeds, { store, cores: 4 }),
    { ...machineOf(speeds, { store }), measuring: { store: async () => store, cores: 8, version: '2' } },
  ];
  for (const other of others) {
    await start(other);
    assert.equal(other.made.length, 2);
  }
  const larger = machineOf(speeds, { store });
  await start(larger, inputOf('auto', 12));
  assert.equal(larger.made.length, 2);
});

test('engines are compared anew where a damaged database remembers no figures', async () => {
  for (const damaged of [null, 'fast', { webgpu: NaN, wasm: 3 }, { webgpu: '90', wasm: 3 }]) {
    const store = { read: async () => damaged as unknown as Speeds, write: async () => undefined };
    const machine = machineOf({ webgpu: 20, wasm: 5 }, { store });
    assert.equal((await start(machine)).report.engine, 'wasm');
    assert.equal(machine.made.length, 2);
  }
});

test('an engine that fails while it is measured is passed over, and nothing is remembered', async () => {
  const store = memory();
  const machine = machineOf({ wasm: 5 }, { store });
  const { report } = await start(machine);
  assert.deepEqual([report.engine, report.reason], ['wasm', 'fallback']);
  assert.deepEqual(report.passedOver, [
    { engine: 'webgpu', reason: 'failedToStart', detail: 'webgpu is broken' },
  ]);
  assert.equal(report.measured, undefined);
  assert.equal(machine.made[0]!.isDisposed, true);
  const mended = machineOf({ webgpu: 1, wasm: 5 }, { store });
  assert.equal((await start(mended)).report.engine, 'webgpu');
});

test('where all that are compared fail, auto goes on as ever', async () => {
  const { report } = await start(machineOf({}));
  assert.deepEqual(
    [report.engine, ...report.passedOver.map(({ engine }) => engine)],
    ['tfjs-webgpu', 'webgpu'],
  );
});

test('an engine on the processor that stays silent while it is measured rules out none on the GPU', async () => {
  const machine = machineOf({ wasm: 'never' });
  const { report } = await start(machine);
  assert.equal(report.engine, 'tfjs-webgpu');
  assert.deepEqual(report.passedOver, [
    { engine: 'webgpu', reason: 'failedToStart', detail: 'webgpu is broken' },
  ]);
});

test('an engine on the GPU that stays silent while it is measured rules out the others there', async () => {
  await assert.rejects(start(machineOf({ webgpu: 'never' })), {
    name: 'EngineUnavailable',
    message:
      /webgpu: it did not answer \(webgpu did not .*\); tfjs-webgpu: it did not answer \(webgpu did not .*\); wasm: it failed/,
  });
});

test('an engine asked for by name is not measured', async () => {
  const machine = machineOf({ webgpu: 20, wasm: 5 });
  const { report } = await start(machine, inputOf('webgpu'));
  assert.deepEqual([report.engine, report.reason, report.measured], ['webgpu', 'requested', undefined]);
  assert.deepEqual(chunksOf(machine), [['webgpu', 0]]);
});

test('a run given up while engines are compared leaves none behind', async () => {
  const machine = machineOf({ webgpu: 2, wasm: 5 });
  const abort = new AbortController();
  const giveUp = (): void => {
    if (machine.made.length === 2) abort.abort(new Error('given up'));
  };
  const starting = start(machine, inputOf('auto'), { signal: abort.signal, onYield: giveUp });
  await assert.rejects(starting, /given up/);
  assert.deepEqual(
    machine.made.map(({ isDisposed }) => isDisposed),
    [true, true],
  );
});

test('the page is told of both figures with the engine', async () => {
  const { clock, table, measuring } = machineOf({ webgpu: 20, wasm: 5 });
  const { trainer, of, reached } = await openTrainer({ table, clock, measuring });
  await trainer.start({ ...SHORT, engine: 'auto' });
  await reached('finished');
  const [report] = of('engine');
  assert.deepEqual(
    report!.measured!.map(({ engine, stepsPerSecond }) => [engine, Math.round(stepsPerSecond)]),
    [
      ['webgpu', 50],
      ['wasm', 200],
    ],
  );
  assert.equal(of('metrics')[0]!.firstStep, 1);
});
