/** Who searches for nearest neighbours here, whatever engine a run has: the wasm kernels, or plain TypeScript. */

import type { FindNeighbours } from '../spread/neighbours.js';
import { plainNeighbours } from '../spread/plain-neighbours.js';
import { hasWasmSimd } from './device/platform.js';

/** @param threads As in the settings: 0 for as many as there are cores to spare. */
export function neighbourSearch(threads: number): FindNeighbours {
  if (!hasWasmSimd()) return plainNeighbours;
  return async (rows, nearest, slices) => {
    const { wasmNeighbours } = await import('./wasm/index.js');
    return wasmNeighbours(threads)(rows, nearest, slices);
  };
}
