import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineChoice, EngineName, EngineReport } from '../../src/protocol/engines.js';
import { findEngines, startEngine } from '../../src/worker/engine/choose-engine.js';
import type { EngineEntry, Probe } from '../../src/worker/engine/engine-entry.js';
import type { Waiting } from '../../src/worker/engine/start-engine.js';
import { openGpuDevice } from '../../src/worker/engine/device/open-device.js';
import { ENGINES, probeWebGpu } from '../../src/worker/engine/engine-table.js';
import { adapterKey, readIdentity } from '../../src/worker/engine/device/platform.js';
import { NoAnswer } from '../../src/worker/engine/device/answer.js';
import type { EngineInput } from '../../src/worker/engine/engine.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { tinyDataset } from './support/data.js';
import { FakeEngine } from './support/fake-engine.js';
import { settle } from './support/gate.js';
import { Timers } from './support/timers.js';

const dataset = tinyDataset();
const settings = resolveSettings({ labels: 20 });
const input: EngineInput = {
  dataset,
  settings,
  recipe: buildRecipe(settings, dataset, { channelDivisor: 16 }),
  split: makeSplit(dataset, settings),
};

const REAL: Probe = { isUsable: true, isSoftware: false, detail: 'Radeon' };
const SOFTWARE: Probe = { isUsable: true, isSoftware: true, detail: 'SwiftShader' };
const MISSING: Probe = { isUsable: false, reason: 'noWebGpu', detail: '' };

const NEVER = new Promise<never>(() => undefined);

interface Platform {
  readonly webgpu: Probe | Error | Promise<Probe>;
  /** Engines whose start fails. */
  readonly broken?: readonly EngineName[];
  /** Engines whose start never settles. */
  readonly silent?: readonly EngineName[];
}

/** The real table with other probes and engines, as on a platform. */
function tableOf({ webgpu, broken = [], silent = [] }: Platform): readonly EngineEntry[] {
  return ENGINES.map((entry) => ({
    ...entry,
    probe: async () => {
      if (entry.runsOn !== 'gpu' || entry.name === 'tfjs-webgl')
        return { isUsable: true, isSoftware: false, detail: '' };
      if (webgpu instanceof Error) throw webgpu;
      return webgpu;
    },
    create: async () => {
      if (silent.includes(entry.name)) return NEVER;
      if (broken.includes(entry.name)) throw new Error(`${entry.name} is broken`);
      return new FakeEngine(input, { name: entry.name });
    },
  }));
}

async function choose(
  choice: EngineChoice,
  platform: Platform,
  waiting: Waiting = {},
): Promise<EngineReport> {
  const table = tableOf(platform);
  const chosen = { ...input, settings: { ...settings, engine: choice } };
  const findings = await findEngines(choice, table, waiting);
  return (await startEngine(choice, findings, chosen, null, waiting)).report;
}

/** Lets time pass until `work` has settled; fails where it takes longer than `limitMs`. */
async function inTime<T>(work: Promise<T>, timers: Timers, limitMs: number): Promise<T> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  work.then(over, over);
  for (let ms = 0; !isOver && ms < limitMs; ms += 1000) {
    await settle();
    timers.pass(1000);
  }
  await settle();
  assert.ok(isOver, `not settled within ${limitMs} ms`);
  return work;
}

/** Engine, reason, and those passed over as `engine reason detail`. */
async function outcome(choice: EngineChoice, platform: Platform, waiting: Waiting = {}): Promise<string[]> {
  const { engine, reason, passedOver } = await choose(choice, platform, waiting);
  return [
    `${engine} ${reason}`,
    ...passedOver.map((over) => `${over.engine} ${over.reason} ${over.detail}`.trim()),
  ];
}

test('auto takes WebGPU on a real adapter', async () => {
  assert.deepEqual(await outcome('auto', { webgpu: REAL }), ['webgpu realAdapter']);
});

test('auto passes over no WebGPU, no adapter and a software adapter, and says which', async () => {
  assert.deepEqual(await outcome('auto', { webgpu: MISSING }), [
    'wasm fallback',
    'webgpu noWebGpu',
    'tfjs-webgpu noWebGpu',
  ]);
  assert.deepEqual(await outcome('auto', { webgpu: { isUsable: false, reason: 'noAdapter', detail: '' } }), [
    'wasm fallback',
    'webgpu noAdapter',
    'tfjs-webgpu noAdapter',
  ]);
  assert.deepEqual(await outcome('auto', { webgpu: SOFTWARE }), [
    'wasm fallback',
    'webgpu softwareAdapter SwiftShader',
    'tfjs-webgpu softwareAdapter SwiftShader',
  ]);
});

