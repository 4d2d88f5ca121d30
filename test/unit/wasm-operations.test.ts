/** Single operations of the wasm engine against the tfjs ops they replace: the recipes' layers, and odd ones. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-cpu';
import {
  linearShape,
  sideSize,
  type Direction,
  type Geometry,
  type Side,
} from '../../src/worker/engine/plan/geometry.js';
import type { Operation, OpSegment } from '../../src/worker/engine/plan/operations.js';
import type { Simd } from '../../src/worker/engine/wasm/features.js';
import { toomForm, toomGradientForm } from '../../src/worker/engine/wasm/convolution/toom/toom-form.js';
import type { LayerDescription } from '../../src/recipe/layers.js';
import { sizeOf } from '../../src/recipe/layers.js';
import { relativeError } from '../worker/support/compare.js';
import { hashed } from '../worker/support/tiny.js';
import { runOperations, type TensorInput, type Values } from './support/wasm-operation.js';

/** Rows of the two segments that every operation works on: neither fills a block of the kernels. */
const SEGMENT_ROWS = [2, 5] as const;
const ROWS = 7;
const SEGMENTS: readonly OpSegment[] = SEGMENT_ROWS.map((rows, index) => {
  const first = index === 0 ? 0 : SEGMENT_ROWS[0];
  return {
    rows,
    forwardRow: first,
    passRow: 0,
    forwardSegment: index,
    gradientRow: first,
    gradientSegment: index,
    targetRow: first,
    instance: 0,
  };
});

function numbers(count: number, salt: number): Values {
  return Float32Array.from({ length: count }, (_, index) => hashed(index, salt));
}

/** Runs one operation; see `runOperations`. */
function runOperation(
  simd: Simd,
  operation: Operation,
  tensors: readonly TensorInput[],
  parameters: ReadonlyMap<string, Values> = new Map(),
): ReturnType<typeof runOperations> {
  return runOperations(simd, [operation], tensors, { parameters });
}

function expectNear(actual: Values, expected: ArrayLike<number>, what: string): void {
  assert.equal(actual.length, expected.length, what);
  const error = relativeError(actual, expected);
  assert.ok(error <= 2e-6, `${what} is off by ${error}`);
}

/** Values of what `compute` makes on tfjs' cpu backend. */
async function onTfjs(compute: () => tf.Tensor): Promise<Float32Array> {
  await tf.setBackend('cpu');
  const tensor = tf.tidy(compute);
  const values = await tensor.data<'float32'>();
  tensor.dispose();
  return values;
}

interface Case {
  readonly kind: 'conv2d' | 'conv2dTranspose';
  /** [height, width, channels] */
  readonly input: readonly [number, number, number];
  readonly filters: number;
  readonly kernelSize: readonly [number, number];
  readonly stride: number;
  readonly padding: 'same' | 'valid';
}

/** A last block of one position, of which a tap's gradient would be a sum of four terms. */
const FOUR_TERMS: Case = {
  kind: 'conv2dTranspose',
  input: [4, 5, 64],
  filters: 136,
  kernelSize: [4, 3],
  stride: 2,
  padding: 'same',
};
/** Done by Toom-Cook transforms: every size of a last block, tiles of outputs, strides 1 to 3, paddings, deep windows. */
const TOOM_CASES: readonly Case[] = [
  { kind: 'conv2d', input: [7, 7, 64], filters: 72, kernelSize: [3, 3], stride: 2, padding: 'same' },
  { kind: 'conv2d', input: [7, 9, 40], filters: 64, kernelSize: [3, 3], stride: 2, padding: 'same' },
  { kind: 'conv2d', input: [11, 6, 64], filters: 56, kernelSize: [3, 4], stride: 2, padding: 'same' },
  { kind: 'conv2d', input: [7, 8, 64], filters: 72, kernelSize: [2, 2], stride: 1, padding: 'same' },
  {
    kind: 'conv2dTranspose',
    input: [3, 6, 264],
    filters: 16,
    kernelSize: [5, 4],
    stride: 3,
    padding: 'valid',
  },
  FOUR_TERMS,
];

