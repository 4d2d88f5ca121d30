/**
 * Learning from few labels beside PyTorch and SciPy: data, draws and states bit for bit, views, and every engine that
 * runs here.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { Recipe } from '../../src/recipe/recipe.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { NORMALISED_BYTES } from '../../src/worker/data/normalise.js';
import { applyView, VIEW_WORDS } from '../../src/worker/model/views.js';
import { RandomStreams, streamNumber } from '../../src/worker/random/streams.js';
import { expectWithin, isWithin } from '../reference/compare.js';
import { compareWithFewReference, fewReferenceInput } from '../reference/few/check-engine.js';
import { parseFewReference, stageCases } from '../reference/few/load.js';
import { FEW_VIEWS, fewState } from '../support/few-recipe.js';
import { relativeError } from '../worker/support/compare.js';

const index = await readFile('test/reference/few/data/index.json', 'utf8');
const bytes = Uint8Array.from(await readFile('test/reference/few/data/tensors.bin'));
const reference = parseFewReference(index, bytes.buffer);

function digestOf(values: NodeJS.ArrayBufferView): string {
  return createHash('sha256').update(values).digest('hex');
}

describe('what the reference of few labels begins with', () => {
  it('is made here with the same bits: data sets and states', () => {
    const found: Record<string, string> = {};
    for (const name of stageCases(reference)) {
      const { data, stage } = reference.cases.get(name)!;
      const input = fewReferenceInput(reference, name);
      for (const set of ['train', 'test'] as const) {
        found[`data ${data}/${set}`] = digestOf(input.dataset[set].images);
      }
      for (const [tensor, { values }] of fewState(input, stage).tensors) {
        found[`${name}/${tensor}`] = digestOf(values);
      }
    }
    assert.deepEqual(found, Object.fromEntries(reference.digests));
  });
});

describe('views beside SciPy', () => {
  for (const [name, { data, tensors }] of reference.cases) {
    for (const [key, { shape, values }] of tensors) {
      if (!key.startsWith('view/')) continue;
      it(`show what SciPy samples: ${key.slice('view/'.length)}, ${name}`, () => {
        const view = FEW_VIEWS[key.slice('view/'.length) as keyof typeof FEW_VIEWS];
        const { train, imageShape } = fewReferenceInput(reference, `data ${data}, stage 0`).dataset;
        const rows = shape[0]!;
        const stream = streamNumber('view', 200, 0);
        const words = new RandomStreams(reference.seed).words(stream, 0, rows * VIEW_WORDS);
        const size = values.length / rows;
        const images = Float32Array.from(
          train.images.subarray(0, rows * size),
          (byte) => NORMALISED_BYTES[byte]!,
        );
        const shown = new Float32Array(values.length);
        for (let row = 0; row < rows; row++) {
          const [from, to] = [row * size, (row + 1) * size];
          const own = words.subarray(row * VIEW_WORDS, (row + 1) * VIEW_WORDS);
          applyView(view, own, images.subarray(from, to), imageShape, shown.subarray(from, to));
        }
        if (view === FEW_VIEWS.nothing) assert.deepEqual(shown, images);
        assert.ok(relativeError(shown, values) < 1e-6, String(relativeError(shown, values)));
      });
    }
  }
});

/** A copy of a recipe with another value at a path of keys and indices. */
function withValue(recipe: Recipe, path: string, value: unknown): Recipe {
  const copy = structuredClone(recipe);
  const keys = path.split('.');
  const last = keys.pop()!;
  const owner = keys.reduce(
    (part, key) => part[key] as Record<string, unknown>,
    copy as unknown as Record<string, unknown>,
  );
  assert.ok(last in owner, path);
  owner[last] = value;
  return copy;
}

/** What is spoilt, in which case: a path and its value; and a comparison that must fail. */
const DEFECTS: readonly (readonly [string, string, readonly [string, unknown], string])[] = [
  [
    'another temperature',
    'data 0, stage 0',
    ['stages.0.phases.0.terms.0.temperature', 0.21],
    'contrastiveTerm',
  ],
  [
    'a view that ends at the background instead of the edge',
    'data 1, stage 0',
    ['stages.0.phases.0.groups.1.view.outside', 'background'],
    'second/input',
  ],
  ['more noise', 'data 0, stage 1', ['networks.0.network.layers.0.deviation', 0.11], 'labelled/logits'],
  [
    'another epsilon of a group norm',
    'data 0, stage 1',
    ['networks.0.network.layers.2.epsilon', 1e-3],
    'evaluation/logits',
  ],
  ['other groups of a norm', 'data 0, stage 0', ['networks.0.network.layers.5.groups', 2], 'first/features'],
  [
    'stored targets that are left aside',
    'data 0, stage 1',
    ['stages.1.phases.0.terms.1.usesStore', false],
    'pseudoLabels',
  ],
  [
    'a teacher of current parameters',
    'data 0, stage 2',
    ['stages.2.phases.0.passes.2.parameters', 'current'],
    'teacher/logits',
  ],
  [
    'hard labels for soft ones',
    'data 0, stage 3',
    ['stages.3.phases.0.terms.1.teacher.isSoft', false],
    'pseudoLabels',
  ],
  [
    'a term of real images for one of fakes',
    'data 0, stage 3',
    ['stages.3.phases.0.terms.3.target', 0],
    'realTerm',
  ],
  [
    'squared differences of features',
    'data 1, stage 3',
    ['stages.3.phases.1.terms.0.distance', 'squared'],
    'featureMatching',
  ],
  [
    'a stage that begins anew instead of going on',
    'data 0, stage 2',
    ['stages.2.optimisers', 'fresh'],
    'after1/average/discriminator/dense/kernel',
  ],
  [
    'another decay of the average',
    'data 0, stage 2',
    ['networks.0.average.decay', 0.8],
    'after1/average/discriminator/dense/kernel',
  ],
  [
    'the usual optimiser where the stage has its own',
    'data 0, stage 0',
    ['stages.0.optimiserOf', {}],
    'after1/discriminator/dense/kernel',
  ],
  [
    'an update that leaves the projection out',
    'data 0, stage 0',
    ['stages.0.phases.0.updates.0.networks', ['discriminator']],
    'after1/projection/embedding/kernel',
  ],
];

describe('the check against PyTorch', () => {
  for (const [what, name, [path, value], found] of DEFECTS) {
    it(`sees ${what}`, async () => {
      const comparisons = await compareWithFewReference(reference, name, (input) => {
        const recipe = withValue(input.recipe, path, value);
        return createTfjsEngine('cpu', { ...input, recipe });
      });
      const failed = comparisons.filter((comparison) => !isWithin(comparison)).map((each) => each.name);
      assert.ok(failed.includes(found), `${found} is not among ${failed.join(', ')}`);
    });
  }
});

describe('engines beside PyTorch', () => {
  for (const name of stageCases(reference)) {
    it(`tfjs-cpu computes what PyTorch does: ${name}`, async () => {
      expectWithin(await compareWithFewReference(reference, name, (input) => createTfjsEngine('cpu', input)));
    });

    it(`the interpreter computes what PyTorch does: ${name}`, async () => {
      expectWithin(
        await compareWithFewReference(reference, name, (input) =>
          createInterpreter(input, { precision: 'float64' }),
        ),
      );
    });
  }
});
