/** Choosing tiles on a device, with a choice in every role, and by the words of adapters that have none. */

import { expect } from '@open-wc/testing';
import { tileName } from '../../../src/worker/engine/webgpu/tuning/tiles.js';
import { expectIdentical } from '../../worker/support/compare.js';
import { GPU_TILES } from '../../worker/support/tiles.js';
import { CANDIDATES, forced, start, storeOf } from '../../worker/support/tuned-start.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('the tiles of an adapter', () => {
  it('are measured once, remembered and recorded, and leave nothing behind but speed', async () => {
    const plain = await start(false);
    expect(plain.counts.dispatches).to.equal(0);
    const store = storeOf();
    const tuned = await start(forced(store));
    expect(tuned.counts.dispatches).to.be.above(0);
    for (const [role, candidates] of Object.entries(CANDIDATES)) {
      expect(candidates.map(tileName)).to.include(tuned.tiles![role]);
    }
    expect([...store.kept.values()]).to.deep.equal([tuned.tiles]);
    expect(tuned.liveBuffers).to.equal(plain.liveBuffers);
    // A software adapter adds up its norms in another order than GPUs.
    const untuned = await start(false, { tiles: GPU_TILES });
    expectIdentical(tuned.state.tensors, untuned.state.tensors);

    const again = await start(forced(store));
    expect(again.tiles).to.deep.equal(tuned.tiles);
    expect(again.counts).to.deep.equal(plain.counts);
  });

  it('of an adapter without words are remembered by its limits, its features and its measured peak', async () => {
    for (const info of [{ vendor: '', architecture: '', device: '', description: '' }, undefined]) {
      const store = storeOf();
      const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter> => {
        const adapter = (await navigator.gpu.requestAdapter(options))!;
        return Object.defineProperty(adapter, 'info', { value: info });
      };
      // What is remembered is looked at, not which tile is the fastest.
      const { liveBuffers } = await start(
        { ...forced(store), budgetMs: 1 },
        { gpu: { requestAdapter } as GPU },
      );
      const [key] = [...store.kept.keys()];
      const [adapter, hash] = JSON.parse(key!) as [string, string];
      const [identity, peak] = JSON.parse(adapter) as [string, number];
      const { limits, features } = JSON.parse(identity) as Record<string, readonly unknown[]>;
      expect(Object.fromEntries(limits as [string, number][])['maxBufferSize']).to.be.above(0);
      expect(features).to.include('timestamp-query');
      expect(peak).to.be.within(10, 30);
      expect(hash).to.match(/^[0-9a-f]{64}$/);
      expect(liveBuffers).to.equal((await start(false)).liveBuffers);
    }
  });
});
