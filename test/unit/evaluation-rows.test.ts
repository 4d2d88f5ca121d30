/** How many images a pass of the webgpu engine's evaluation takes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { evaluationRowsFor } from '../../src/worker/engine/webgpu/inference/evaluation-rows.js';
import { tinyDataset } from './support/data.js';

const recipe = buildRecipe(resolveSettings({ recipe: 'notebook' }), tinyDataset());

test('a pass is long where a step is known to take little, and short before anything is known', () => {
  assert.equal(evaluationRowsFor(recipe, 2), 500);
  assert.equal(evaluationRowsFor(recipe, 700), 100);
  assert.equal(evaluationRowsFor(recipe, Infinity), 100);
});

test('a pass is short where a long one would need more than every device lets a kernel bind', () => {
  const images = { ...tinyDataset(), imageShape: [128, 128, 1] as const };
  const large = buildRecipe(resolveSettings({ recipe: 'notebook' }), images);
  assert.equal(evaluationRowsFor(large, 2), 100);
});
