/** What spreading takes most of its time for; who computes it is `engine/spread-kernels.ts`. */

import type { FindNeighbours } from './neighbours.js';
import { plainNeighbours } from './plain-neighbours.js';
import { plainIterations } from './plain-iterations.js';
import type { StartIterations } from './iterations.js';

export interface SpreadKernels {
  readonly findNeighbours: FindNeighbours;
  readonly startIterations: StartIterations;
}

/** In plain TypeScript: for small graphs and platforms without SIMD, and to check others against. */
export const PLAIN_KERNELS: SpreadKernels = {
  findNeighbours: plainNeighbours,
  startIterations: plainIterations,
};
