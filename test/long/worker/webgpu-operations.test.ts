/** Every operation of every recipe at full width, with every tile that may be chosen, against the plan's interpreter. */

import { RECIPE_NAMES } from '../../../src/recipe/recipes.js';
import { checkOneByOne } from '../../worker/support/one-by-one-checks.js';
import { EVERY_CHOICE, nameOf } from '../../worker/support/tiles.js';
import { tinyInput } from '../../worker/support/tiny.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('an operation of a recipe on the webgpu engine, full width', () => {
  for (const recipe of RECIPE_NAMES) {
    for (const tiles of EVERY_CHOICE) {
      it(`computes what it means: ${recipe}, tiles ${nameOf(tiles)}`, () =>
        checkOneByOne(tinyInput(recipe, { batch: 10 }, 1), tiles, 2));
    }
  }
});