const CASES: readonly Case[] = [
  // The notebook's discriminator and generator.
  { kind: 'conv2d', input: [28, 28, 1], filters: 32, kernelSize: [5, 5], stride: 2, padding: 'same' },
  { kind: 'conv2d', input: [14, 14, 32], filters: 64, kernelSize: [3, 3], stride: 2, padding: 'same' },
  { kind: 'conv2d', input: [7, 7, 64], filters: 128, kernelSize: [2, 2], stride: 2, padding: 'same' },
  {
    kind: 'conv2dTranspose',
    input: [1, 1, 100],
    filters: 100,
    kernelSize: [2, 2],
    stride: 1,
    padding: 'valid',
  },
  {
    kind: 'conv2dTranspose',
    input: [2, 2, 100],
    filters: 64,
    kernelSize: [3, 3],
    stride: 2,
    padding: 'valid',
  },
  {
    kind: 'conv2dTranspose',
    input: [5, 5, 64],
    filters: 32,
    kernelSize: [4, 4],
    stride: 2,
    padding: 'valid',
  },
  {
    kind: 'conv2dTranspose',
    input: [12, 12, 32],
    filters: 1,
    kernelSize: [6, 6],
    stride: 2,
    padding: 'valid',
  },
  // Odd ones: channels and widths that are no multiple of anything, strides 1 and 3, kernels taller than wide.
  { kind: 'conv2d', input: [9, 7, 3], filters: 5, kernelSize: [5, 3], stride: 2, padding: 'same' },
  // Edges on all sides, worth parts of their own; kernels that reach over the whole image, and past it.
  { kind: 'conv2d', input: [4, 6, 24], filters: 40, kernelSize: [3, 5], stride: 1, padding: 'same' },
  { kind: 'conv2d', input: [3, 2, 13], filters: 20, kernelSize: [7, 7], stride: 2, padding: 'same' },
  { kind: 'conv2d', input: [1, 2, 16], filters: 9, kernelSize: [5, 3], stride: 1, padding: 'same' },
  { kind: 'conv2d', input: [7, 4, 5], filters: 8, kernelSize: [3, 4], stride: 1, padding: 'same' },
  // Rows of the large side that no tap reaches.
  { kind: 'conv2d', input: [5, 5, 16], filters: 7, kernelSize: [3, 5], stride: 3, padding: 'valid' },
  { kind: 'conv2d', input: [5, 6, 13], filters: 7, kernelSize: [1, 2], stride: 3, padding: 'valid' },
  { kind: 'conv2dTranspose', input: [2, 3, 24], filters: 16, kernelSize: [5, 3], stride: 2, padding: 'same' },
  { kind: 'conv2d', input: [8, 11, 2], filters: 13, kernelSize: [3, 4], stride: 3, padding: 'valid' },
  { kind: 'conv2d', input: [6, 5, 17], filters: 9, kernelSize: [3, 3], stride: 1, padding: 'same' },
  { kind: 'conv2dTranspose', input: [4, 3, 7], filters: 3, kernelSize: [5, 5], stride: 2, padding: 'same' },
  { kind: 'conv2dTranspose', input: [3, 5, 6], filters: 2, kernelSize: [4, 5], stride: 3, padding: 'valid' },
  { kind: 'conv2dTranspose', input: [5, 4, 9], filters: 1, kernelSize: [3, 3], stride: 1, padding: 'same' },
  ...TOOM_CASES,
];

function titleOf({ kind, input, filters, kernelSize, stride, padding }: Case): string {
  return `${kind} ${input.join(' x ')} to ${filters}, kernel ${kernelSize.join(' x ')}, stride ${stride}, ${padding}`;
}

interface Operands {
  readonly geometry: Geometry;
  readonly large: Values;
  readonly small: Values;
  readonly kernel: Values;
  readonly kernelShape: [number, number, number, number];
}

