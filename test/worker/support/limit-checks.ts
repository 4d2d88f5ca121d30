/** Checks of what the webgpu engine makes and asks of a device: sizes of buffers, and workgroups spread over dimensions. */

import { planStages } from '../../../src/worker/engine/webgpu/stage-programs.js';
import { inStage } from '../../../src/recipe/recipe.js';
import { expect } from '@open-wc/testing';
import { dataSizesOf } from '../../../src/worker/engine/data-sizes.js';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import { sampleCountOf } from '../../../src/worker/engine/image-grid.js';
import { planTrainStep } from '../../../src/worker/engine/plan/plan.js';
import { makeShared } from '../../../src/worker/engine/webgpu/equipment.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import { foldGroups } from '../../../src/worker/engine/webgpu/kernels/fold-groups.js';
import { CONTROL, PARAMETERS } from '../../../src/worker/engine/webgpu/kernels/shader.js';
import { bufferBytes } from '../../../src/worker/engine/webgpu/limits.js';
import { bufferNeeds } from '../../../src/worker/engine/webgpu/needs.js';
import {
  makeDispatch,
  bufferSizes,
  programMemory,
  shaderOf,
} from '../../../src/worker/engine/webgpu/program.js';
import { scalarWindow } from '../../../src/worker/engine/webgpu/scalar-window.js';
import { readBuffers } from '../../../src/worker/engine/webgpu/read.js';
import { seedKey } from '../../../src/worker/random/streams.js';
import { initialTensors } from '../../../src/worker/model/parameters.js';
import { SHAPES, shapedInput } from '../../support/shaped-input.js';
import { withDevice } from './one-by-one.js';
import { SOFTWARE_TILES } from './tiles.js';
import { runDispatch, withWebGpu } from './webgpu.js';

function needsOf(input: EngineInput): ReturnType<typeof bufferNeeds> {
  return bufferNeeds(input.recipe, dataSizesOf(input), planStages(input.recipe).programs);
}

/** The buffers that a run needs are those that are made, byte for byte. */
export async function checkBuffers(input: EngineInput): Promise<void> {
  const made: number[] = [];
  const wrapDevice = (device: GPUDevice): GPUDevice => {
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      if ((descriptor.usage & GPUBufferUsage.COPY_DST) > 0 && (descriptor.usage & GPUBufferUsage.STORAGE) > 0)
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
  expect(Math.max(...left)).to.be.at.most(Math.max(...needsOf(input).map(({ bytes }) => bufferBytes(bytes))));
}

/** Parameters and metrics after one step whose dispatches have at most so many workgroups a dimension. */
async function stepWith(input: EngineInput, tiles: Tiles, mostGroups: number): Promise<readonly number[]> {
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

/** Workgroups beyond a dimension make the same step, bit for bit. */
export async function checkFolded(tiles: Tiles): Promise<void> {
  const input = shapedInput(SHAPES[0]!);
  const whole = await stepWith(input, tiles, 65_535);
  expect(await stepWith(input, tiles, 7)).to.deep.equal(whole);
  expect(whole.some((value) => value !== 0)).to.equal(true);
}
