/** Operations of one stage as one dispatch where their tiles are of different shapes. */

import { SHARED_TILE } from '../../../src/worker/engine/webgpu/tuning/tiles.js';
import { checkJoined, IN_FOURS } from '../../worker/support/joined-checks.js';
import { GPU_TILES } from '../../worker/support/tiles.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('both gradients of a layer in one dispatch', () => {
  it('give the same bits as in two: channels in fours, tiles of different shapes', () =>
    // As many threads, but of other places.
    checkJoined({ ...IN_FOURS, tiles: { ...GPU_TILES, filter: { ...SHARED_TILE, threads: [4, 16] } } }));
});