test('auto goes on to the next engine when one does not start, down to cpu, never to webgl', async () => {
  assert.deepEqual(await outcome('auto', { webgpu: REAL, broken: ['webgpu'] }), [
    'tfjs-webgpu realAdapter',
    'webgpu failedToStart webgpu is broken',
  ]);
  const broken = ['webgpu', 'tfjs-webgpu', 'wasm', 'tfjs-wasm'] as const;
  assert.deepEqual(await outcome('auto', { webgpu: REAL, broken }), [
    'tfjs-cpu fallback',
    'webgpu failedToStart webgpu is broken',
    'tfjs-webgpu failedToStart tfjs-webgpu is broken',
    'wasm failedToStart wasm is broken',
    'tfjs-wasm failedToStart tfjs-wasm is broken',
  ]);
  await assert.rejects(
    choose('auto', { webgpu: REAL, broken: [...broken, 'tfjs-cpu'] }),
    (error: Error) => error.name === 'EngineUnavailable' && !error.message.includes('webgl'),
  );
});

test('a look that throws is a reason to pass over', async () => {
  assert.deepEqual(await outcome('auto', { webgpu: new Error('blocked') }), [
    'wasm fallback',
    'webgpu failedToStart blocked',
    'tfjs-webgpu failedToStart blocked',
  ]);
});

test('a named engine is taken as it is, on a software adapter too', async () => {
  assert.deepEqual(await outcome('tfjs-webgpu', { webgpu: SOFTWARE }), ['tfjs-webgpu requested']);
  assert.deepEqual(await outcome('tfjs-webgl', { webgpu: MISSING }), ['tfjs-webgl requested']);
});

test('a named engine that cannot start is refused, not replaced', async () => {
  await assert.rejects(choose('tfjs-webgpu', { webgpu: MISSING }), {
    name: 'EngineUnavailable',
    message:
      'The engine "tfjs-webgpu" cannot start here: this browser has no WebGPU. ' +
      'Choose "auto" or another engine.',
  });
  await assert.rejects(choose('tfjs-wasm', { webgpu: REAL, broken: ['tfjs-wasm'] }), {
    name: 'EngineUnavailable',
    message: /it failed to start \(tfjs-wasm is broken\)/,
  });
});

test('the report carries what the engine says it runs on', async () => {
  assert.equal((await choose('auto', { webgpu: MISSING })).adapter, 'fake');
});

const gpuOf = (info: Partial<GPUAdapterInfo> | null): GPU =>
  ({
    requestAdapter: () =>
      Promise.resolve(
        info === null
          ? null
          : {
              info: {
                vendor: '',
                architecture: '',
                device: '',
                description: '',
                isFallbackAdapter: false,
                ...info,
              },
            },
      ),
  }) as unknown as GPU;

test('software adapters are known by their flag or by their name', async () => {
  const cases: [Partial<GPUAdapterInfo>, boolean, string][] = [
    [{ vendor: 'apple', architecture: 'metal-3' }, false, 'apple metal-3'],
    [{ vendor: 'nvidia', description: 'NVIDIA H100' }, false, 'NVIDIA H100'],
    [{ vendor: 'google', architecture: 'swiftshader', isFallbackAdapter: true }, true, 'google swiftshader'],
    [{ vendor: 'google', architecture: 'swiftshader' }, true, 'google swiftshader'],
    [{ vendor: 'mesa', description: 'llvmpipe (LLVM 15)' }, true, 'llvmpipe (LLVM 15)'],
    [{ description: 'Microsoft Basic Render Driver' }, true, 'Microsoft Basic Render Driver'],
    [{ isFallbackAdapter: true }, true, ''],
  ];
  for (const [info, isSoftware, detail] of cases) {
    const { key, ...probe } = (await probeWebGpu(gpuOf(info))) as Extract<Probe, { isUsable: true }>;
    assert.deepEqual(probe, { isUsable: true, isSoftware, detail });
    assert.equal(typeof key, 'string');
  }
});

/** Adapters of browsers that tell less of them, and what is known of each. */
const ODD_ADAPTERS: [what: string, adapter: object, isSoftware: boolean, detail: string][] = [
  ['without info', {}, false, ''],
  ['without info, a fallback', { isFallbackAdapter: true }, true, ''],
  ['with parts of it', { info: { vendor: 'apple' } }, false, 'apple'],
  ['with nothing in it', { info: null }, false, ''],
  [
    'that throws at the look at it',
    {
      get info(): never {
        throw new Error('The operation is insecure.');
      },
    },
    false,
    '',
  ],
  [
    'that throws at the look at a part',
    {
      info: {
        architecture: 'swiftshader',
        get vendor(): never {
          throw new Error('The operation is insecure.');
        },
      },
    },
    true,
    'swiftshader',
  ],
];

