import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineChoice, EngineName, EngineReport } from '../../src/protocol/engines.js';
import {
  findEngines,
  startEngine,
  type EngineEntry,
  type Probe,
} from '../../src/worker/engine/choose-engine.js';
import { ENGINES, probeWebGpu } from '../../src/worker/engine/engine-table.js';
import type { EngineInput } from '../../src/worker/engine/engine.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { tinyDataset } from './support/data.js';
import { FakeEngine } from './support/fake-engine.js';

const dataset = tinyDataset();
const settings = resolveSettings({ labels: 20 });
const input: EngineInput = {
  dataset,
  settings,
  recipe: buildRecipe('notebook', dataset, 16),
  split: makeSplit(dataset, settings),
};

const REAL: Probe = { isUsable: true, isSoftware: false, detail: 'Radeon' };
const SOFTWARE: Probe = { isUsable: true, isSoftware: true, detail: 'SwiftShader' };
const MISSING: Probe = { isUsable: false, reason: 'noWebGpu', detail: '' };

interface Platform {
  readonly webgpu: Probe | Error;
  /** Engines whose start fails. */
  readonly broken?: readonly EngineName[];
}

/** The real table with other probes and engines, as on a platform. */
function tableOf({ webgpu, broken = [] }: Platform): readonly EngineEntry[] {
  return ENGINES.map((entry) => ({
    ...entry,
    probe: async () => {
      if (entry.runsOn !== 'gpu' || entry.name === 'tfjs-webgl')
        return { isUsable: true, isSoftware: false, detail: '' };
      if (webgpu instanceof Error) throw webgpu;
      return webgpu;
    },
    create: async () => {
      if (broken.includes(entry.name)) throw new Error(`${entry.name} is broken`);
      return new FakeEngine(input, { name: entry.name });
    },
  }));
}

async function choose(choice: EngineChoice, platform: Platform): Promise<EngineReport> {
  const table = tableOf(platform);
  return (await startEngine(choice, await findEngines(choice, table), input)).report;
}

/** Engine, reason, and those passed over as `engine reason detail`. */
async function outcome(choice: EngineChoice, platform: Platform): Promise<string[]> {
  const { engine, reason, passedOver } = await choose(choice, platform);
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
    assert.deepEqual(await probeWebGpu(gpuOf(info)), { isUsable: true, isSoftware, detail });
  }
});

test('no WebGPU and no adapter are told apart', async () => {
  assert.deepEqual(await probeWebGpu(undefined), { isUsable: false, reason: 'noWebGpu', detail: '' });
  assert.deepEqual(await probeWebGpu(gpuOf(null)), { isUsable: false, reason: 'noAdapter', detail: '' });
});
