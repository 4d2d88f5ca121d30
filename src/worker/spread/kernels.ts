/** What spreading takes most of its time for; who computes it is `engine/spread-kernels.ts`. */

import type { FindNeighbours } from './neighbours.js';
import { plainNeighbours } from './plain-neighbours.js';
import { plainRounds } from './plain-rounds.js';
import type { StartRounds } from './rounds.js';

export interface SpreadKernels {
  readonly findNeighbours: FindNeighbours;
  readonly startRounds: StartRounds;
}

/** For platforms without SIMD, and to check others against. */
export const PLAIN_KERNELS: SpreadKernels = { findNeighbours: plainNeighbours, startRounds: plainRounds };
