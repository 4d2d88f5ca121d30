/** Who finds nearest neighbours and spreads labels here, whatever engine a run has: the wasm kernels, or plain TypeScript. */

import { PLAIN_KERNELS, type SpreadKernels } from '../spread/kernels.js';
import { hasWasmSimd } from './device/platform.js';

/** Rows from which rounds on threads pay what it takes to start those. */
const LEAST_ROWS = 4096;

/** @param threads As in the settings: 0 for as many as there are cores to spare. */
export function spreadKernels(threads: number): SpreadKernels {
  if (!hasWasmSimd()) return PLAIN_KERNELS;
  return {
    findNeighbours: async (rows, nearest, slices) => {
      const { wasmNeighbours } = await import('./wasm/index.js');
      return wasmNeighbours(threads)(rows, nearest, slices);
    },
    startRounds: async (graph) => {
      if (graph.count < LEAST_ROWS) return PLAIN_KERNELS.startRounds(graph);
      const { wasmRounds } = await import('./wasm/index.js');
      return wasmRounds(threads)(graph);
    },
  };
}
