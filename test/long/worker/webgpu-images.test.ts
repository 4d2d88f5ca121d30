/** The picture that the webgpu engine makes of images in one channel; `test/worker/webgpu-images.test.ts` has three. */

import { checkPictures } from '../../worker/support/picture-checks.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('images tiled on the GPU', () => {
  it('are what the same engine generates, in 1 channels, whole rows or not', () => checkPictures(1));
});
