/** The rate of the wasm engine's inner loop by itself: what a whole step is held against. */

import type { Simd } from '../engine/wasm/features.js';
import type { Rate } from '../../protocol/benchmark/report.js';
import { compileBinary, instantiate } from '../engine/wasm/kernels.js';
import { median } from '../../protocol/benchmark/statistics.js';

/** A sample takes about a millisecond, so that some pass undisturbed on a machine that does other things too. */
const CALLS = 1000;
/** Calls of one turn, for each tile. */
const TURN_CALLS = 20 * CALLS;
const TILES = [8, 16] as const;
/** Of a call: 6 x 16 outputs of a depth of 256. */
const CALL_MULTIPLY_ADDS = 6 * 16 * 256;

export interface MicroKernel {
  /** Takes a turn, as the engines do. */
  readonly run: () => void;
  /** Of all turns so far. */
  readonly rate: () => Rate;
}

/** A clock that sees no time pass over so many calls never will; they took this long at least. */
const MOST_CALLS = 1000 * CALLS;
const LEAST_MS = 1e-3;

/** Times calls until the clock has moved: some are so coarse that they see no sample pass. */
export function timeCalls(
  call: () => void,
  now: () => number,
): { readonly calls: number; readonly ms: number } {
  const startedAt = now();
  let [calls, ms] = [0, 0];
  do {
    for (let index = 0; index < CALLS; index++) call();
    calls += CALLS;
    ms = now() - startedAt;
  } while (ms <= 0 && calls < MOST_CALLS);
  return { calls, ms: Math.max(ms, LEAST_MS) };
}

/** The faster of the micro-kernel's tiles, on operands that fit the first-level cache, one thread. */
export async function loadMicroKernel(simd: Simd): Promise<MicroKernel> {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const { repeatTiles } = await instantiate(await compileBinary(simd, false), memory);
  const tiles = TILES.map((columns) => ({ columns, times: [] as number[] }));
  const run = (): void => {
    for (const { columns, times } of tiles) {
      for (let made = 0; made < TURN_CALLS;) {
        const sample = timeCalls(
          () => repeatTiles(columns, 1, 0),
          () => performance.now(),
        );
        made += sample.calls;
        times.push(sample.ms / sample.calls);
      }
    }
  };
  const rateOf = (ms: number): number => (2 * CALL_MULTIPLY_ADDS) / (ms * 1e6);
  const rate = (): Rate => {
    const rates = tiles.map(({ times }) => ({
      median: rateOf(median(times)),
      max: rateOf(Math.min(...times)),
    }));
    return rates.reduce((one, other) => (other.median > one.median ? other : one));
  };
  // What is compiled better after a while.
  run();
  for (const { times } of tiles) times.length = 0;
  return { run, rate };
}
