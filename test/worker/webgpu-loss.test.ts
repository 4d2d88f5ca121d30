/** The loss head and the counting of right answers on the webgpu engine, against tfjs' losses. */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import { adamScalar } from '../../src/worker/engine/plan/adam-scalar.js';
import type { Operation, OpSegment, PlanTensor, Storage, TensorId } from '../../src/worker/engine/plan/operations.js';
import { planProgram } from '../../src/worker/engine/plan/plan.js';
import { startBackend } from '../../src/worker/engine/tfjs/index.js';
import { METRIC_NAMES } from '../../src/protocol.js';
import { relativeError } from './support/compare.js';
import { ADAM } from './support/layer-program.js';
import { runOneByOne, stirred, withDevice, type Written } from './support/one-by-one.js';
import { EVERY_CHOICE } from './support/tiles.js';
import { hash, hashed, tinyInput } from './support/tiny.js';
import { describeWebGpu } from './support/webgpu.js';

const TOLERANCE = 1e-5;
const WIDTH = 11;
const FEATURES = 70;
const STEPS_BEFORE = 41;
/** A sigmoid term looks at one column. */
const COLUMN = 10;

/** Logits that are ordinary, enormous, or equal in every column. */
function logitAt(row: number, column: number): number {
  if (row % 5 === 3) return hashed(row * WIDTH + column, 4) * 90;
  if (row % 5 === 4) return 0.5;
  return hashed(row * WIDTH + column, 4) * 3;
}

const inputOfAllRows = ([labelled, unlabelled, fake]: readonly [number, number, number]) => {
  const rows = labelled + unlabelled + fake;
  return {
    logits: Float32Array.from({ length: rows * WIDTH }, (_, i) => logitAt(Math.floor(i / WIDTH), i % WIDTH)),
    labels: Float32Array.from({ length: labelled }, (_, i) => hash(i + 50) % WIDTH),
    features: Float32Array.from({ length: rows * FEATURES }, (_, i) => hashed(i, 6) + 1),
  };
};

