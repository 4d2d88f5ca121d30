/** Choosing tiles on a device: measured once, remembered, recorded, gone without a trace, and never seen in a bit. */

import { inStage } from '../../src/recipe/recipe.js';
import { expect } from '@open-wc/testing';
import { countCalls, type CallCounter } from '../../src/worker/benchmark/count-calls.js';
import { metricNames } from '../../src/recipe/metrics.js';
import type { Engine, EngineState } from '../../src/worker/engine/engine.js';
import { planTrainStep } from '../../src/worker/engine/plan/plan.js';
import { BufferPool } from '../../src/worker/engine/webgpu/buffers.js';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { controlLayout, PARAMETERS } from '../../src/worker/engine/webgpu/kernels/shader.js';
import { ParameterLayout } from '../../src/worker/engine/webgpu/parameter-layout.js';
import {
  makeDispatch,
  programMemory,
  shaderOf,
  type SharedMemory,
} from '../../src/worker/engine/webgpu/program.js';
import { readBuffers } from '../../src/worker/engine/webgpu/read.js';
import type { Tiles } from '../../src/worker/engine/webgpu/kernels/linear.js';
import {
  REGISTER_TILE,
  SHARED_TILE,
  SOFTWARE_TILE,
  TILE_CANDIDATES,
  tileName,
  type TileRole,
} from '../../src/worker/engine/webgpu/tuning/tiles.js';
import {
  createTileStore,
  indexedTiles,
  type TileNames,
  type TileStore,
} from '../../src/worker/engine/webgpu/tuning/tuner-store.js';
import { operationsOf } from '../../src/worker/engine/webgpu/tuning/tuner-trials.js';
import type { TuningOptions } from '../../src/worker/engine/webgpu/tuning/tuner.js';
import { expectIdentical } from './support/compare.js';
import { GPU_TILES } from './support/tiles.js';
import { hashed, tinyInput } from './support/tiny.js';
import { describeWebGpu, runDispatch, withWebGpu } from './support/webgpu.js';

const CANDIDATES = {
  forward: [REGISTER_TILE, SHARED_TILE],
  filter: [SHARED_TILE, REGISTER_TILE],
  narrow: [REGISTER_TILE],
} as const;

/** A store that lives as long as the test, and what it was told. */
function storeOf(): TileStore & { readonly kept: Map<string, TileNames> } {
  const kept = new Map<string, TileNames>();
  return {
    kept,
    read: async (key) => kept.get(key),
    write: async (key, names) => void kept.set(key, names),
  };
}

/** Tuning of a software adapter, with time for everything. */
const forced = (store: TileStore): TuningOptions => ({
  store,
  candidates: CANDIDATES,
  budgetMs: 120_000,
  evenOnSoftware: true,
});

interface Start {
  readonly tiles: Engine['info']['tiles'];
  /** What making the engine asked of the device, and left on it. */
  readonly counts: CallCounter['counts'];
  readonly liveBuffers: number;
  readonly state: EngineState;
}

/** Starts an engine, makes two steps. */
function start(
  tune: TuningOptions | false | undefined,
  { gpu = navigator.gpu, tiles }: { readonly gpu?: GPU; readonly tiles?: Tiles } = {},
): Promise<Start> {
  let counter: CallCounter | null = null;
  let counts: CallCounter['counts'] | null = null;
  const input = tinyInput('labels-only');
  return withWebGpu(
    input,
    async (engine) => {
      counts = { ...counter!.counts };
      const { liveBuffers } = counter!;
      await engine.advance(2);
      return { tiles: engine.info.tiles, counts, liveBuffers, state: await engine.exportState() };
    },
    {
      gpu,
      tune,
      ...(tiles !== undefined && { tiles }),
      // With tiles for GPUs operations would share dispatches: other counts.
      joins: false,
      wrapDevice: (device) => {
        counter = countCalls(device);
        return device;
      },
    },
  );
}

