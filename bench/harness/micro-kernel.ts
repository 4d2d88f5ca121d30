/** The rate of the wasm engine's inner loop by itself: what a whole step is held against. */

import type { Simd } from '../../src/worker/engine/wasm/features.js';
import { compileBinary, instantiate } from '../../src/worker/engine/wasm/kernels.js';

const DEPTH = 512;
const CALLS = 20_000;
const ROUNDS = 6;
/** Row width of the block of results, and bytes of the operands' beginning. */
const [ROWS, COLUMNS, FIRST_BYTE] = [6, 8, 1024];

/** GFLOP/s of `packed6x8` (plain: unrolled by four) on operands that fit the first-level cache, one thread. */
export async function microKernelRate(simd: Simd): Promise<number> {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const kernels = await instantiate(await compileBinary(simd, false), memory);
  const kernel = simd === 'relaxed' ? kernels.packed6x8 : kernels.packed6x8By4;
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    for (let call = 0; call < CALLS; call++) {
      kernel(FIRST_BYTE, FIRST_BYTE + DEPTH * ROWS * 4, DEPTH, 512, 0, 0, COLUMNS * 4);
    }
    best = Math.min(best, performance.now() - startedAt);
  }
  return (2 * ROWS * COLUMNS * DEPTH * CALLS) / (best * 1e6);
}