for (const [what, adapter, isSoftware, detail] of ODD_ADAPTERS) {
  test(`an adapter ${what} is usable, and its device opens`, async () => {
    const device = {
      lost: new Promise(() => undefined),
      addEventListener: () => undefined,
      createComputePipelineAsync: async () => undefined,
    };
    Object.defineProperties(adapter, { limits: { value: {} }, requestDevice: { value: async () => device } });
    const gpu = { requestAdapter: async () => adapter } as unknown as GPU;
    const { key, ...probe } = (await probeWebGpu(gpu)) as Extract<Probe, { isUsable: true }>;
    assert.deepEqual(probe, { isUsable: true, isSoftware, detail });
    assert.equal(key === '{"limits":[],"features":[]}', detail === '');
    const open = await openGpuDevice(gpu, { label: 'test', limits: () => ({}) });
    assert.deepEqual([open.isSoftware, open.adapter], [isSoftware, detail]);
    assert.deepEqual(
      ['vendor', 'architecture', 'device', 'description'].map(
        (name) => typeof open.identity.info[name as 'vendor'],
      ),
      new Array(4).fill('string'),
    );
  });
}

/** Limits as a browser gives them: accessors of a prototype. */
function limitsOf(limits: Readonly<Record<string, number>>): GPUSupportedLimits {
  return Object.create(limits) as GPUSupportedLimits;
}

test('an adapter without words is told from others by its limits and features, one with words is not', () => {
  const keyOf = (description: string, maxBufferSize: number, features: string[]): string =>
    adapterKey(
      readIdentity({
        info: { vendor: '', architecture: '', device: '', description },
        limits: limitsOf({ maxBufferSize, maxBindGroups: 4 }),
        features: new Set(features),
      } as unknown as GPUAdapter),
    );
  const key = keyOf('', 2 ** 28, ['timestamp-query', 'shader-f16']);
  assert.equal(
    key,
    '{"limits":[["maxBindGroups",4],["maxBufferSize",268435456]],"features":["shader-f16","timestamp-query"]}',
  );
  assert.equal(keyOf('', 2 ** 28, ['shader-f16', 'timestamp-query']), key);
  assert.notEqual(keyOf('', 2 ** 29, ['shader-f16', 'timestamp-query']), key);
  assert.notEqual(keyOf('', 2 ** 28, ['shader-f16']), key);
  assert.equal(keyOf('Radeon', 2 ** 28, []), keyOf('Radeon', 2 ** 29, ['shader-f16']));
});

/** A GPU that has no adapter for the first requests. */
function lateGpu(nulls: number): { readonly gpu: GPU; readonly asked: () => number } {
  let asked = 0;
  const device = { lost: NEVER, addEventListener: () => undefined, createComputePipelineAsync: () => NEVER };
  const adapter = { info: { vendor: 'amd' }, limits: {}, requestDevice: async () => device };
  const gpu = { requestAdapter: async () => (asked++ < nulls ? null : adapter) };
  return { gpu: gpu as unknown as GPU, asked: () => asked };
}

test('an adapter that is there at the second request is found, by the device too', async () => {
  assert.equal((await probeWebGpu(lateGpu(1).gpu)).isUsable, true);
  const open = await openGpuDevice(lateGpu(1).gpu, { label: '', limits: () => ({}) });
  assert.equal(open.adapter, 'amd');
  const none = lateGpu(Infinity);
  assert.deepEqual(await probeWebGpu(none.gpu), { isUsable: false, reason: 'noAdapter', detail: '' });
  assert.equal(none.asked(), 2);
});

test('engines on one GPU share one look for its adapter, and the next run looks anew', async () => {
  const { gpu, asked } = lateGpu(1);
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  try {
    const candidates = async (): Promise<string[]> =>
      (await findEngines('auto', ENGINES)).flatMap(({ entry, isCandidate }) =>
        isCandidate ? entry.name : [],
      );
    assert.deepEqual((await candidates()).slice(0, 2), ['webgpu', 'tfjs-webgpu']);
    assert.equal(asked(), 2);
    await candidates();
    assert.equal(asked(), 3);
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'navigator');
    else Object.defineProperty(globalThis, 'navigator', before);
  }
});

