/** Who finds nearest neighbours and spreads labels here, whatever engine a run has: the wasm kernels, or plain TypeScript. */

import { TrainerError } from '../../protocol/errors.js';
import { PLAIN_KERNELS, type SpreadKernels } from '../spread/kernels.js';
import { hasWasmSimd } from './device/platform.js';

/** Rows from which threads pay what it takes to start them. */
const LEAST_ROWS = 4096;

/** @param threads As in the settings: 0 for as many as there are cores to spare. */
export function spreadKernels(threads: number): SpreadKernels {
  if (!hasWasmSimd()) return PLAIN_KERNELS;
  return {
    findNeighbours: async (rows, nearest, slices) => {
      const { wasmNeighbours } = await import('./wasm/index.js');
      return wasmNeighbours(rows.count < LEAST_ROWS ? 1 : threads)(rows, nearest, slices);
    },
    startIterations: async (graph) => {
      if (graph.count < LEAST_ROWS) return PLAIN_KERNELS.startIterations(graph);
      const { wasmIterations } = await import('./wasm/index.js');
      // Where no more memory or no kernels are to be had, the plain ones have the same bits.
      return wasmIterations(threads)(graph).catch((error: unknown) => {
        if (error instanceof TrainerError) return PLAIN_KERNELS.startIterations(graph);
        throw error;
      });
    },
  };
}
