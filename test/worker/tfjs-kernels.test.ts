/** The operations that the engine adds to tfjs, on every backend, against plain float64 loops. */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import { startBackend, TFJS_BACKENDS, type TfjsBackend } from '../../src/worker/engine/tfjs/index.js';
import { adamUpdate } from '../../src/worker/engine/tfjs/kernels/adam.js';
import { batchNorm } from '../../src/worker/engine/tfjs/kernels/batch-norm.js';
import { groupNorm } from '../../src/worker/engine/tfjs/kernels/group-norm.js';
import { lossTerm } from '../../src/worker/engine/tfjs/losses.js';
import { recordForward } from '../../src/worker/engine/tfjs/tape.js';
import type { Term } from '../../src/recipe/recipe.js';
import { forEachBackend } from './support/backends.js';
import { relativeError } from './support/compare.js';
import { hashed } from './support/tiny.js';

const numbers = (count: number, salt: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => hashed(i, salt));

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dimension) => size * dimension, 1);

/** Values of the tensors that `operations` returns, computed on a backend. */
async function compute(backend: TfjsBackend, operations: () => tf.Tensor[]): Promise<Float32Array[]> {
  const started = await startBackend(backend);
  try {
    started.activate();
    const before = tf.engine().state.numTensors;
    const tensors = tf.tidy(operations);
    const values = await Promise.all(
      tensors.map(async (tensor) => Float32Array.from(await tensor.data<'float32'>())),
    );
    tf.dispose(tensors);
    expect(tf.engine().state.numTensors, 'tensors left behind').to.equal(before);
    return values;
  } finally {
    started.dispose();
  }
}

/** y = sum over taps of x · w, as a loop over [batch, out, out, filters]; `visit` gets every product. */
function eachTap(
  x: readonly [number, number, number, number],
  kernel: readonly [number, number, number, number],
  stride: number,
  padding: 'same' | 'valid',
  visit: (xIndex: number, kernelIndex: number, yIndex: number) => void,
): [number, number, number, number] {
  const [batch, height, width, channels] = x;
  const [kernelHeight, kernelWidth, , filters] = kernel;
  const outOf = (size: number, tap: number): number =>
    padding === 'same' ? Math.ceil(size / stride) : Math.ceil((size - tap + 1) / stride);
  const before = (size: number, tap: number): number =>
    padding === 'same' ? Math.floor(Math.max((outOf(size, tap) - 1) * stride + tap - size, 0) / 2) : 0;
  const [outHeight, outWidth] = [outOf(height, kernelHeight), outOf(width, kernelWidth)];
  for (let b = 0; b < batch; b++)
    for (let y = 0; y < outHeight; y++)
      for (let z = 0; z < outWidth; z++)
        for (let i = 0; i < kernelHeight; i++)
          for (let j = 0; j < kernelWidth; j++) {
            const row = y * stride + i - before(height, kernelHeight);
            const column = z * stride + j - before(width, kernelWidth);
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (let c = 0; c < channels; c++)
              for (let f = 0; f < filters; f++)
                visit(
                  ((b * height + row) * width + column) * channels + c,
                  ((i * kernelWidth + j) * channels + c) * filters + f,
                  ((b * outHeight + y) * outWidth + z) * filters + f,
                );
          }
  return [batch, outHeight, outWidth, filters];
}

const CONVOLUTIONS = [
  { x: [1, 1, 1, 1], kernel: [1, 1, 1, 1], stride: 1, padding: 'valid' },
  { x: [2, 7, 7, 3], kernel: [2, 2, 3, 5], stride: 2, padding: 'same' },
  { x: [3, 9, 6, 2], kernel: [5, 3, 2, 4], stride: 2, padding: 'same' },
  { x: [2, 12, 12, 3], kernel: [4, 4, 3, 7], stride: 2, padding: 'valid' },
  { x: [2, 8, 5, 1], kernel: [3, 3, 1, 1], stride: 3, padding: 'same' },
  { x: [1, 5, 5, 4], kernel: [3, 3, 4, 2], stride: 1, padding: 'same' },
] as const;

