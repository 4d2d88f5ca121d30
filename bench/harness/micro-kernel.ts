/** The rate of the wasm engine's inner loop by itself: what a whole step is held against. */

import type { Simd } from '../../src/worker/engine/wasm/features.js';
import { compileBinary, instantiate } from '../../src/worker/engine/wasm/kernels.js';

const DEPTH = 512;
/** A round is a millisecond, so that some pass undisturbed on a machine that does other things too. */
const CALLS = 1000;
const ROUNDS = 200;
const ROWS = 6;
const COLUMNS = 8;
const FLOAT_BYTES = 4;
/** Byte addresses: results, what the sums start from, the packed operands. */
const RESULT = 0;
const START = 512;
const A = 1024;
const B = A + DEPTH * ROWS * FLOAT_BYTES;

/** GFLOP/s of `packed6x8` (plain: unrolled by four) on operands that fit the first-level cache, one thread. */
export async function microKernelRate(simd: Simd): Promise<number> {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const kernels = await instantiate(await compileBinary(simd, false), memory);
  const kernel = simd === 'relaxed' ? kernels.packed6x8 : kernels.packed6x8By4;
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    for (let call = 0; call < CALLS; call++) {
      kernel(A, B, DEPTH, START, 0, RESULT, COLUMNS * FLOAT_BYTES);
    }
    best = Math.min(best, performance.now() - startedAt);
  }
  return (2 * ROWS * COLUMNS * DEPTH * CALLS) / (best * 1e6);
}
