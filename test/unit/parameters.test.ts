/** Names, shapes, roles and first values of what the networks own. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NOTEBOOK_RECIPES } from '../support/notebook-recipes.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import { initialTensors, momentNames, parametersOf } from '../../src/worker/model/parameters.js';
import { sizeOf } from '../../src/recipe/layers.js';
import { RandomStreams, streamNumber } from '../../src/worker/random/streams.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import type { Recipe } from '../../src/recipe/recipe.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';

const DATA = { imageShape: [28, 28, 1], classes: 10 } as const;
const recipeOf = (recipe: RecipeName): Recipe => buildRecipe(resolveSettings({ recipe }), DATA);
const shapesOf = (name: RecipeName): Record<string, string> =>
  Object.fromEntries(
    parametersOf(recipeOf(name)).map((parameter) => [parameter.name, parameter.shape.join('x')]),
  );

describe('the parameters', () => {
  it("have the shapes of the notebook's variables", () => {
    const shapes = shapesOf('notebook');
    const expected = {
      'discriminator/conv1/kernel': '5x5x1x32',
      'discriminator/conv2/kernel': '3x3x32x64',
      'discriminator/conv3/kernel': '2x2x64x128',
      'discriminator/conv4/kernel': '2x2x128x128',
      'discriminator/logits/kernel': '512x11',
      'discriminator/logits/bias': '11',
      'discriminator/norm3/moving_variance': '128',
      'generator/deconv1/kernel': '2x2x100x100',
      'generator/deconv2/kernel': '3x3x64x100',
      'generator/deconv3/kernel': '4x4x32x64',
      'generator/deconv4/kernel': '6x6x1x32',
      'generator/norm1/gamma': '100',
    };
    for (const [name, shape] of Object.entries(expected)) assert.equal(shapes[name], shape, name);
    assert.equal(Object.keys(shapes).length, 2 * 5 + 2 * 4 + 2 * 4 + 3 * 4);
  });

  it('bear names that are theirs alone, in a fixed order', () => {
    for (const recipe of NOTEBOOK_RECIPES) {
      const names = parametersOf(recipeOf(recipe)).map(({ name }) => name);
      assert.equal(new Set(names).size, names.length);
      assert.equal(names[0], 'discriminator/conv1/kernel');
    }
  });

  it('freeze the biases before a batch norm, but for the recipe that trains them', () => {
    const frozen = (name: RecipeName): string[] =>
      parametersOf(recipeOf(name))
        .filter(({ role }) => role === 'frozen')
        .map((parameter) => parameter.name);
    assert.deepEqual(frozen('notebook'), [
      'discriminator/conv2/bias',
      'discriminator/conv3/bias',
      'generator/deconv1/bias',
      'generator/deconv2/bias',
      'generator/deconv3/bias',
    ]);
    assert.deepEqual(frozen('notebook-as-run'), []);
  });

  it('give the as-run recipe three discriminators that share their batch norms', () => {
    const parameters = parametersOf(recipeOf('notebook-as-run'));
    for (const instance of [0, 1, 2]) {
      const own = parameters.filter((each) => each.network === 'discriminator' && each.instance === instance);
      assert.equal(own.length, instance === 0 ? 2 * 5 + 2 * 4 : 2 * 5);
    }
    assert.equal(parameters.filter(({ name }) => name.endsWith('/norm2/gamma')).length, 2);
    assert.ok(parameters.some(({ name }) => name === 'discriminator_2/logits/kernel'));
    const streams = parameters.flatMap(({ initial }) => (initial.kind === 'uniform' ? [initial.stream] : []));
    assert.equal(new Set(streams).size, streams.length, 'every kernel is drawn from a stream of its own');
  });
});

describe('the values at step 0', () => {
  it("are Keras' defaults", () => {
    const tensors = initialTensors(recipeOf('notebook'), 1);
    for (const { name, part, shape } of parametersOf(recipeOf('notebook'))) {
      const { values } = tensors.get(name)!;
      assert.equal(values.length, sizeOf(shape));
      if (part === 'kernel') continue;
      const expected = part === 'gamma' || part === 'moving_variance' ? 1 : 0;
      assert.ok(
        values.every((value) => value === expected),
        name,
      );
    }
  });

  it('draw kernels uniformly between the limits of Glorot and Bengio', () => {
    const fans = {
      'discriminator/conv2/kernel': 9 * (32 + 64),
      'generator/deconv3/kernel': 16 * (32 + 64),
      'discriminator/logits/kernel': 512 + 11,
    };
    const tensors = initialTensors(recipeOf('notebook'), 4);
    for (const [name, fan] of Object.entries(fans)) {
      const limit = Math.sqrt(6 / fan);
      const { values } = tensors.get(name)!;
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.ok(largest <= limit && largest > 0.99 * limit, name);
      const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
      // Of a uniform variable, within five deviations.
      assert.ok(Math.abs(variance / (limit ** 2 / 3) - 1) < 5 * Math.sqrt(0.8 / values.length), name);
    }
  });

  it('draw a kernel from its stream, rounded once', () => {
    const { values } = initialTensors(recipeOf('notebook'), 77).get('discriminator/conv1/kernel')!;
    const uniform = new RandomStreams(77).uniform(
      streamNumber('initialise', 0, 0, 0),
      0,
      values.length,
      -1,
      1,
    );
    const limit = Math.fround(Math.sqrt(6 / (25 * 33)));
    assert.deepEqual(
      Array.from(values),
      Array.from(uniform, (value) => Math.fround(value * limit)),
    );
  });

  it('depend on the seed, and give every recipe the same first discriminator', () => {
    const kernelOf = (recipe: RecipeName, seed: number): Float32Array =>
      initialTensors(recipeOf(recipe), seed).get('discriminator/conv4/kernel')!.values;
    for (const recipe of NOTEBOOK_RECIPES) assert.deepEqual(kernelOf(recipe, 9), kernelOf('notebook', 9));
    assert.notDeepEqual(kernelOf('notebook', 10), kernelOf('notebook', 9));
  });

  it('hold two moments, both zero, for what is trained and for nothing else', () => {
    const recipe = recipeOf('notebook');
    const tensors = initialTensors(recipe, 1);
    const parameters = parametersOf(recipe);
    const trained = parameters.filter(({ role }) => role === 'trained');
    assert.equal(tensors.size, parameters.length + 2 * trained.length);
    for (const { name, shape } of trained) {
      const { m, v } = momentNames(name);
      assert.deepEqual(tensors.get(m), { shape, values: new Float32Array(sizeOf(shape)) });
      assert.deepEqual(tensors.get(v), { shape, values: new Float32Array(sizeOf(shape)) });
    }
  });
});
