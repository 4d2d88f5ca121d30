/** The backends against each other: the same draws bit for bit, the same computation within float32. */

import { expect } from '@open-wc/testing';
import { inStage } from '../../src/recipe/recipe.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import { dropoutStream, drawPhase } from '../../src/worker/model/draws.js';
import type { EngineInput } from '../../src/worker/engine/engine.js';
import { createTfjsEngine, TFJS_BACKENDS, type TfjsBackend } from '../../src/worker/engine/tfjs/index.js';
import type { NamedTensor } from '../../src/worker/model/parameters.js';
import { RandomStreams } from '../../src/worker/random/streams.js';
import { forEachBackend } from './support/backends.js';
import { exactZerosOf } from '../support/exact-zeros.js';
import { expectClose, expectIdentical } from './support/compare.js';
import { hashed, tinyInput } from './support/tiny.js';

type Inspected = ReadonlyMap<string, NamedTensor>;

/** The project's limits: values 1e-4, gradients 1e-3. */
const tolerance = (name: string): number => (name.startsWith('gradient/') ? 1e-3 : 1e-4);

/** What the second step computes: the first has running statistics and moments at their start. */
async function inspectSecondStep(
  backend: TfjsBackend,
  input: EngineInput,
  state?: Inspected,
): Promise<Inspected> {
  const engine = await createTfjsEngine(backend, input);
  try {
    if (state !== undefined) await engine.importState({ step: 1, tensors: state });
    return await engine.inspectStep();
  } finally {
    engine.dispose();
  }
}

async function stateAfterOneStep(input: EngineInput): Promise<Inspected> {
  const engine = await createTfjsEngine('cpu', input);
  try {
    await engine.advance(1);
    return (await engine.exportState()).tensors;
  } finally {
    engine.dispose();
  }
}

const expected = new Map<RecipeName, Promise<{ readonly state: Inspected; readonly inspected: Inspected }>>();

/** The cpu backend's second step, computed once a recipe. */
function reference(
  recipe: RecipeName,
): Promise<{ readonly state: Inspected; readonly inspected: Inspected }> {
  const make = async (): Promise<{ readonly state: Inspected; readonly inspected: Inspected }> => {
    const input = tinyInput(recipe);
    const state = await stateAfterOneStep(input);
    return { state, inspected: await inspectSecondStep('cpu', input, state) };
  };
  let found = expected.get(recipe);
  if (found === undefined) {
    found = make();
    expected.set(recipe, found);
  }
  return found;
}

const OTHERS = TFJS_BACKENDS.filter((name) => name !== 'cpu');

forEachBackend(
  'a backend beside cpu',
  (backend) => {
    for (const recipe of [
      'notebook',
      'notebook-as-run',
      'notebook-feature-matching',
      'labels-only',
      'notebook-repaired',
    ] as const) {
      it(`computes the same layers, losses, gradients and running statistics (${recipe})`, async () => {
        const { state, inspected } = await reference(recipe);
        const actual = await inspectSecondStep(backend, tinyInput(recipe), state);
        expect([...actual.keys()].sort()).to.deep.equal([...inspected.keys()].sort());
        expectClose(actual, inspected, tolerance, exactZerosOf(tinyInput(recipe).recipe));
      });
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
