/** Checks of the webgpu engine's kernels against the tfjs operations that they replace and against the plan's interpreter. */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import { stepScalar } from '../../../src/worker/engine/plan/step-scalars.js';
import type { OpSegment, TensorId } from '../../../src/worker/engine/plan/operations.js';
import { startBackend } from '../../../src/worker/engine/tfjs/index.js';
import { adamUpdate } from '../../../src/worker/engine/tfjs/kernels/adam.js';
import { momentNames, type NamedTensors } from '../../../src/worker/model/parameters.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import { relativeError } from './compare.js';
import {
  ADAM,
  ADAM_RATE,
  KEPT_SCALE,
  layerProgram,
  type LayerCase,
  type LayerProgram,
} from './layer-program.js';
import { runOneByOne, stirred, withDevice, type Written } from './one-by-one.js';
import { nameOf } from './tiles.js';
import { hash, hashed } from './tiny.js';

const TOLERANCE = 1e-5;
/** Updates done before Adam's. */
const STEPS_BEFORE = 6;

const leaky = { name: 'leakyRelu', alpha: 0.2 } as const;
const bias = 'trained';

/** Shapes that no recipe has. */
export const KERNEL_CASES: Readonly<Record<string, LayerCase>> = {
  'a convolution with channels in fours, padded at the end': {
    layer: {
      kind: 'conv2d',
      name: 'layer',
      filters: 20,
      kernelSize: [2, 2],
      stride: 2,
      padding: 'same',
      bias,
    },
    input: [7, 7, 12],
    activation: leaky,
    segments: [1, 9, 10],
  },
  'a convolution of one channel into a tile and a half': {
    layer: {
      kind: 'conv2d',
      name: 'layer',
      filters: 48,
      kernelSize: [5, 5],
      stride: 2,
      padding: 'same',
      bias,
    },
    input: [9, 9, 1],
    activation: leaky,
    segments: [1, 9, 11],
  },
  'a convolution with odd channels on a map that is not square': {
    layer: {
      kind: 'conv2d',
      name: 'layer',
      filters: 5,
      kernelSize: [3, 2],
      stride: 2,
      padding: 'same',
      bias,
    },
    input: [9, 6, 3],
    activation: { name: 'tanh' },
    segments: [11, 1, 13],
  },
  'a convolution of stride one without padding': {
    layer: {
      kind: 'conv2d',
      name: 'layer',
      filters: 4,
      kernelSize: [3, 3],
      stride: 1,
      padding: 'valid',
      bias,
    },
    input: [5, 6, 36],
    activation: { name: 'relu' },
    segments: [1, 1],
  },
  'a convolution whose stride passes over pixels': {
    layer: {
      kind: 'conv2d',
      name: 'layer',
      filters: 8,
      kernelSize: [2, 2],
      stride: 3,
      padding: 'valid',
      bias,
    },
    input: [8, 8, 4],
    activation: leaky,
    segments: [10],
  },
  'a transposed convolution with channels in fours': {
    layer: {
      kind: 'conv2dTranspose',
      name: 'layer',
      filters: 12,
      kernelSize: [4, 4],
      stride: 2,
      padding: 'valid',
      bias,
    },
    input: [5, 5, 36],
    activation: { name: 'relu' },
    segments: [1, 10],
  },
  'a transposed convolution of single pixels, stride one': {
    layer: {
      kind: 'conv2dTranspose',
      name: 'layer',
      filters: 13,
      kernelSize: [2, 2],
      stride: 1,
      padding: 'valid',
      bias,
    },
    input: [1, 1, 20],
    activation: leaky,
    segments: [13],
  },
  'a transposed convolution of single pixels with channels in fours, as a dense layer': {
    layer: {
      kind: 'conv2dTranspose',
      name: 'layer',
      filters: 12,
      kernelSize: [3, 2],
      stride: 1,
      padding: 'valid',
      bias,
    },
    input: [1, 1, 20],
    activation: leaky,
    segments: [1, 11],
  },
  'a convolution over the whole map, as a dense layer': {
    layer: {
      kind: 'conv2d',
      name: 'layer',
      filters: 9,
      kernelSize: [3, 2],
      stride: 2,
      padding: 'valid',
      bias,
    },
    input: [3, 2, 8],
    activation: { name: 'relu' },
    segments: [2, 10],
  },
  'a transposed convolution into one channel': {
    layer: {
      kind: 'conv2dTranspose',
      name: 'layer',
      filters: 1,
      kernelSize: [6, 6],
      stride: 2,
      padding: 'valid',
      bias,
    },
    input: [4, 3, 8],
    activation: { name: 'tanh' },
    segments: [1, 11],
  },
  'a dense layer with odd outputs': {
    layer: { kind: 'dense', name: 'layer', units: 11, bias },
    input: [68],
    activation: leaky,
    segments: [1, 9, 13],
  },
  'a dense layer of one row with outputs in fours': {
    layer: { kind: 'dense', name: 'layer', units: 36, bias },
    input: [7],
    activation: { name: 'relu' },
    segments: [1],
  },
};

