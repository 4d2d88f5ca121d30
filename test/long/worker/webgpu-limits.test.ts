/** What `test/worker/webgpu-limits.test.ts` holds of one shape and one choice of tiles, of others. */

import { checkBuffers, checkFolded } from '../../worker/support/limit-checks.js';
import { SOFTWARE_TILES } from '../../worker/support/tiles.js';
import { tinyInput } from '../../worker/support/tiny.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('the buffers that a run needs', () => {
  it('are those that are made, byte for byte: 28 x 28 x 1', () => checkBuffers(tinyInput('notebook')));
});

describeWebGpu('workgroups beyond a dimension', () => {
  it('make the same step, bit for bit, with small tiles', () => checkFolded(SOFTWARE_TILES));
});
