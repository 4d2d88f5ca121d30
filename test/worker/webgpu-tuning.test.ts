/** Choosing tiles on a device: measured once, remembered, recorded, gone without a trace, and never seen in a bit. */

import { inStage } from '../../src/recipe/recipe.js';
import { expect } from '@open-wc/testing';
import { metricNames } from '../../src/recipe/metrics.js';
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
  type TileStore,
} from '../../src/worker/engine/webgpu/tuning/tuner-store.js';
import { operationsOf } from '../../src/worker/engine/webgpu/tuning/tuner-trials.js';
import { expectIdentical } from './support/compare.js';
import { CANDIDATES, forced, start, storeOf } from './support/tuned-start.js';
import { hashed, tinyInput } from './support/tiny.js';
import { describeWebGpu, runDispatch } from './support/webgpu.js';

describeWebGpu('the tiles of an adapter', () => {
  it('are measured once, remembered and recorded, and leave nothing behind', async () => {
    const plain = await start(false);
    expect(plain.counts.dispatches).to.equal(0);
    const store = storeOf();
    // What is measured and what is not; test/long has a choice in each role.
    const tune = { ...forced(store), candidates: { ...CANDIDATES, filter: [SHARED_TILE] } };
    const tuned = await start(tune);
    expect(tuned.counts.dispatches).to.be.above(0);
    for (const [role, candidates] of Object.entries(tune.candidates)) {
      expect(candidates.map(tileName)).to.include(tuned.tiles![role]);
    }
    expect([...store.kept.values()]).to.deep.equal([tuned.tiles]);
    expect(tuned.liveBuffers).to.equal(plain.liveBuffers);

    const again = await start(tune);
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
