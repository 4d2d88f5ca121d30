/**
 * Batch norm on the webgpu engine, and everything that fuses with it, against tfjs' own differentiation: each shape with
 * tiles for GPUs or for software adapters. test/long has both.
 */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import { startBackend } from '../../src/worker/engine/tfjs/index.js';
import { relativeError } from './support/compare.js';
import { checkNorm, givenTo, nameOfNorm, NORM_CASES, NORM_TOLERANCE } from './support/norm-checks.js';
import { EPSILON, normProgram } from './support/norm-program.js';
import { runOneByOne, stirred, withDevice } from './support/one-by-one.js';
import { GPU_TILES, SOFTWARE_TILES } from './support/tiles.js';
import { hashed } from './support/tiny.js';
import { describeWebGpu } from './support/webgpu.js';

describeWebGpu('batch norm on the webgpu engine', () => {
  for (const [index, normCase] of NORM_CASES.entries()) {
    it(`does what tfjs does for ${nameOfNorm(normCase)}`, () =>
      checkNorm(normCase, index % 2 === 0 ? GPU_TILES : SOFTWARE_TILES));
  }

  it('normalises by the running statistics in inference, as tfjs does', async () => {
    const made = normProgram(NORM_CASES[1]!);
    const state = stirred(made.input);
    const all = await withDevice((device) =>
      runOneByOne(device, made.input, made.planned, { tiles: SOFTWARE_TILES, state, inputs: givenTo(made) }),
    );
    const after = (name: string): readonly number[] =>
      all.findLast(({ tensor }) => tensor === `network/norm/${name}`)!.actual;
    const { actual } = all.find(({ operation }) => operation.kind === 'normInference')!;
    const channels = actual.length / 4;
    const started = await startBackend('cpu');
    try {
      started.activate();
      const x = Array.from({ length: 5 * channels }, (_, i) => hashed(i, 8));
      const wanted = tf.tidy(() =>
        tf
          .batchNorm2d(
            tf.tensor2d(x, [5, channels]),
            tf.tensor1d([...after('moving_mean')]),
            tf.tensor1d([...after('moving_variance')]),
            tf.tensor1d([...after('beta')]),
            tf.tensor1d([...after('gamma')]),
            EPSILON,
          )
          .dataSync(),
      );
      const own = x.map(
        (value, i) => value * actual[2 * channels + (i % channels)]! + actual[3 * channels + (i % channels)]!,
      );
      expect(relativeError(own, wanted)).to.be.at.most(NORM_TOLERANCE);
    } finally {
      started.dispose();
    }
  });
});
