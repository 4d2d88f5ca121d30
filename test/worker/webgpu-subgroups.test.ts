/** Sums by subgroups of threads, which a setting asks the webgpu engine for; test/long has whole steps and other recipes. */

import { FEW_SHAPES, fewInput, fewState } from '../support/few-recipe.js';
import { checkOneByOne } from './support/one-by-one-checks.js';
import { SOFTWARE_TILES } from './support/tiles.js';
import { describeFeature } from './support/webgpu.js';

describeFeature('subgroups', 'an operation of the webgpu engine that adds up by subgroups', () => {
  it('computes what it means, of a recipe with group norm and contrastive terms', async () => {
    const input = fewInput(FEW_SHAPES[1]);
    const { step, tensors } = fewState(input, 0);
    await checkOneByOne(input, SOFTWARE_TILES, step + 1, tensors, { reduction: 'subgroups' });
  });
});
