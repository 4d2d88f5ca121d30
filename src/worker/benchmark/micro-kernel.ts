/** The rate of the wasm engine's inner loop by itself: what a whole step is held against. */

import type { Simd } from '../engine/wasm/features.js';
import type { Rate } from '../../protocol/benchmark/report.js';
import { compileBinary, instantiate } from '../engine/wasm/kernels.js';
import { median } from '../../protocol/benchmark/statistics.js';

const DEPTH = 512;
/** A sample takes about a millisecond, so that some pass undisturbed on a machine that does other things too. */
const CALLS = 1000;
/** Calls of one turn. */
const TURN_CALLS = 20 * CALLS;
const ROWS = 6;
const COLUMNS = 8;
const FLOAT_BYTES = 4;
/** Byte addresses: results, zeros, tables of the rows of both, the packed operands. */
const RESULT = 0;
const ZEROS = 512;
const OUTS = 640;
const STARTS = 704;
const A = 1024;
const B = A + DEPTH * ROWS * FLOAT_BYTES;

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

/** `packed6x8` (plain: unrolled by four) on operands that fit the first-level cache, one thread. */
export async function loadMicroKernel(simd: Simd): Promise<MicroKernel> {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const kernels = await instantiate(await compileBinary(simd, false), memory);
  const kernel = simd === 'relaxed' ? kernels.packed6x8 : kernels.packed6x8By4;
  const words = new Uint32Array(memory.buffer);
  for (let row = 0; row < ROWS; row++) {
    words[OUTS / 4 + row] = RESULT + row * COLUMNS * FLOAT_BYTES;
    words[STARTS / 4 + row] = ZEROS;
  }
  const times: number[] = [];
  const run = (): void => {
    const call = (): void => kernel(A, B, DEPTH, STARTS, 0, OUTS, 0);
    for (let made = 0; made < TURN_CALLS;) {
      const sample = timeCalls(call, () => performance.now());
      made += sample.calls;
      times.push(sample.ms / sample.calls);
    }
  };
  const rateOf = (ms: number): number => (2 * ROWS * COLUMNS * DEPTH) / (ms * 1e6);
  const rate = (): Rate => ({ median: rateOf(median(times)), max: rateOf(Math.min(...times)) });
  // What is compiled better after a while.
  run();
  times.length = 0;
  return { run, rate };
}