forEachBackend(
  'an operation of training',
  (backend) => {
    for (const { x, kernel, stride, padding } of CONVOLUTIONS) {
      const title = `${x.join('x')} by ${kernel.join('x')}, stride ${stride}, ${padding}`;
      it(`convolution ${title}: both gradients`, async () => {
        const xs = numbers(sizeOf(x), 1);
        const weights = numbers(sizeOf(kernel), 2);
        const outShape = eachTap(x, kernel, stride, padding, () => undefined);
        const dy = numbers(sizeOf(outShape), 3);
        const expected = {
          y: new Float64Array(dy.length),
          dx: new Float64Array(xs.length),
          dw: new Float64Array(weights.length),
        };
        eachTap(x, kernel, stride, padding, (xi, wi, yi) => {
          expected.y[yi]! += xs[xi]! * weights[wi]!;
          expected.dx[xi]! += dy[yi]! * weights[wi]!;
          expected.dw[wi]! += dy[yi]! * xs[xi]!;
        });
        const [y, transposed, dx, dw] = await compute(backend, () => {
          const input = tf.tensor4d(xs, [...x]);
          const filter = tf.tensor4d(weights, [...kernel]);
          const gradient = tf.tensor4d(dy, outShape);
          const recording = recordForward(() => {
            const output = tf.conv2d(input, filter, stride, padding);
            return { output, loss: tf.sum<tf.Scalar>(tf.mul(output, gradient)) };
          });
          const gradients = recording.gradients(recording.result.loss, [input, filter]);
          recording.dispose();
          return [
            recording.result.output,
            tf.conv2dTranspose(gradient, filter, [...x], stride, padding),
            ...gradients,
          ];
        });
        expect(relativeError(y!, expected.y)).to.be.below(1e-5);
        expect(relativeError(dx!, expected.dx)).to.be.below(1e-5);
        expect(relativeError(transposed!, expected.dx)).to.be.below(1e-5);
        expect(relativeError(dw!, expected.dw)).to.be.below(1e-5);
      });
    }

    for (const shape of [
      [3, 5, 7, 2],
      [1, 2, 2, 3],
      [4, 1],
      [63, 9],
    ]) {
      it(`batch norm of ${shape.join('x')}: output, statistics, gradients`, async () => {
        const channels = shape.at(-1)!;
        const count = sizeOf(shape) / channels;
        // Off centre by ten deviations, where E[x²] - E[x]² would lose digits.
        const x = numbers(sizeOf(shape), 4).map((value, i) => value * (1 + (i % channels)) + 10);
        const gamma = numbers(channels, 5).map((value) => value + 1.5);
        const beta = numbers(channels, 6);
        const dy = numbers(x.length, 7);
        const [y, mean, variance, dx, dgamma, dbeta] = await compute(backend, () => {
          const inputs = [tf.tensor(x, shape), tf.tensor1d(gamma), tf.tensor1d(beta)] as const;
          const recording = recordForward(() => {
            const normalised = batchNorm(...inputs, 1e-3);
            return {
              ...normalised,
              loss: tf.sum<tf.Scalar>(tf.mul(normalised.output, tf.tensor(dy, shape))),
            };
          });
          const { output, loss, ...statistics } = recording.result;
          const gradients = recording.gradients(loss, inputs);
          recording.dispose();
          return [output, statistics.mean, statistics.variance, ...gradients];
        });
        const expected = {
          y: new Float64Array(x.length),
          mean: new Float64Array(channels),
          variance: new Float64Array(channels),
          dx: new Float64Array(x.length),
          dgamma: new Float64Array(channels),
          dbeta: new Float64Array(channels),
        };
        for (let c = 0; c < channels; c++) {
          const own = Array.from({ length: count }, (_, row) => row * channels + c);
          const average = (term: (i: number) => number): number =>
            own.reduce((sum, i) => sum + term(i), 0) / count;
          const m = average((i) => x[i]!);
          const v = average((i) => (x[i]! - m) ** 2);
          const s = 1 / Math.sqrt(v + 1e-3);
          expected.mean[c] = m;
          expected.variance[c] = v;
          expected.dbeta[c] = count * average((i) => dy[i]!);
          expected.dgamma[c] = count * average((i) => dy[i]! * (x[i]! - m) * s);
          // From the chain rule through mean and variance, one path at a time.
          const dv = count * average((i) => dy[i]! * gamma[c]! * (x[i]! - m)) * -0.5 * s ** 3;
          const dm = -count * average((i) => dy[i]! * gamma[c]! * s) - 2 * dv * average((i) => x[i]! - m);
          for (const i of own) {
            expected.y[i] = gamma[c]! * (x[i]! - m) * s + beta[c]!;
            expected.dx[i] = dy[i]! * gamma[c]! * s + (dv * 2 * (x[i]! - m)) / count + dm / count;
          }
        }
        expect(relativeError(mean!, expected.mean)).to.be.below(1e-6);
        expect(relativeError(variance!, expected.variance)).to.be.below(1e-4);
        expect(relativeError(y!, expected.y)).to.be.below(1e-4);
        expect(relativeError(dx!, expected.dx)).to.be.below(1e-3);
        expect(relativeError(dgamma!, expected.dgamma)).to.be.below(1e-4);
        expect(relativeError(dbeta!, expected.dbeta)).to.be.below(1e-4);
      });
    }

    for (const [shape, groups] of [
      [[3, 5, 7, 6], 3],
      [[2, 3, 4, 4], 1],
      // As many groups as channels, of one channel each; a vector; one value a group.
      [[2, 4, 3, 3], 3],
      [[4, 8], 2],
      [[2, 1, 1, 3], 3],
    ] as const) {
      it(`group norm of ${shape.join('x')} in ${groups} groups: output and gradients`, async () => {
        const channels = shape.at(-1)!;
        const size = sizeOf(shape);
        const epsilon = 1e-3;
        // Off centre by ten deviations, where E[x²] - E[x]² would lose digits.
        const x = numbers(size, 14).map((value, i) => value * (1 + (i % channels)) + 10);
        const gamma = numbers(channels, 15).map((value) => value + 1.5);
        const beta = numbers(channels, 16);
        const dy = numbers(size, 17);
        const [y, dx, dgamma, dbeta] = await compute(backend, () => {
          const inputs = [tf.tensor(x, [...shape]), tf.tensor1d(gamma), tf.tensor1d(beta)] as const;
          const recording = recordForward(() => {
            const output = groupNorm(...inputs, groups, epsilon);
            return { output, loss: tf.sum<tf.Scalar>(tf.mul(output, tf.tensor(dy, [...shape]))) };
          });
          const gradients = recording.gradients(recording.result.loss, inputs);
          recording.dispose();
          return [recording.result.output, ...gradients];
        });
        const expected = {
          y: new Float64Array(size),
          dx: new Float64Array(size),
          dgamma: new Float64Array(channels),
          dbeta: new Float64Array(channels),
        };
        const rowSize = size / shape[0];
        const groupOf = (i: number): number =>
          Math.floor(i / rowSize) * groups + Math.floor((i % channels) / (channels / groups));
        for (let group = 0; group < shape[0] * groups; group++) {
          const own = Array.from({ length: size }, (_, i) => i).filter((i) => groupOf(i) === group);
          const average = (term: (i: number) => number): number =>
            own.reduce((sum, i) => sum + term(i), 0) / own.length;
          const m = average((i) => x[i]!);
          const s = 1 / Math.sqrt(average((i) => (x[i]! - m) ** 2) + epsilon);
          const slope = (i: number): number => dy[i]! * gamma[i % channels]!;
          // From the chain rule through mean and variance, one path at a time.
          const dv = own.length * average((i) => slope(i) * (x[i]! - m)) * -0.5 * s ** 3;
          const dm = -own.length * average((i) => slope(i) * s) - 2 * dv * average((i) => x[i]! - m);
          for (const i of own) {
            const c = i % channels;
            expected.y[i] = gamma[c]! * (x[i]! - m) * s + beta[c]!;
            expected.dx[i] = slope(i) * s + (dv * 2 * (x[i]! - m)) / own.length + dm / own.length;
            expected.dgamma[c]! += dy[i]! * (x[i]! - m) * s;
            expected.dbeta[c]! += dy[i]!;
          }
        }
        const isFlat = shape.length === 4 && rowSize === groups;
        expect(relativeError(y!, expected.y)).to.be.below(1e-4);
        expect(relativeError(dbeta!, expected.dbeta)).to.be.below(1e-4);
        if (isFlat) {
          // One value a group is its own mean: nothing of it is left, and no gradient.
          expect(Math.max(...dx!.map(Math.abs), ...dgamma!.map(Math.abs))).to.be.below(1e-4);
        } else {
          expect(relativeError(dx!, expected.dx)).to.be.below(1e-3);
          expect(relativeError(dgamma!, expected.dgamma)).to.be.below(1e-4);
        }
      });
    }

    it("Adam is TensorFlow 1's, epsilon outside the correction, at any update", async () => {
      for (const t of [1, 2, 7, 20_000]) {
        const parameter = numbers(64, 8);
        // From far below epsilon to far above: where epsilon stands shows in the small ones.
        const gradient = numbers(64, 9).map((value, i) => (i === 0 ? 0 : value * 10 ** ((i % 12) - 9)));
        const m = numbers(64, 10).map((value, i) => value * Math.abs(gradient[i]!));
        const v = gradient.map((value) => 0.5 * value * value);
        const rate = (1e-3 * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t);
        const attributes = { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        const [newParameter, newM, newV] = await compute(backend, () => {
          const tensors = { parameter: tf.tensor1d(parameter), m: tf.tensor1d(m), v: tf.tensor1d(v) };
          const updated = adamUpdate(tensors, tf.tensor1d(gradient), attributes);
          return [updated.parameter, updated.m, updated.v];
        });
        for (let i = 0; i < 64; i++) {
          const expectedM = 0.9 * m[i]! + (1 - 0.9) * gradient[i]!;
          const expectedV = 0.999 * v[i]! + (1 - 0.999) * gradient[i]! ** 2;
          const step = (rate * expectedM) / (Math.sqrt(expectedV) + 1e-8);
          expect(newM![i]!).to.be.closeTo(expectedM, 1e-6 * Math.abs(gradient[i]!) + 1e-38);
          expect(newV![i]!).to.be.closeTo(expectedV, 1e-6 * gradient[i]! ** 2 + 1e-38);
          expect(newParameter![i]!, `element ${i} of update ${t}`).to.be.closeTo(
            parameter[i]! - step,
            1.3e-7,
          );
        }
      }
    });

    it('the sigmoid loss is right for large, small and zero logits, and so is its gradient', async () => {
      for (const target of [0, 1] as const) {
        const logits = Float32Array.of(-80, -20, -1, -1e-3, 0, 1e-3, 1, 20, 80);
        const [value, gradient] = await lossAndGradient(backend, logits, [9, 1], {
          kind: 'sigmoidCrossEntropy',
          name: 'fakeLoss',
          pass: 'fake',
          layer: 'logits',
          column: 0,
          target,
          weight: 1,
        });
        const expected = Array.from(
          logits,
          (x) => Math.max(x, 0) - x * target + Math.log1p(Math.exp(-Math.abs(x))),
        );
        expect(value![0]!).to.be.closeTo(expected.reduce((sum, term) => sum + term) / 9, 1e-5);
        const slopes = Array.from(logits, (x) => (1 / (1 + Math.exp(-x)) - target) / 9);
        expect(relativeError(gradient!, slopes)).to.be.below(1e-5);
      }
    });

    it('the softmax loss is right where the exponential overflows, and so is its gradient', async () => {
      const logits = Float32Array.of(1000, 0, -1000, 0.5, -0.25, 2);
      const [value, gradient] = await lossAndGradient(backend, logits, [2, 3], {
        kind: 'softmaxCrossEntropy',
        name: 'supervisedLoss',
        pass: 'labelled',
        layer: 'logits',
        weight: 1,
      });
      const sum = Math.exp(0.5) + Math.exp(-0.25) + Math.exp(2);
      // The labels are 0 and 1.
      expect(value![0]!).to.be.closeTo((0 + Math.log(sum) + 0.25) / 2, 1e-5);
      const row = [Math.exp(0.5) / sum, Math.exp(-0.25) / sum - 1, Math.exp(2) / sum].map(
        (slope) => slope / 2,
      );
      expect(relativeError(gradient!, [0, 0, 0, ...row])).to.be.below(1e-5);
    });
  },
  TFJS_BACKENDS,
);

/** Value and gradient of a term at one pass's logits [rows, columns], whose rows have labels 0, 1, … */
function lossAndGradient(
  backend: TfjsBackend,
  logits: Float32Array,
  shape: [number, number],
  term: Term,
): Promise<Float32Array[]> {
  return compute(backend, () => {
    const input = tf.tensor2d(logits, shape);
    const labels = Float32Array.from({ length: logits.length }, (_, i) =>
      i % shape[1] === Math.floor(i / shape[1]) ? 1 : 0,
    );
    const oneHot = tf.tensor2d(labels, shape);
    const recording = recordForward(() =>
      lossTerm(term, {
        classes: shape[1],
        outputOf: () => input,
        oneHotOf: () => oneHot,
        storedOf: () => oneHot,
      }),
    );
    const [gradient] = recording.gradients(recording.result, [input]);
    recording.dispose();
    return [recording.result, gradient!];
  });
}
