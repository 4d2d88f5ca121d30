/** Batch norm on the webgpu engine against tfjs' own differentiation: the shapes of `test/worker/webgpu-norm.test.ts` with all tiles. */

import { checkNorm, nameOfNorm, NORM_CASES } from '../../worker/support/norm-checks.js';
import { GPU_TILES, nameOf, SOFTWARE_TILES } from '../../worker/support/tiles.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('batch norm on the webgpu engine', () => {
  for (const normCase of NORM_CASES) {
    for (const tiles of [SOFTWARE_TILES, GPU_TILES]) {
      it(`does what tfjs does for ${nameOfNorm(normCase)}, tiles ${nameOf(tiles)}`, () =>
        checkNorm(normCase, tiles));
    }
  }
});