function operandsOf({ kind, ...layer }: Case): Operands {
  const description = { kind, name: 'layer', bias: 'zero', ...layer } as LayerDescription;
  const { geometry } = linearShape(description, layer.input)!;
  const { large, small, kernelHeight, kernelWidth } = geometry;
  const kernelShape: [number, number, number, number] = [
    kernelHeight,
    kernelWidth,
    large.channels,
    small.channels,
  ];
  return {
    geometry,
    kernelShape,
    large: numbers(ROWS * sideSize(large), 1),
    small: numbers(ROWS * sideSize(small), 2),
    kernel: numbers(sizeOf(kernelShape), 3),
  };
}

const shapeOf = ({ height, width, channels }: Side): [number, number, number, number] => [
  ROWS,
  height,
  width,
  channels,
];

/** The layer's convolution from its large side to its small one, which all three forms are gradients of. */
function convolve(large: tf.Tensor, kernel: tf.Tensor, { stride, padding }: Case): tf.Tensor4D {
  return tf.conv2d(large as tf.Tensor4D, kernel as tf.Tensor4D, stride, padding);
}

/** Runs one product without prologue or epilogue on `values` of the side that it reads: the other side. */
async function runProduct(
  simd: Simd,
  direction: Direction,
  geometry: Geometry,
  values: Float32Array<ArrayBuffer>,
  kernel: Float32Array<ArrayBuffer>,
): Promise<Float32Array<ArrayBuffer>> {
  const [from, to] =
    direction === 'toSmall' ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  const { outputs } = await runOperation(
    simd,
    {
      kind: 'product',
      name: 'product',
      stage: 0,
      direction,
      geometry,
      segments: SEGMENTS,
      source: { tensor: 0, rows: 'forward', prologue: [] },
      kernels: ['kernel'],
      epilogue: [],
      target: 1,
    },
    [{ shape: shapeOf(from), values }, { shape: shapeOf(to) }],
    new Map([['kernel', kernel]]),
  );
  return outputs[0]!;
}

describe('layers of the wasm engine', () => {
  for (const layer of TOOM_CASES) {
    it(`take fewer multiply-adds: ${titleOf(layer)}`, () => {
      const { geometry } = operandsOf(layer);
      for (const direction of ['toSmall', 'toLarge'] as const)
        assert.ok(toomForm(geometry, direction), direction);
      assert.equal(toomGradientForm(geometry) !== null, layer !== FOUR_TERMS);
    });
  }
});

