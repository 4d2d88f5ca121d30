/** Choosing tiles on a device, forced on a software adapter: what starting an engine then asks, leaves and remembers. */

import { countCalls, type CallCounter } from '../../../src/worker/benchmark/count-calls.js';
import type { Engine, EngineState } from '../../../src/worker/engine/engine.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import { REGISTER_TILE, SHARED_TILE } from '../../../src/worker/engine/webgpu/tuning/tiles.js';
import type { TileNames, TileStore } from '../../../src/worker/engine/webgpu/tuning/tuner-store.js';
import type { TuningOptions } from '../../../src/worker/engine/webgpu/tuning/tuner.js';
import { tinyInput } from './tiny.js';
import { withWebGpu } from './webgpu.js';

export const CANDIDATES = {
  forward: [REGISTER_TILE, SHARED_TILE],
  filter: [SHARED_TILE, REGISTER_TILE],
  narrow: [REGISTER_TILE],
} as const;

/** A store that lives as long as the test, and what it was told. */
export function storeOf(): TileStore & { readonly kept: Map<string, TileNames> } {
  const kept = new Map<string, TileNames>();
  return {
    kept,
    read: async (key) => kept.get(key),
    write: async (key, names) => void kept.set(key, names),
  };
}

/** Tuning of a software adapter, with time for everything. */
export const forced = (store: TileStore): TuningOptions => ({
  store,
  candidates: CANDIDATES,
  budgetMs: 120_000,
  evenOnSoftware: true,
});

export interface Start {
  readonly tiles: Engine['info']['tiles'];
  /** What making the engine asked of the device, and left on it. */
  readonly counts: CallCounter['counts'];
  readonly liveBuffers: number;
  readonly state: EngineState;
}

/** Starts an engine, makes two steps. */
export function start(
  tune: TuningOptions | false | undefined,
  { gpu = navigator.gpu, tiles }: { readonly gpu?: GPU; readonly tiles?: Tiles } = {},
): Promise<Start> {
  let counter: CallCounter | null = null;
  let counts: CallCounter['counts'] | null = null;
  const input = tinyInput('labels-only');
  return withWebGpu(
    input,
    async (engine) => {
      counts = { ...counter!.counts };
      const { liveBuffers } = counter!;
      await engine.advance(2);
      return { tiles: engine.info.tiles, counts, liveBuffers, state: await engine.exportState() };
    },
    {
      gpu,
      tune,
      ...(tiles !== undefined && { tiles }),
      // With tiles for GPUs operations would share dispatches: other counts.
      joins: false,
      wrapDevice: (device) => {
        counter = countCalls(device);
        return device;
      },
    },
  );
}