/** Passes labelled, unlabelled, fake; backward, each for the discriminator's loss, then the last two for the generator's. */
function lossProgram([labelled, unlabelled, fake]: readonly [number, number, number]) {
  const rows = labelled + unlabelled + fake;
  const tensors: PlanTensor[] = [];
  const tensor = (name: string, shape: readonly number[], storage: Storage, type: 'f32' | 'u32' = 'f32'): TensorId =>
    tensors.push({ id: tensors.length, name, shape, type, storage }) - 1;
  const firsts = [0, labelled, labelled + unlabelled];
  const counts = [labelled, unlabelled, fake];
  let gradientRow = 0;
  const segments = [
    { pass: 0, terms: [0] },
    { pass: 1, terms: [1] },
    { pass: 2, terms: [2] },
    { pass: 1, terms: [] },
    { pass: 2, terms: [3] },
  ].map(({ pass, terms }, gradientSegment) => {
    const segment: OpSegment & { readonly terms: readonly number[] } = {
      rows: counts[pass]!,
      forwardRow: firsts[pass]!,
      passRow: 0,
      forwardSegment: pass,
      gradientRow,
      gradientSegment,
      targetRow: gradientRow,
      instance: 0,
      terms,
    };
    gradientRow += segment.rows;
    return segment;
  });
  const ids = {
    logits: tensor('logits', [rows, 1, 1, WIDTH], 'activation'),
    labels: tensor('labels', [labelled], 'draws', 'u32'),
    features: tensor('features', [rows, FEATURES], 'activation'),
    logitGradient: tensor('logit gradient', [gradientRow, 1, 1, WIDTH], 'activation'),
    featureGradient: tensor('feature gradient', [segments.length, FEATURES], 'activation'),
    metrics: tensor('metrics', [METRIC_NAMES.length], 'results'),
    scalars: tensor('scalars', [1], 'results'),
    biasGradient: tensor('bias gradient', [segments.length, WIDTH], 'gradients'),
    correct: tensor('correct', [1], 'results', 'u32'),
  };
  const sigmoid = { kind: 'sigmoidCrossEntropy', column: COLUMN } as const;
  const operations: readonly Operation[] = [
    {
      kind: 'loss',
      name: 'losses',
      stage: 0,
      logits: ids.logits,
      width: WIDTH,
      labels: ids.labels,
      terms: [
        { kind: 'softmaxCrossEntropy', name: 'supervisedLoss', forwardRow: 0, rows: labelled },
        { ...sigmoid, name: 'realUnlabelledLoss', forwardRow: firsts[1]!, rows: unlabelled, target: 0 },
        { ...sigmoid, name: 'fakeLoss', forwardRow: firsts[2]!, rows: fake, target: 1 },
        { ...sigmoid, name: 'fakeAsRealLoss', forwardRow: firsts[2]!, rows: fake, target: 0 },
        {
          kind: 'featureMatching',
          name: 'featureMatchingLoss',
          forwardRow: firsts[2]!,
          rows: fake,
          features: ids.features,
          size: FEATURES,
          againstRow: firsts[1]!,
          againstRows: unlabelled,
        },
      ],
      losses: [
        { name: 'discriminatorLoss', terms: [0, 1, 2] },
        { name: 'generatorLoss', terms: [3, 4] },
      ],
      accuracy: { forwardRow: 0, rows: labelled },
      segments,
      logitGradient: ids.logitGradient,
      featureGradient: {
        target: ids.featureGradient,
        size: FEATURES,
        entries: [
          { gradientSegment: 3, term: 4, sign: -1 },
          { gradientSegment: 4, term: 4, sign: 1 },
        ],
      },
      metrics: ids.metrics,
      optimisers: [ADAM],
      scalars: ids.scalars,
    },
    {
      kind: 'biasGradient',
      name: 'bias gradient',
      stage: 1,
      side: { height: 1, width: 1, channels: WIDTH },
      splits: segments.map(({ terms: _, ...segment }, split) => ({ ...segment, split })),
      source: { tensor: ids.logitGradient, rows: 'gradient', chain: [] },
      target: ids.biasGradient,
    },
    {
      kind: 'update',
      name: 'update',
      stage: 2,
      optimisers: [ADAM],
      scalars: ids.scalars,
      entries: [
        {
          parameter: 'network/logits/bias',
          size: WIDTH,
          gradient: ids.biasGradient,
          offset: 0,
          stride: WIDTH,
          firstSplit: 0,
          splits: segments.length,
          optimiser: 0,
        },
      ],
    },
    {
      kind: 'countCorrect',
      name: 'correct',
      stage: 3,
      logits: ids.logits,
      width: WIDTH,
      rows: labelled,
      labels: ids.labels,
      target: ids.correct,
    },
  ];
  const { logits, labels, features, ...written } = ids;
  const planned = planProgram({
    name: 'trainStep',
    tensors,
    operations,
    inputs: [logits, labels, features],
    outputs: Object.values(written),
    taps: [],
  });
  const base = tinyInput('labels-only');
  const layer = { kind: 'dense', name: 'logits', units: WIDTH, bias: 'trained' } as const;
  const network = { name: 'network', inputShape: [4], layers: [layer] };
  const input = { ...base, recipe: { ...base.recipe, networks: [{ network, instances: 1 }] } };
  return { ids, input, planned };
}

/** The same in tfjs: values of the terms, gradients at the logits by backward row, at the features by segment. */
async function byTfjs(counts: readonly [number, number, number]): Promise<Readonly<Record<string, readonly number[]>>> {
  const [labelled, unlabelled, fake] = counts;
  const all = inputOfAllRows(counts);
  const started = await startBackend('cpu');
  try {
    started.activate();
    return tf.tidy(() => {
      const logits = tf.tensor2d(all.logits, [labelled + unlabelled + fake, WIDTH]);
      const rowsOf = (first: number, rows: number): tf.Tensor2D => tf.slice(logits, [first, 0], [rows, WIDTH]);
      const passes = [rowsOf(0, labelled), rowsOf(labelled, unlabelled), rowsOf(labelled + unlabelled, fake)] as const;
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
        scalars: [adamScalar(ADAM, STEPS_BEFORE + 1)],
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
      const { logits, labels, features } = inputOfAllRows(counts);
      const inputs = new Map([
        [ids.logits, logits],
        [ids.labels, labels],
        [ids.features, features],
      ]);
      const all = await withDevice((device) =>
        runOneByOne(device, input, planned, {
          tiles: EVERY_CHOICE[0]!,
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
