/** What the checks of limits believe, held against a device: sizes of buffers, and workgroups spread over dimensions. */

import { inStage } from '../../src/recipe/recipe.js';
import { expect } from '@open-wc/testing';
import { NORMALISED_BYTES } from '../../src/worker/data/normalise.js';
import type { Program } from '../../src/worker/engine/plan/operations.js';
import { planProgram, planTrainStep } from '../../src/worker/engine/plan/plan.js';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { makeShared } from '../../src/worker/engine/webgpu/equipment.js';
import { CONTROL } from '../../src/worker/engine/webgpu/kernels/shader.js';
import { prepareProgram } from '../../src/worker/engine/webgpu/program.js';
import { readBuffers } from '../../src/worker/engine/webgpu/read.js';
import { RandomStreams, seedKey } from '../../src/worker/random/streams.js';
import { SHAPES, shapedInput } from '../support/shaped-input.js';
import { checkBuffers, checkFolded } from './support/limit-checks.js';
import { withDevice } from './support/one-by-one.js';
import { GPU_TILES, SOFTWARE_TILES } from './support/tiles.js';
import { tinyInput } from './support/tiny.js';
import { describeWebGpu, runDispatch } from './support/webgpu.js';

describeWebGpu('the buffers that a run needs', () => {
  const input = shapedInput(SHAPES[0]!);
  it(`are those that are made, byte for byte: ${input.dataset.imageShape.join(' x ')}`, () =>
    checkBuffers(input));

  it('are refused by the engine before it opens a device where the adapter offers less', async () => {
    const input = tinyInput('notebook');
    const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter> => {
      const adapter = (await navigator.gpu.requestAdapter(options))!;
      const limits = {
        maxStorageBuffersPerShaderStage: 8,
        maxStorageBufferBindingSize: 100_000,
        maxBufferSize: 2 ** 28,
      };
      Object.defineProperty(adapter, 'requestDevice', {
        value: () => expect.fail('A device was asked for.'),
      });
      return Object.defineProperty(adapter, 'limits', { value: limits });
    };
    const starting = createWebGpuEngine(input, { gpu: { requestAdapter } as GPU });
    const error: unknown = await starting.then(
      (engine) => engine.dispose(),
      (thrown: unknown) => thrown,
    );
    expect(String(error)).to.match(
      /^EngineUnavailable: The \w[\w ]+ .*take [\d,]+ bytes; the GPU adapter offers 100,000/,
    );
  });
});

describeWebGpu('workgroups beyond a dimension', () => {
  it('make the same step, bit for bit, with large tiles', () => checkFolded(GPU_TILES));

  it('draw a large batch of large images', async () => {
    const input = shapedInput({ imageShape: [128, 128, 3], classes: 2 });
    const rows = 350;
    const size = 128 * 128 * 3;
    const program: Program = {
      name: 'trainStep',
      tensors: [{ id: 0, name: 'images', shape: [rows, 128, 128, 3], type: 'f32', storage: 'activation' }],
      inputs: [],
      outputs: [0],
      stepScalars: [],
      taps: [],
      operations: [
        {
          kind: 'draw',
          name: 'images',
          stage: 0,
          parts: [
            {
              kind: 'images',
              source: 'labelled',
              stream: 3,
              bound: 0,
              view: null,
              rows,
              target: 0,
              targetRow: 0,
            },
          ],
        },
      ],
    };
    const pool = input.split.labelled;
    const indices = new RandomStreams(input.settings.seed).indices(3, 0, rows, pool.length);
    await withDevice(async (device) => {
      const { upload, ...shared } = makeShared(device, input, planTrainStep(inStage(input.recipe, 0)));
      upload();
      const ready = await prepareProgram(device, planProgram(program), shared, {
        prefix: 'draw',
        tiles: SOFTWARE_TILES,
        testCount: 30,
      });
      const words = Uint32Array.from([0, ...seedKey(input.settings.seed), 0, 0, 0]);
      device.queue.writeBuffer(shared.buffers.get(CONTROL), 0, words);
      runDispatch(device, ready.dispatches[0]!);
      expect(ready.dispatches[0]!.workgroups[1]).to.equal(2);
      const [drawn] = await readBuffers(device, [{ ...ready.place(0), bytes: rows * size * 4 }]);
      let wrong = 0;
      for (let row = 0; row < rows; row++) {
        const first = pool[indices[row]!]! * size;
        for (let i = 0; i < size; i++) {
          if (drawn![row * size + i] !== NORMALISED_BYTES[input.dataset.train.images[first + i]!]) wrong++;
        }
      }
      expect(wrong).to.equal(0);
      ready.dispose();
      shared.buffers.dispose();
    });
  });
});
