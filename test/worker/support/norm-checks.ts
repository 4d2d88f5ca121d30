/** Checks of batch norm on the webgpu engine, and everything that fuses with it, against tfjs' own differentiation. */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import { stepScalar } from '../../../src/worker/engine/plan/step-scalars.js';
import type { TensorId } from '../../../src/worker/engine/plan/operations.js';
import { startBackend } from '../../../src/worker/engine/tfjs/index.js';
import type { NamedTensors } from '../../../src/worker/model/parameters.js';
import { relativeError } from './compare.js';
import { ADAM_RATE, KEPT_SCALE } from './layer-program.js';
import {
  elementsOf,
  EPSILON,
  MOMENTUM,
  normProgram,
  SLOPE,
  type NormCase,
  type NormProgram,
} from './norm-program.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import { runOneByOne, stirred, withDevice } from './one-by-one.js';
import { hash, hashed } from './tiny.js';

/** Gradients through a norm are differences of nearly equal sums. */
export const NORM_TOLERANCE = 3e-5;

export const NORM_CASES: readonly NormCase[] = [
  { image: [5, 4, 8], channels: 12, outputs: 8, segments: [1, 9, 10], trains: [true, true, false] },
  { image: [3, 3, 5], channels: 7, outputs: 3, segments: [11, 1], trains: [true, true] },
  { image: [1, 1, 4], channels: 68, outputs: 4, segments: [13], trains: [true] },
  // One value a channel in the first segment.
  { image: [1, 1, 4], channels: 8, outputs: 4, segments: [1, 3], trains: [true, true] },
];

type Shape4D = [number, number, number, number];
type Values = ReadonlyMap<TensorId, Float32Array<ArrayBuffer>>;

export function givenTo(made: NormProgram): Values {
  const { x, dy, bits, scalars } = made;
  const filled = (id: TensorId, value: (i: number) => number): [TensorId, Float32Array<ArrayBuffer>] => [
    id,
    Float32Array.from({ length: elementsOf(made, id) }, (_, i) => value(i)),
  ];
  return new Map([
    // Off centre, where E[x²] - E[x]² would lose digits.
    filled(x, (i) => hashed(i, 1) + 3),
    filled(dy, (i) => hashed(i, 2)),
    // 24 bits of each word: a float32 holds them.
    filled(bits, (i) => hash(i + 1) >>> 8),
    filled(scalars, () => stepScalar(ADAM_RATE, 0)),
  ]);
}

/** Batch norm with a segment's own statistics, in tfjs' plain operations. */
function normalise(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.add(tf.mul(tf.sub(x, mean), tf.mul(gamma, tf.rsqrt(tf.add(variance, EPSILON)))), beta);
}

type Found = Map<string, readonly number[]>;