describeWebGpu('the tiles of an adapter', () => {
  it('are measured once, remembered and recorded, and leave nothing behind but speed', async () => {
    const plain = await start(false);
    expect(plain.counts.dispatches).to.equal(0);
    const store = storeOf();
    const tuned = await start(forced(store));
    expect(tuned.counts.dispatches).to.be.above(0);
    for (const [role, candidates] of Object.entries(CANDIDATES)) {
      expect(candidates.map(tileName)).to.include(tuned.tiles![role]);
    }
    expect([...store.kept.values()]).to.deep.equal([tuned.tiles]);
    expect(tuned.liveBuffers).to.equal(plain.liveBuffers);
    // A software adapter adds up its norms in another order than GPUs.
    const untuned = await start(false, { tiles: GPU_TILES });
    expectIdentical(tuned.state.tensors, untuned.state.tensors);

    const again = await start(forced(store));
    expect(again.tiles).to.deep.equal(tuned.tiles);
    expect(again.counts).to.deep.equal(plain.counts);
  });

  it('are the default ones where what was remembered is none of the candidates and time is up too soon', async () => {
    const store = storeOf();
    const unknown: TileStore = {
      ...store,
      read: async () => ({ forward: 'of another build', filter: '', narrow: '' }),
    };
    const { tiles } = await start({ ...forced(unknown), budgetMs: 1 });
    expect(tiles).to.deep.equal({
      forward: tileName(REGISTER_TILE),
      filter: tileName(SHARED_TILE),
      narrow: tileName(REGISTER_TILE),
    });
    expect(store.kept.size).to.equal(1);
  });

  it('are not measured on a software adapter', async () => {
    const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter> => {
      const adapter = (await navigator.gpu.requestAdapter(options))!;
      const { vendor, architecture, device, description } = adapter.info;
      const info = { vendor, architecture, device, description, isFallbackAdapter: true };
      return Object.defineProperty(adapter, 'info', { value: info });
    };
    const { tiles, counts } = await start(undefined, { gpu: { requestAdapter } as GPU });
    expect(counts.dispatches).to.equal(0);
    expect(new Set(Object.values(tiles!))).to.deep.equal(new Set([tileName(SOFTWARE_TILE)]));
  });

  it('of an adapter without words are remembered by its limits, its features and its measured peak', async () => {
    for (const info of [{ vendor: '', architecture: '', device: '', description: '' }, undefined]) {
      const store = storeOf();
      const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter> => {
        const adapter = (await navigator.gpu.requestAdapter(options))!;
        return Object.defineProperty(adapter, 'info', { value: info });
      };
      // What is remembered is looked at, not which tile is the fastest.
      const { liveBuffers } = await start(
        { ...forced(store), budgetMs: 1 },
        { gpu: { requestAdapter } as GPU },
      );
      const [key] = [...store.kept.keys()];
      const [adapter, hash] = JSON.parse(key!) as [string, string];
      const [identity, peak] = JSON.parse(adapter) as [string, number];
      const { limits, features } = JSON.parse(identity) as Record<string, readonly unknown[]>;
      expect(Object.fromEntries(limits as [string, number][])['maxBufferSize']).to.be.above(0);
      expect(features).to.include('timestamp-query');
      expect(peak).to.be.within(10, 30);
      expect(hash).to.match(/^[0-9a-f]{64}$/);
      expect(liveBuffers).to.equal((await start(false)).liveBuffers);
    }
  });

  it('are left at the default for an adapter that was lost while they were measured', async () => {
    const store = storeOf();
    let device: GPUDevice | null = null;
    const failure = await createWebGpuEngine(tinyInput('labels-only'), {
      tune: forced(store),
      wrapDevice: (made) => {
        device = made;
        const submit = made.queue.submit.bind(made.queue);
        made.queue.submit = (buffers) => {
          submit(buffers);
          made.destroy();
        };
        return made;
      },
    }).then(
      () => null,
      (error: Error) => error,
    );
    expect(failure?.name).to.equal('DeviceLost');
    await device!.lost;
    const after = await start(forced(store));
    expect(after.counts.dispatches).to.equal(0);
    expect(after.tiles!['forward']).to.equal(tileName(REGISTER_TILE));
  });

  it('are kept in IndexedDB from one worker to the next', async () => {
    const names = { forward: 'one', filter: 'two', narrow: 'three' };
    const never = (): Promise<void> => new Promise(() => undefined);
    await createTileStore(indexedTiles, never).write('an adapter', names);
    expect(await createTileStore(indexedTiles, never).read('an adapter')).to.deep.equal(names);
    expect(await createTileStore(indexedTiles, never).read('another adapter')).to.equal(undefined);
  });

  it('give the same bits, each candidate of each role', async () => {
    const { recipe } = tinyInput('notebook');
    const planned = planTrainStep(inStage(recipe, 0));
    const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
    device.pushErrorScope('validation');
    const buffers = new BufferPool(device);
    const parameters = new ParameterLayout(recipe);
    const empty = { offset: 0, length: 0 };
    const tables = { bytes: empty, labelled: empty, unlabelled: empty, 'updates 0': empty };
    const control = controlLayout(metricNames(inStage(recipe, 0)).length, planned.program.stepScalars.length);
    const shared: SharedMemory = { buffers, parameters, tables, control };
    const noise = (bytes: number, salt: number): Float32Array<ArrayBuffer> =>
      Float32Array.from({ length: bytes / 4 }, (_, i) => hashed(i, salt));
    try {
      buffers.fill(PARAMETERS, noise(parameters.length * 4, 1));
      planned.layout.buffers.forEach(({ name, sizeBytes }, index) =>
        buffers.fill(`train ${name}`, noise(sizeBytes, index + 2)),
      );
      const memory = programMemory(planned, 'train', shared);
      for (const [role, candidates] of Object.entries(TILE_CANDIDATES)) {
        for (const operation of operationsOf(planned.program, role as TileRole)) {
          const { buffer, offset, tensor } = memory.tensor(operation.target);
          const source = {
            buffer: buffers.get(buffer),
            offsetBytes: offset * 4,
            bytes: tensor.shape.reduce((product, length) => product * length, 4),
          };
          let first: Float32Array | null = null;
          for (const tile of candidates) {
            // What the tile before left must not pass for this one's.
            device.queue.writeBuffer(source.buffer, source.offsetBytes, new Float32Array(source.bytes / 4));
            const shader = shaderOf(operation, memory, { forward: tile, filter: tile, narrow: tile }, 1);
            runDispatch(device, await makeDispatch(device, shader, (key) => buffers.get(key)));
            const [values] = await readBuffers(device, [source]);
            first ??= values!;
            expect(values!.some((value) => value !== 0)).to.equal(true);
            const named = (tensorValues: Float32Array) =>
              new Map([
                [
                  shader.label,
                  { shape: [tensorValues.length], values: tensorValues as Float32Array<ArrayBuffer> },
                ],
              ]);
            expectIdentical(named(values!), named(first));
          }
        }
      }
      const error = await device.popErrorScope();
      if (error !== null) throw new Error(`The GPU refused something: ${error.message}`);
    } finally {
      buffers.dispose();
      device.destroy();
    }
  });
});
