/**
 * The tiles that an adapter may choose from. They differ in speed alone: every one of them adds up
 * the same terms in the same order.
 */

import type { Tiles } from './kernels/linear.js';
import type { Tile } from './kernels/product.js';

/** Four rows by four columns a thread, operands from memory: for products of few channels. */
export const REGISTER_TILE: Tile = { kind: 'register', threads: [4, 16], rows: 4, columnGroups: 1, terms: 4 };
/**
 * Eight rows by eight columns a thread, one term at a time: on a software adapter a load costs as much
 * as four multiply-adds, and text that is not unrolled compiles in half the time.
 */
export const SOFTWARE_TILE: Tile = { kind: 'register', threads: [4, 4], rows: 8, columnGroups: 2, terms: 1 };
/** 32 x 32 outputs a block of 64 threads: enough blocks for a GPU from the notebook's small maps. */
export const SHARED_TILE: Tile = { kind: 'shared', threads: [8, 8], rows: 4, columnGroups: 1, terms: 4 };

/** What an adapter uses until a measurement says better. */
export function defaultTiles(isSoftware: boolean): Tiles {
  if (isSoftware) return { forward: SOFTWARE_TILE, filter: SOFTWARE_TILE, narrow: SOFTWARE_TILE };
  return { forward: SHARED_TILE, filter: SHARED_TILE, narrow: REGISTER_TILE };
}
