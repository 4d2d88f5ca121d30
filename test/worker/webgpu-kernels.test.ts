/**
 * The kernels of the webgpu engine against the tfjs operations that they replace and against the plan's
 * interpreter, on shapes that no recipe has: widths that fill no tile, single images, padding on one side,
 * strides wider than the kernel; each with two choices of tiles. test/long/worker/webgpu-kernels.test.ts has them with
 * every tile, test/long/worker/webgpu-operations-small.test.ts the recipes' own shapes.
 */

import { checkKernels, KERNEL_CASES } from './support/kernel-checks.js';
import { someChoices } from './support/tiles.js';
import { describeWebGpu } from './support/webgpu.js';

describeWebGpu('a kernel of the webgpu engine', () => {
  for (const [index, [title, layerCase]] of Object.entries(KERNEL_CASES).entries()) {
    it(`does what tfjs does for ${title}, in segments of ${layerCase.segments.join(', ')}`, () =>
      checkKernels(layerCase, someChoices(index)));
  }
});
