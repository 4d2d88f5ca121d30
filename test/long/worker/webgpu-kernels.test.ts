/** The kernels of the webgpu engine with every tile, on the shapes of `test/worker/webgpu-kernels.test.ts`. */

import { checkKernels, KERNEL_CASES } from '../../worker/support/kernel-checks.js';
import { EVERY_CHOICE } from '../../worker/support/tiles.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('a kernel of the webgpu engine', () => {
  for (const [title, layerCase] of Object.entries(KERNEL_CASES)) {
    it(`does what tfjs does for ${title}, with every tile`, () => checkKernels(layerCase, EVERY_CHOICE));
  }
});
