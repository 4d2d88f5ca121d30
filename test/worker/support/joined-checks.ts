/** Checks of operations of one stage as one dispatch, as GPUs get them: the bits of a dispatch for each. */

import { expect } from '@open-wc/testing';
import type { TensorId } from '../../../src/worker/engine/plan/operations.js';
import { makeShared } from '../../../src/worker/engine/webgpu/equipment.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import { PARAMETERS } from '../../../src/worker/engine/webgpu/kernels/shader.js';
import { prepareProgram } from '../../../src/worker/engine/webgpu/program.js';
import { readBuffers } from '../../../src/worker/engine/webgpu/read.js';
import { sizeOf } from '../../../src/recipe/layers.js';
import type { NamedTensor } from '../../../src/worker/model/parameters.js';
import { expectIdentical } from './compare.js';
import { layerProgram, type LayerCase } from './layer-program.js';
import { stirred, withDevice } from './one-by-one.js';
import { GPU_TILES } from './tiles.js';
import { hashed } from './tiny.js';

const convolution = {
  kind: 'conv2d',
  name: 'layer',
  kernelSize: [3, 3],
  stride: 2,
  padding: 'same',
  bias: 'trained',
} as const;
const others = { activation: { name: 'leakyRelu', alpha: 0.2 }, segments: [1, 9, 10] } as const;

export type JoinedCase = LayerCase & { readonly tiles?: Tiles; readonly dispatches: number };

/** A layer whose gradients are one dispatch. */
export const IN_FOURS: JoinedCase = {
  layer: { ...convolution, filters: 20 },
  input: [7, 7, 12],
  dispatches: 3,
  ...others,
};

/** A layer whose bias is summed by itself. */
export const FEW_CHANNELS: JoinedCase = {
  layer: { ...convolution, kind: 'conv2dTranspose', filters: 1 },
  input: [4, 4, 8],
  dispatches: 4,
  ...others,
};

/** What one run of a layer's program leaves behind, and its dispatches. */
async function run(
  { tiles = GPU_TILES, ...layerCase }: JoinedCase,
  joins: boolean,
): Promise<{ readonly dispatches: number; readonly tensors: ReadonlyMap<string, NamedTensor> }> {
  const { input, planned } = layerProgram(layerCase);
  const { program } = planned;
  return withDevice(async (device) => {
    const { buffers, parameters, ...shared } = makeShared(device, input, planned);
    const options = { prefix: 'layer', tiles, testCount: 1, joins };
    const ready = await prepareProgram(device, planned, { ...shared, buffers, parameters }, options);
    const write = (id: TensorId): void => {
      const { buffer, offsetBytes } = ready.place(id);
      const { shape, type } = program.tensors[id]!;
      const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => hashed(i, id));
      const bits = Uint32Array.from(values, (value) => value * 2 ** 31);
      device.queue.writeBuffer(buffer, offsetBytes, type === 'u32' ? bits : values);
    };
    program.inputs.forEach(write);
    const [values] = parameters.pack(stirred(input));
    device.queue.writeBuffer(buffers.get(PARAMETERS), 0, values);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    ready.encode(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
    const shapes = program.outputs.map((id) => program.tensors[id]!.shape);
    const sources = program.outputs.map((id, index) => ({
      ...ready.place(id),
      bytes: 4 * sizeOf(shapes[index]!),
    }));
    const found = await readBuffers(device, sources);
    const tensors = program.outputs.map(
      (id, index) => [program.tensors[id]!.name, { shape: shapes[index]!, values: found[index]! }] as const,
    );
    return { dispatches: ready.dispatches.length, tensors: new Map(tensors) };
  });
}

/** Both gradients of a layer in one dispatch give the same bits as in two. */
export async function checkJoined(layerCase: JoinedCase): Promise<void> {
  const apart = await run(layerCase, false);
  const joined = await run(layerCase, true);
  expect([joined.dispatches, apart.dispatches]).to.deep.equal([
    layerCase.dispatches,
    layerCase.dispatches + 1,
  ]);
  for (const [name, { values }] of apart.tensors)
    expect(
      values.some((value) => value !== 0),
      name,
    ).to.equal(true);
  expectIdentical(joined.tensors, apart.tensors);
}
