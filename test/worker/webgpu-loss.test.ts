/** The loss head and the counting of right answers on the webgpu engine, against tfjs' losses. */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import { stepScalar } from '../../src/worker/engine/plan/step-scalars.js';
import { startBackend } from '../../src/worker/engine/tfjs/index.js';
import { relativeError } from './support/compare.js';
import { ADAM_RATE } from './support/layer-program.js';
import { COLUMN, FEATURES, lossProgram, WIDTH, type PassRows } from './support/loss-program.js';
import { runOneByOne, stirred, withDevice, type Written } from './support/one-by-one.js';
import { SOFTWARE_TILES } from './support/tiles.js';
import { hash, hashed } from './support/tiny.js';
import { describeWebGpu } from './support/webgpu.js';

const TOLERANCE = 1e-5;
const STEPS_BEFORE = 41;

/** Logits that are ordinary, enormous, or equal in every column. */
function logitAt(row: number, column: number): number {
  if (row % 5 === 3) return hashed(row * WIDTH + column, 4) * 90;
  if (row % 5 === 4) return 0.5;
  return hashed(row * WIDTH + column, 4) * 3;
}

function givenTo([labelled, unlabelled, fake]: PassRows): Readonly<
  Record<'logits' | 'labels' | 'features', Float32Array>
> {
  const rows = labelled + unlabelled + fake;
  return {
    logits: Float32Array.from({ length: rows * WIDTH }, (_, i) => logitAt(Math.floor(i / WIDTH), i % WIDTH)),
    labels: Float32Array.from({ length: labelled }, (_, i) => hash(i + 50) % WIDTH),
    features: Float32Array.from({ length: rows * FEATURES }, (_, i) => hashed(i, 6) + 1),
  };
}

/** The same in tfjs: values of the terms, gradients at the logits by backward row, at the features by segment. */
async function byTfjs(counts: PassRows): Promise<Readonly<Record<string, readonly number[]>>> {
  const [labelled, unlabelled, fake] = counts;
  const all = givenTo(counts);
  const started = await startBackend('cpu');
  try {
    started.activate();
    return tf.tidy(() => {
      const logits = tf.tensor2d(all.logits, [labelled + unlabelled + fake, WIDTH]);
      const rowsOf = (first: number, rows: number): tf.Tensor2D =>
        tf.slice(logits, [first, 0], [rows, WIDTH]);
      const passes = [
        rowsOf(0, labelled),
        rowsOf(labelled, unlabelled),
        rowsOf(labelled + unlabelled, fake),
      ] as const;
      const oneHot = tf.oneHot(tf.tensor1d([...all.labels], 'int32'), WIDTH);
      const supervised = (x: tf.Tensor): tf.Tensor => tf.losses.softmaxCrossEntropy(oneHot, x);
      const sigmoidAgainst =
        (target: 0 | 1) =>
        (x: tf.Tensor): tf.Tensor => {
          const column = tf.slice(x as tf.Tensor2D, [0, COLUMN], [-1, 1]);
          return tf.losses.sigmoidCrossEntropy(tf.fill(column.shape, target), column);
        };
      const features = tf.tensor2d(all.features, [labelled + unlabelled + fake, FEATURES]);
      const real = tf.slice(features, [labelled, 0], [unlabelled, FEATURES]);
      const made = tf.slice(features, [labelled + unlabelled, 0], [fake, FEATURES]);
      const matching = (x: tf.Tensor, against: tf.Tensor): tf.Tensor =>
        tf.mean(tf.square(tf.sub(tf.mean(x, 0), tf.mean(against, 0))));
      const parts = [
        [supervised, passes[0]],
        [sigmoidAgainst(0), passes[1]],
        [sigmoidAgainst(1), passes[2]],
        [sigmoidAgainst(0), passes[2]],
      ] as const;
      const values = parts.map(([loss, x]) => loss(x).dataSync()[0]!);
      const gradients = parts.map(([loss, x]) => Array.from(tf.grad(loss)(x).dataSync()));
      const matched = matching(made, real).dataSync()[0]!;
      const [madeGradient, realGradient] = tf.grads(matching)([made, real]);
      const firstRow = (gradient: tf.Tensor): number[] => Array.from(gradient.dataSync()).slice(0, FEATURES);
      const isRight = tf.equal(tf.argMax(passes[0], 1), tf.tensor1d([...all.labels], 'int32'));
      const correct = tf.sum(tf.cast(isRight, 'int32')).dataSync()[0]!;
      const silent = new Array<number>(unlabelled * WIDTH).fill(0);
      return {
        metrics: [
          ...values,
          matched,
          values[0]! + values[1]! + values[2]!,
          values[3]! + matched,
          correct / labelled,
        ],
        'logit gradient': [...gradients[0]!, ...gradients[1]!, ...gradients[2]!, ...silent, ...gradients[3]!],
        'feature gradient': [
          ...new Array<number>(3 * FEATURES).fill(0),
          ...firstRow(realGradient!),
          ...firstRow(madeGradient!),
        ],
        scalars: [stepScalar(ADAM_RATE, STEPS_BEFORE)],
        correct: [correct],
      };
    });
  } finally {
    started.dispose();
  }
}

describeWebGpu('the loss head of the webgpu engine', () => {
  for (const counts of [
    [1, 9, 10],
    [9, 1, 13],
    [65, 130, 11],
  ] as const) {
    it(`has tfjs' losses, gradients and counts for ${counts.join(', ')} rows`, async () => {
      const { ids, input, planned } = lossProgram(counts);
      const { logits, labels, features } = givenTo(counts);
      const inputs = new Map([
        [ids.logits, logits],
        [ids.labels, labels],
        [ids.features, features],
      ]);
      const all = await withDevice((device) =>
        runOneByOne(device, input, planned, {
          tiles: SOFTWARE_TILES,
          state: stirred(input),
          inputs,
          step: STEPS_BEFORE,
        }),
      );
      const byName = new Map<string, Written>(all.map((written) => [written.tensor, written]));
      for (const { tensor, actual, expected } of all) {
        expect(relativeError(actual, expected), `${tensor}, beside the interpreter`).to.be.at.most(TOLERANCE);
      }
      for (const [tensor, expected] of Object.entries(await byTfjs(counts))) {
        const { actual } = byName.get(tensor)!;
        expect(actual.length, tensor).to.equal(expected.length);
        expect(relativeError(actual, expected), `${tensor}, beside tfjs`).to.be.at.most(TOLERANCE);
      }
      expect(byName.get('correct')!.actual).to.deep.equal(byName.get('correct')!.expected);
    });
  }
});