function numbers(count: number, salt: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => hashed(i, salt));
}

/** The layer in tfjs, [rows, …] to [rows, …]. */
function apply({ layer }: LayerCase, { geometry }: LayerProgram, x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
  const rows = x.shape[0];
  const { large } = geometry;
  switch (layer.kind) {
    case 'conv2d':
      return tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, layer.stride, layer.padding);
    case 'conv2dTranspose': {
      const shape: [number, number, number, number] = [rows, large.height, large.width, large.channels];
      return tf.conv2dTranspose(x as tf.Tensor4D, kernel as tf.Tensor4D, shape, layer.stride, layer.padding);
    }
    case 'dense':
      return tf.reshape(
        tf.matMul(tf.reshape(x, [rows, large.channels]), tf.reshape(kernel, [large.channels, layer.units])),
        [rows, 1, 1, layer.units],
      );
    default:
      return layer satisfies never;
  }
}

function activate({ activation }: LayerCase, x: tf.Tensor): tf.Tensor {
  if (activation.name === 'leakyRelu') return tf.leakyRelu(x, activation.alpha);
  return activation.name === 'relu' ? tf.relu(x) : tf.tanh(x);
}

type Values = ReadonlyMap<TensorId, Float32Array<ArrayBuffer>>;

function givenTo({ planned: { program }, bits, scalars }: LayerProgram): Values {
  return new Map(
    program.inputs.map((id) => {
      const size = program.tensors[id]!.shape.reduce((product, length) => product * length, 1);
      if (id === scalars) return [id, Float32Array.of(stepScalar(ADAM_RATE, STEPS_BEFORE))];
      // The plan's words are uint32; 24 bits of each are enough here, and a float32 holds them.
      if (id === bits) return [id, Float32Array.from({ length: size }, (_, i) => hash(i + 1) >>> 8)];
      return [id, numbers(size, id + 1)];
    }),
  );
}

