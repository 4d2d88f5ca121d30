/** The backends against each other: the same draws bit for bit, the same computation within float32. */

import { expect } from '@open-wc/testing';
import { inStage } from '../../src/recipe/recipe.js';
import { dropoutStream, drawPhase } from '../../src/worker/model/draws.js';
import { createTfjsEngine, TFJS_BACKENDS } from '../../src/worker/engine/tfjs/index.js';
import { RandomStreams } from '../../src/worker/random/streams.js';
import { forEachBackend } from './support/backends.js';
import {
  checkBeside,
  COMPARED,
  COMPARISON_TIMEOUT_MS,
  inspectSecondStep,
  reference,
  tolerance,
  type Inspected,
} from './support/backend-parity.js';
import { exactZerosOf } from '../support/exact-zeros.js';
import { expectClose, expectIdentical } from './support/compare.js';
import { hashed, tinyInput } from './support/tiny.js';

const OTHERS = TFJS_BACKENDS.filter((name) => name !== 'cpu');

forEachBackend(
  'a backend beside cpu',
  (backend) => {
    // WebGL compiles for seconds: test/long has its other recipes.
    for (const recipe of backend === 'webgl' ? COMPARED.slice(0, 1) : COMPARED) {
      it(`computes the same layers, losses, gradients and running statistics (${recipe})`, () =>
        checkBeside(backend, recipe)).timeout(COMPARISON_TIMEOUT_MS);
    }

    it('sees the same batches, latents and masks bit for bit', async () => {
      const { state, inspected } = await reference('notebook');
      const actual = await inspectSecondStep(backend, tinyInput('notebook'), state);
      const inputs = ['labelled/input', 'unlabelled/input', 'generated/input'];
      const only = (from: Inspected): Inspected => new Map(inputs.map((name) => [name, from.get(name)!]));
      expectIdentical(only(actual), only(inspected));
      const dropped = (from: Inspected, name: string): boolean[] =>
        Array.from(from.get(name)!.values, (value) => value === 0);
      for (const pass of ['labelled', 'unlabelled', 'fake']) {
        const name = `${pass}/dropout1`;
        expect(dropped(actual, name), name).to.deep.equal(dropped(inspected, name));
      }
    });

    it('evaluates and generates the same', async () => {
      const input = tinyInput('notebook');
      const { state } = await reference('notebook');
      const images = Float32Array.from({ length: 5 * 784 }, (_, i) => hashed(i, 5));
      const latents = Float32Array.from({ length: 5 * 100 }, (_, i) => hashed(i, 6));
      const outputs: Inspected[] = [];
      for (const name of ['cpu', backend] as const) {
        const engine = await createTfjsEngine(name, input);
        try {
          await engine.importState({ step: 1, tensors: state });
          const logits = await engine.classify(images, 5);
          const made = await engine.generate(latents, 5);
          outputs.push(
            new Map([
              ['logits', { shape: [5, 11], values: logits }],
              ['images', { shape: [5, 28, 28, 1], values: made }],
            ]),
          );
        } finally {
          engine.dispose();
        }
      }
      expectClose(outputs[1]!, outputs[0]!, () => 1e-4);
    });
  },
  OTHERS,
);

describe('the comparison between backends', () => {
  it('finds a defect as small as one flipped sign in one gradient', async () => {
    const { inspected } = await reference('notebook');
    const isNoise = exactZerosOf(tinyInput('notebook').recipe);
    const name = 'gradient/discriminator/conv1/bias';
    const { shape, values } = inspected.get(name)!;
    const flipped = values.slice();
    flipped[0] = -flipped[0]!;
    const defective = new Map(inspected).set(name, { shape, values: flipped });
    expect(() => expectClose(defective, inspected, tolerance, isNoise)).to.throw(name);
    expect(() => expectClose(new Map(), inspected, tolerance, isNoise)).to.throw('missing');
    expect(() => expectClose(inspected, new Map(), tolerance, isNoise)).to.throw('nothing');
  });
});

describe('what a step sees', () => {
  it('is what the streams draw', async () => {
    const input = tinyInput('notebook', { seed: 12345 });
    const inspected = await inspectSecondStep('cpu', input);
    const streams = new RandomStreams(12345);
    const { recipe, split, dataset } = input;
    const draws = drawPhase(streams, inStage(recipe, 0), split, 0, 0);
    const { latents } = draws.get('latents')!;
    const { indices } = draws.get('labelled')!;
    expect(Array.from(inspected.get('generated/input')!.values)).to.deep.equal(Array.from(latents!));
    indices!.forEach((index, row) => {
      const bytes = dataset.train.images.subarray(index * 784, (index + 1) * 784);
      const expectedRow = Float32Array.from(bytes, (byte) => byte / 127.5 - 1);
      const row784 = inspected.get('labelled/input')!.values.subarray(row * 784, (row + 1) * 784);
      expect(Array.from(row784)).to.deep.equal(Array.from(expectedRow));
    });
    // The second dropout layer of the pass over generated images.
    const pass = recipe.stages[0]!.phases[0]!.passes.find(({ name }) => name === 'fake')!;
    const before = inspected.get('fake/leaky3')!.values;
    const after = inspected.get('fake/dropout3')!.values;
    const mask = new Float32Array(before.length);
    streams.dropoutMask(dropoutStream(0, pass, 9), 0, mask.length, 0.5, mask);
    expect(Array.from(after)).to.deep.equal(Array.from(before, (value, i) => Math.fround(value * mask[i]!)));
  });
});