test('no WebGPU and no adapter are told apart', async () => {
  assert.deepEqual(await probeWebGpu(undefined), { isUsable: false, reason: 'noWebGpu', detail: '' });
  assert.deepEqual(await probeWebGpu(gpuOf(null)), { isUsable: false, reason: 'noAdapter', detail: '' });
});

test('auto passes over a driver that never answers after some seconds, once for all engines on it', async () => {
  const timers = new Timers();
  const found = outcome('auto', { webgpu: NEVER }, { start: timers.start });
  assert.deepEqual(await inTime(found, timers, 10_000), [
    'wasm fallback',
    'webgpu noAnswer The search for what "webgpu" needs did not answer within 5 s.',
    'tfjs-webgpu noAnswer The search for what "tfjs-webgpu" needs did not answer within 5 s.',
  ]);
});

test('auto passes over an engine that never starts, and the next one on the same driver with it', async () => {
  const timers = new Timers();
  const silent = ['webgpu', 'wasm'] as const;
  const started = outcome('auto', { webgpu: REAL, silent }, { start: timers.start });
  assert.deepEqual(await inTime(started, timers, 150_000), [
    'tfjs-wasm fallback',
    'webgpu noAnswer The engine "webgpu" did not answer within 60 s.',
    'tfjs-webgpu noAnswer The engine "webgpu" did not answer within 60 s.',
    'wasm noAnswer The engine "wasm" did not answer within 60 s.',
  ]);
});

for (const name of ['webgpu', 'tfjs-webgpu', 'tfjs-webgl', 'wasm', 'tfjs-wasm', 'tfjs-cpu'] as const) {
  test(`"${name}" asked for by name is refused where it never starts`, async () => {
    const timers = new Timers();
    const started = choose(name, { webgpu: REAL, silent: [name] }, { start: timers.start });
    await assert.rejects(inTime(started, timers, 400_000), {
      name: 'EngineUnavailable',
      message: new RegExp(`"${name}" cannot start here: it did not answer \\(.* within 300 s\\.\\)`),
    });
  });
}

test('an engine that comes after all is freed', async () => {
  const timers = new Timers();
  let come: (engine: FakeEngine) => void = () => undefined;
  const coming = new Promise<FakeEngine>((resolve) => (come = resolve));
  const [entry] = tableOf({ webgpu: REAL });
  const table = [{ ...entry!, create: () => coming }];
  const findings = await findEngines('auto', table);
  const started = startEngine('auto', findings, input, null, { start: timers.start });
  await assert.rejects(inTime(started, timers, 70_000), { name: 'EngineUnavailable' });
  const engine = new FakeEngine(input);
  come(engine);
  await settle();
  assert.equal(engine.isDisposed, true);
});

/** A GPU of which some calls never settle. */
function silentGpu(silent: 'requestAdapter' | 'requestDevice' | 'createComputePipelineAsync'): GPU {
  const answer = <T>(name: string, value: T): Promise<T> =>
    name === silent ? NEVER : Promise.resolve(value);
  const device = {
    lost: NEVER,
    addEventListener: () => undefined,
    createComputePipelineAsync: () => answer('createComputePipelineAsync', {}),
  };
  const info = { vendor: '', architecture: '', device: '', description: 'Radeon', isFallbackAdapter: false };
  const adapter = { info, limits: {}, requestDevice: () => answer('requestDevice', device) };
  return { requestAdapter: () => answer('requestAdapter', adapter) } as unknown as GPU;
}

for (const silent of ['requestAdapter', 'requestDevice'] as const) {
  test(`a device whose ${silent} never settles is refused after some seconds`, async () => {
    const timers = new Timers();
    const opening = openGpuDevice(silentGpu(silent), { label: '', limits: () => ({}), start: timers.start });
    await assert.rejects(inTime(opening, timers, 15_000), (error) => error instanceof NoAnswer);
  });
}

test('a device that never compiles a pipeline fails while it is made ready, and one that is slow does not', async () => {
  const timers = new Timers();
  const request = { label: '', limits: () => ({}), start: timers.start };
  const slow = await openGpuDevice(silentGpu('createComputePipelineAsync'), request);
  const compiling = slow.device.createComputePipelineAsync({} as GPUComputePipelineDescriptor);
  for (let pipeline = 0; pipeline < 10; pipeline++) {
    timers.pass(14_000);
    await slow.watch.guard(Promise.resolve());
  }
  assert.equal(slow.watch.failure, null);
  await assert.rejects(inTime(compiling, timers, 20_000), { name: 'DeviceLost' });
});
