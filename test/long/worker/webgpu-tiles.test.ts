/** The webgpu engine with other tiles over whole steps; `webgpu-tuning.test.ts` has each in its operation alone. */

import type { Engine } from '../../../src/worker/engine/engine.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import { REGISTER_TILE, SHARED_TILE, SOFTWARE_TILE } from '../../../src/worker/engine/webgpu/tuning/tiles.js';
import { expectIdentical } from '../../worker/support/compare.js';
import { tinyInput } from '../../worker/support/tiny.js';
import { describeWebGpu, withWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('the bits of three steps on the webgpu engine', () => {
  it('are the same with every tile for GPUs, and with every one for software adapters', async function () {
    this.timeout(540_000);
    const runWith = (tiles: Tiles, joins?: boolean): Promise<Awaited<ReturnType<Engine['exportState']>>> =>
      withWebGpu(
        tinyInput('notebook'),
        async (engine) => {
          await engine.advance(3);
          return engine.exportState();
        },
        { tiles, joins },
      );
    const narrow = REGISTER_TILE;
    const wide = { ...REGISTER_TILE, threads: [2, 16], rows: 8 } as const;
    for (const [of, ...others] of [
      [
        { forward: REGISTER_TILE, filter: REGISTER_TILE, narrow },
        { forward: SHARED_TILE, filter: SHARED_TILE, narrow: wide },
        { forward: wide, filter: SOFTWARE_TILE, narrow: SOFTWARE_TILE },
      ],
      [
        { forward: SOFTWARE_TILE, filter: SOFTWARE_TILE, narrow: SOFTWARE_TILE },
        { forward: { ...SOFTWARE_TILE, rows: 4 }, filter: SHARED_TILE, narrow: wide },
      ],
    ] as const) {
      const first = await runWith(of);
      for (const tiles of others) expectIdentical((await runWith(tiles)).tensors, first.tensors);
      // On GPUs operations share dispatches.
      const isForGpus = !of.forward.sharesText;
      expectIdentical((await runWith(of, !isForGpus)).tensors, first.tensors);
    }
  });
});
