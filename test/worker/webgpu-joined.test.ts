/** Operations of one stage as one dispatch, as GPUs get them: the bits of a dispatch for each. */

import { checkJoined, FEW_CHANNELS, IN_FOURS } from './support/joined-checks.js';
import { describeWebGpu } from './support/webgpu.js';

describeWebGpu('both gradients of a layer in one dispatch', () => {
  // test/long has tiles of different shapes, and a recipe's steps.
  it('give the same bits as in two: channels in fours', () => checkJoined(IN_FOURS));

  it('give the same bits as in two: few channels, and a bias that is summed by itself', () =>
    checkJoined(FEW_CHANNELS));
});