/** What tfjs makes of the same values: by tensor or parameter, in the order of the plan's elements. */
async function byTfjs(
  layerCase: LayerCase,
  made: LayerProgram,
  given: Values,
  state: NamedTensors,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const { planned, segments, bitOffsets } = made;
  const { tensors, operations } = planned.program;
  const found = new Map<string, number[]>();
  const started = await startBackend('cpu');
  const tensorOf = (id: TensorId, first: number, rows: number): tf.Tensor =>
    tf.slice(tf.tensor(given.get(id)!, [...tensors[id]!.shape]), [first, 0, 0, 0], [rows, -1, -1, -1]);
  const put = (name: string, parts: readonly tf.Tensor[]): void =>
    void found.set(
      name,
      parts.flatMap((part) => Array.from(part.dataSync())),
    );
  try {
    started.activate();
    tf.tidy(() => {
      const { shape, values } = state.get(made.kernel)!;
      const dense = layerCase.layer.kind === 'dense';
      const kernel = tf.tensor(values, dense ? [1, 1, ...shape] : [...shape]);
      const biases = tf.tensor(state.get(made.bias)!.values);
      const gradientsOf = ({ rows, forwardRow, gradientRow }: OpSegment): readonly tf.Tensor[] => {
        const x = tensorOf(made.x, forwardRow, rows);
        const dy = tensorOf(made.dy, gradientRow, rows);
        return tf.grads((input, weights) => apply(layerCase, made, input, weights))([x, kernel], dy);
      };
      const masks = segments.map(({ rows, forwardSegment }) => {
        const side = tensors[made.dy]!.shape.slice(1);
        const size = side.reduce((product, length) => product * length, rows);
        const words = given.get(made.bits)!.subarray(bitOffsets[forwardSegment]);
        const kept = Float32Array.from(
          { length: size },
          (_, i) => ((words[i >> 5]! >>> (i & 31)) & 1) * KEPT_SCALE,
        );
        return tf.tensor(kept, [rows, ...side]);
      });
      put(
        'y',
        segments.map(({ rows, forwardRow }, index) => {
          const sums = apply(layerCase, made, tensorOf(made.x, forwardRow, rows), kernel);
          return activate(layerCase, tf.mul(tf.add(sums, biases), masks[index]!));
        }),
      );
      // Backward rows run against the segments' order.
      put(
        'dx',
        [...segments].reverse().map((segment) => gradientsOf(segment)[0]!),
      );
      const filter = operations.find((operation) => operation.kind === 'filterGradient')!;
      const kernelSums = filter.splits.map((split) => gradientsOf(split)[1]!);
      const channels = tensors[made.dy]!.shape.at(-1)!;
      const biasSums = filter.splits.map(({ gradientRow, rows }) =>
        tf.sum(tf.reshape(tensorOf(made.dy, gradientRow, rows), [-1, channels]), 0),
      );
      put('kernel gradient', kernelSums);
      put('bias gradient', biasSums);
      for (const [name, sums] of [
        [made.kernel, kernelSums],
        [made.bias, biasSums],
      ] as const) {
        const gradient = tf.addN([...sums]);
        const old = [name, momentNames(name).m, momentNames(name).v].map((key) =>
          tf.tensor(state.get(key)!.values, gradient.shape),
        );
        const rate = stepScalar(ADAM_RATE, STEPS_BEFORE);
        const updated = adamUpdate({ parameter: old[0]!, m: old[1]!, v: old[2]! }, gradient, {
          ...ADAM,
          rate,
        });
        put(name, [updated.parameter]);
        put(momentNames(name).m, [updated.m]);
        put(momentNames(name).v, [updated.v]);
      }
    });
  } finally {
    started.dispose();
  }
  return found;
}

/** Every tensor of the case's program beside tfjs and the interpreter, with each of these tiles, which change no bit. */
export async function checkKernels(layerCase: LayerCase, choices: readonly Tiles[]): Promise<void> {
  const made = layerProgram(layerCase);
  const given = givenTo(made);
  const state = stirred(made.input);
  const expected = await byTfjs(layerCase, made, given, state);
  let first: readonly Written[] | null = null;
  for (const tiles of choices) {
    const all = await withDevice((device) =>
      runOneByOne(device, made.input, made.planned, { tiles, state, inputs: given, step: STEPS_BEFORE }),
    );
    expect(all.map(({ tensor }) => tensor).sort()).to.deep.equal([...expected.keys()].sort());
    for (const { tensor, actual, expected: interpreted } of all) {
      const what = `${tensor}, tile ${nameOf(tiles)}`;
      expect(relativeError(actual, interpreted), `${what}, beside the interpreter`).to.be.at.most(TOLERANCE);
      expect(actual.length, what).to.equal(expected.get(tensor)!.length);
      expect(relativeError(actual, expected.get(tensor)!), `${what}, beside tfjs`).to.be.at.most(TOLERANCE);
    }
    if (first !== null)
      expect(all.map(({ actual }) => actual)).to.deep.equal(first.map(({ actual }) => actual));
    first ??= all;
  }
}