async function byTfjs(
  { trains, image }: NormCase,
  made: NormProgram,
  given: Values,
  state: NamedTensors,
): Promise<Found> {
  const { planned, segments, bitOffsets } = made;
  const { tensors, operations } = planned.program;
  const found: Found = new Map();
  const started = await startBackend('cpu');
  const parameter = (name: string): tf.Tensor => {
    const { shape, values } = state.get(`network/${name}`)!;
    return tf.tensor(values, [...shape]);
  };
  const rowsOf = (id: TensorId, first: number, rows: number): tf.Tensor4D =>
    tf.slice(
      tf.tensor<tf.Rank.R4>(given.get(id)!, [...tensors[id]!.shape] as Shape4D),
      [first, 0, 0, 0],
      [rows, -1, -1, -1],
    );
  const put = (name: string, parts: readonly tf.Tensor[]): void =>
    void found.set(
      name,
      parts.flatMap((part) => Array.from(part.dataSync())),
    );
  try {
    started.activate();
    tf.tidy(() => {
      const [k1, k2] = [parameter('first/kernel'), parameter('second/kernel')] as tf.Tensor4D[];
      const [gamma, beta] = [parameter('norm/gamma'), parameter('norm/beta')];
      let [movingMean, movingVariance] = [parameter('norm/moving_mean'), parameter('norm/moving_variance')];
      const statistics: tf.Tensor[] = [];
      const ys: tf.Tensor[] = [];
      const dxs: tf.Tensor[] = [];
      const normGradients: [tf.Tensor, tf.Tensor][] = [];
      /** The first convolution to the dropout. */
      const dropped = (x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, segment: number): tf.Tensor => {
        const raw = tf.conv2d(x as tf.Tensor4D, k1!, 1, 'same');
        const words = given.get(made.bits)!.subarray(bitOffsets[segment]);
        const kept = Float32Array.from(
          { length: raw.size },
          (_, i) => ((words[i >> 5]! >>> (i & 31)) & 1) * KEPT_SCALE,
        );
        return tf.mul(tf.leakyRelu(normalise(raw, scale, shift), SLOPE), tf.tensor(kept, raw.shape));
      };
      segments.forEach(({ rows, forwardRow, gradientRow }, index) => {
        const block = (x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor =>
          tf.conv2d(dropped(x, scale, shift, index) as tf.Tensor4D, k2!, 2, 'same');
        const x = rowsOf(made.x, forwardRow, rows);
        ys.push(block(x, gamma, beta));
        const [dx, dgamma, dbeta] = tf.grads(block)([x, gamma, beta], rowsOf(made.dy, gradientRow, rows));
        dxs.unshift(dx!);
        if (trains[index] === true) normGradients.push([dgamma!, dbeta!]);

        const { mean, variance } = tf.moments(tf.conv2d(x, k1!, 1, 'same'), [0, 1, 2]);
        const rstd = tf.rsqrt(tf.add(variance, EPSILON));
        const scale = tf.mul(gamma, rstd);
        statistics.push(mean, rstd, scale, tf.sub(beta, tf.mul(mean, scale)));
        const count = rows * image[0] * image[1];
        const moved = (old: tf.Tensor, batch: tf.Tensor): tf.Tensor =>
          tf.add(tf.mul(old, MOMENTUM), tf.mul(batch, 1 - MOMENTUM));
        movingMean = moved(movingMean, mean);
        movingVariance = moved(movingVariance, tf.mul(variance, count / Math.max(count - 1, 1)));
      });
      put('y', ys);
      put('dx', dxs);
      put('statistics', statistics);
      put(
        'norm gradient',
        [0, 1].map((which) => tf.addN(normGradients.map((pair) => pair[which]!))),
      );
      put('network/norm/moving_mean', [movingMean]);
      put('network/norm/moving_variance', [movingVariance]);
      const filter = operations.find((operation) => operation.kind === 'filterGradient')!;
      const larges = segments.map(({ rows, forwardRow }, index) =>
        dropped(rowsOf(made.x, forwardRow, rows), gamma, beta, index),
      );
      put(
        'second kernel gradient',
        filter.splits.map(({ rows, passRow, gradientRow, forwardSegment }) => {
          const large = tf.slice(
            larges[forwardSegment]!,
            [passRow, 0, 0, 0],
            [rows, -1, -1, -1],
          ) as tf.Tensor4D;
          return tf.grad((kernel) => tf.conv2d(large, kernel as tf.Tensor4D, 2, 'same'))(
            k2!,
            rowsOf(made.dy, gradientRow, rows),
          );
        }),
      );
    });
  } finally {
    started.dispose();
  }
  return found;
}

export function nameOfNorm({ image, channels, segments }: NormCase): string {
  return `${channels} channels of ${image[0]} x ${image[1]}, segments of ${segments.join(', ')}`;
}

/** Every tensor of the case's program, of these tiles, beside tfjs and the plan's interpreter. */
export async function checkNorm(normCase: NormCase, tiles: Tiles): Promise<void> {
  const made = normProgram(normCase);
  const given = givenTo(made);
  const state = stirred(made.input);
  const expected = await byTfjs(normCase, made, given, state);
  const all = await withDevice((device) =>
    runOneByOne(device, made.input, made.planned, { tiles, state, inputs: given }),
  );
  const seen = new Set<string>();
  for (const { tensor, operation, actual, expected: interpreted } of all) {
    const what = `${tensor} (${operation.kind})`;
    expect(relativeError(actual, interpreted), `${what}, beside the interpreter`).to.be.at.most(
      NORM_TOLERANCE,
    );
    const wanted = expected.get(tensor);
    if (wanted === undefined) continue;
    seen.add(tensor);
    expect(actual.length, what).to.equal(wanted.length);
    expect(relativeError(actual, wanted), `${what}, beside tfjs`).to.be.at.most(NORM_TOLERANCE);
  }
  expect([...seen].sort()).to.deep.equal([...expected.keys()].sort());
}
