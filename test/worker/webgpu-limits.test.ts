/** What the checks of limits believe, held against a device: sizes of buffers, and workgroups spread over dimensions. */

import { planStages } from '../../src/worker/engine/webgpu/stage-programs.js';
import { inStage } from '../../src/recipe/recipe.js';
import { expect } from '@open-wc/testing';
import { NORMALISED_BYTES } from '../../src/worker/data/normalise.js';
import { dataSizesOf } from '../../src/worker/engine/data-sizes.js';
import type { EngineInput } from '../../src/worker/engine/engine.js';
import { sampleCountOf } from '../../src/worker/engine/image-grid.js';
import type { Program } from '../../src/worker/engine/plan/operations.js';
import { planProgram, planTrainStep } from '../../src/worker/engine/plan/plan.js';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { makeShared } from '../../src/worker/engine/webgpu/equipment.js';
import { foldGroups } from '../../src/worker/engine/webgpu/kernels/fold-groups.js';
import { CONTROL, PARAMETERS } from '../../src/worker/engine/webgpu/kernels/shader.js';
import { bufferBytes } from '../../src/worker/engine/webgpu/limits.js';
import { bufferNeeds } from '../../src/worker/engine/webgpu/needs.js';
import {
  makeDispatch,
  bufferSizes,
  prepareProgram,
  programMemory,
  shaderOf,
} from '../../src/worker/engine/webgpu/program.js';
import { scalarWindow } from '../../src/worker/engine/webgpu/scalar-window.js';
import { readBuffers } from '../../src/worker/engine/webgpu/read.js';
import { RandomStreams, seedKey } from '../../src/worker/random/streams.js';
import { initialTensors } from '../../src/worker/model/parameters.js';
import { SHAPES, shapedInput } from '../support/shaped-input.js';
import { withDevice } from './support/one-by-one.js';
import { GPU_TILES, SOFTWARE_TILES } from './support/tiles.js';
import { tinyInput } from './support/tiny.js';
import { describeWebGpu, runDispatch, withWebGpu } from './support/webgpu.js';

function needsOf(input: EngineInput): ReturnType<typeof bufferNeeds> {
  return bufferNeeds(input.recipe, dataSizesOf(input), planStages(input.recipe).programs);
}

describeWebGpu('the buffers that a run needs', () => {
  for (const input of [tinyInput('notebook'), shapedInput(SHAPES[0]!)]) {
    it(`are those that are made, byte for byte: ${input.dataset.imageShape.join(' x ')}`, async () => {
      const made: number[] = [];
      const wrapDevice = (device: GPUDevice): GPUDevice => {
        const createBuffer = device.createBuffer.bind(device);
        device.createBuffer = (descriptor) => {
          if (
            (descriptor.usage & GPUBufferUsage.COPY_DST) > 0 &&
            (descriptor.usage & GPUBufferUsage.STORAGE) > 0
          )
            made.push(descriptor.size);
          return createBuffer(descriptor);
        };
        return device;
      };
      const { network } = input.recipe.networks.find(
        (entry) => entry.network.name === input.recipe.generator!.network,
      )!;
      const latents = new Float32Array(
        sampleCountOf(input.recipe) * network.inputShape.reduce((product, size) => product * size, 1),
      );
      await withWebGpu(
        input,
        async (engine) => {
          await engine.advance(1);
          await engine.countCorrect(0, input.dataset.test.count);
          await engine.generate(latents, sampleCountOf(input.recipe));
        },
        { wrapDevice, tiles: SOFTWARE_TILES },
      );
      const left = [...made];
      for (const { what, bytes } of needsOf(input)) {
        const found = left.indexOf(bufferBytes(bytes));
        expect(found, `${what} of ${bufferBytes(bytes)} bytes`).not.to.equal(-1);
        left.splice(found, 1);
      }
      expect(Math.max(...left)).to.be.at.most(
        Math.max(...needsOf(input).map(({ bytes }) => bufferBytes(bytes))),
      );
    });
  }

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

/** Parameters and metrics after one step whose dispatches have at most so many workgroups a dimension. */
async function stepWith(
  input: EngineInput,
  tiles: typeof GPU_TILES,
  mostGroups: number,
): Promise<readonly number[]> {
  const planned = planTrainStep(inStage(input.recipe, 0));
  return withDevice(async (device) => {
    const { upload, ...shared } = makeShared(device, input, planned);
    upload();
    const { buffers } = planned.layout;
    bufferSizes(buffers).forEach((bytes, index) =>
      shared.buffers.make(`train ${buffers[index]!.name}`, bytes),
    );
    const memory = programMemory(planned, 'train', shared);
    const [values] = shared.parameters.pack(initialTensors(input.recipe, input.settings.seed));
    device.queue.writeBuffer(shared.buffers.get(PARAMETERS), 0, values);
    const words = Uint32Array.from([0, ...seedKey(input.settings.seed), 0, 0, 0]);
    device.queue.writeBuffer(shared.buffers.get(CONTROL), 0, words);
    const scalars = scalarWindow(planned.program.stepScalars, 0);
    device.queue.writeBuffer(shared.buffers.get(CONTROL), shared.control.window * 4, scalars);
    for (const operation of planned.program.operations) {
      const shader = shaderOf(operation, memory, tiles, input.dataset.test.count);
      const { text: code, workgroups } = foldGroups(shader.code, shader.workgroups, mostGroups);
      const folded = { ...shader, code, workgroups };
      runDispatch(device, await makeDispatch(device, folded, (key) => shared.buffers.get(key)));
    }
    const sources = [PARAMETERS, CONTROL].map((key) => {
      const buffer = shared.buffers.get(key);
      return { buffer, offsetBytes: 0, bytes: buffer.size };
    });
    const [parameters, control] = await readBuffers(device, sources);
    shared.buffers.dispose();
    return [...parameters!, ...control!.subarray(shared.control.ring, shared.control.window)];
  });
}

describeWebGpu('workgroups beyond a dimension', () => {
  for (const [name, tiles] of [
    ['small', SOFTWARE_TILES],
    ['large', GPU_TILES],
  ] as const) {
    it(`make the same step, bit for bit, with ${name} tiles`, async () => {
      const input = shapedInput(SHAPES[0]!);
      const whole = await stepWith(input, tiles, 65_535);
      expect(await stepWith(input, tiles, 7)).to.deep.equal(whole);
      expect(whole.some((value) => value !== 0)).to.equal(true);
    });
  }

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