for (const simd of ['plain', 'relaxed'] as const) {
  describe(`operations of the wasm engine, ${simd} SIMD`, () => {
    for (const layer of CASES) {
      const title = titleOf(layer);

      it(`product to the small side is tf.conv2d: ${title}`, async () => {
        const { geometry, large, kernel, kernelShape } = operandsOf(layer);
        const output = await runProduct(simd, 'toSmall', geometry, large, kernel);
        const expected = await onTfjs(() =>
          convolve(tf.tensor4d(large, shapeOf(geometry.large)), tf.tensor4d(kernel, kernelShape), layer),
        );
        expectNear(output, expected, title);
      });

      it(`product to the large side is tf.conv2dTranspose: ${title}`, async () => {
        const { geometry, small, kernel, kernelShape } = operandsOf(layer);
        const output = await runProduct(simd, 'toLarge', geometry, small, kernel);
        const expected = await onTfjs(() =>
          tf.conv2dTranspose(
            tf.tensor4d(small, shapeOf(geometry.small)),
            tf.tensor4d(kernel, kernelShape),
            shapeOf(geometry.large),
            layer.stride,
            layer.padding,
          ),
        );
        expectNear(output, expected, title);
      });

      it(`kernel gradient is that of tf.conv2d: ${title}`, async () => {
        const { geometry, large, small, kernel, kernelShape } = operandsOf(layer);
        const { outputs } = await runOperation(
          simd,
          {
            kind: 'filterGradient',
            name: 'kernel gradient',
            stage: 0,
            geometry,
            splits: SEGMENTS.map((segment) => ({ ...segment, split: 0 })),
            large: { tensor: 0, rows: 'forward', prologue: [] },
            small: { tensor: 1, rows: 'gradient', prologue: [] },
            target: 2,
            bias: null,
          },
          [
            { shape: shapeOf(geometry.large), values: large },
            { shape: shapeOf(geometry.small), values: small },
            { shape: [1, ...kernelShape] },
          ],
        );
        const expected = await onTfjs(() => {
          const images = tf.tensor4d(large, shapeOf(geometry.large));
          const gradient = tf.grad((weights) => convolve(images, weights, layer));
          return gradient(tf.tensor4d(kernel, kernelShape), tf.tensor4d(small, shapeOf(geometry.small)));
        });
        expectNear(outputs[0]!, expected, title);
      });
    }

    for (const [height, width, channels] of [
      [12, 12, 32],
      [4, 4, 128],
      [1, 1, 11],
      [3, 5, 7],
    ] as const) {
      const side: Side = { height, width, channels };
      const title = `${height} x ${width} x ${channels}`;

      it(`batch norm's statistics are those of tf.moments: ${title}`, async () => {
        const raw = numbers(ROWS * sideSize(side), 4);
        const first = { gamma: 5, beta: 6, movingMean: 7, movingVariance: 8 };
        const parameters = new Map(
          Object.entries(first).map(([name, salt]) => [name, numbers(channels, salt)]),
        );
        const { outputs, parameters: after } = await runOperation(
          simd,
          {
            kind: 'normStatistics',
            name: 'norm',
            stage: 0,
            side,
            segments: SEGMENTS,
            source: 0,
            norm: {
              gamma: 'gamma',
              beta: 'beta',
              movingMean: 'movingMean',
              movingVariance: 'movingVariance',
              epsilon: 1e-3,
              momentum: 0.9,
            },
            updatesRunning: true,
            target: 1,
            applied: null,
          },
          [{ shape: shapeOf(side), values: raw }, { shape: [2, 4, channels] }],
          parameters,
        );
        const parameter = (name: string): tf.Tensor1D => tf.tensor1d(parameters.get(name)!);
        const momentsOf = (index: number): { mean: tf.Tensor; variance: tf.Tensor } => {
          const { forwardRow, rows } = SEGMENTS[index]!;
          return tf.moments(tf.slice(tf.tensor4d(raw, shapeOf(side)), forwardRow, rows), [0, 1, 2]);
        };
        const expected = await onTfjs(() =>
          tf.stack(
            SEGMENTS.map((_, index) => {
              const { mean, variance } = momentsOf(index);
              const inverse = tf.rsqrt(tf.add(variance, 1e-3));
              const scale = tf.mul(parameter('gamma'), inverse);
              return tf.stack([mean, inverse, scale, tf.sub(parameter('beta'), tf.mul(mean, scale))]);
            }),
          ),
        );
        expectNear(outputs[0]!, expected, 'statistics');
        const moved = await onTfjs(() =>
          SEGMENTS.reduce<tf.Tensor>((running, { rows }, index) => {
            const count = rows * height * width;
            const unbiased = tf.mul(momentsOf(index).variance, (0.1 * count) / (count - 1));
            return tf.add(tf.mul(running, 0.9), unbiased);
          }, parameter('movingVariance')),
        );
        expectNear(after.get('movingVariance')!, moved, 'moving variance');
      });

      it(`bias gradient is tf.sum over rows and positions: ${title}`, async () => {
        const gradient = numbers(ROWS * sideSize(side), 9);
        const { outputs } = await runOperation(
          simd,
          {
            kind: 'biasGradient',
            name: 'bias gradient',
            stage: 0,
            side,
            splits: SEGMENTS.map((segment) => ({ ...segment, split: 0 })),
            source: { tensor: 0, rows: 'gradient', prologue: [] },
            target: 1,
          },
          [{ shape: shapeOf(side), values: gradient }, { shape: [1, channels] }],
        );
        const expected = await onTfjs(() => tf.sum(tf.tensor4d(gradient, shapeOf(side)), [0, 1, 2]));
        expectNear(outputs[0]!, expected, title);
      });
    }
  });
}
