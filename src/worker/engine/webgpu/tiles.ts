/**
 * The tiles that an adapter may choose from. They differ in speed alone: every one of them adds up
 * the same terms in the same order.
 */

import type { Tiles } from './kernels/linear.js';
import type { Tile } from './kernels/product.js';

/** Four rows by four columns a thread, operands from memory: what pays without real shared memory. */
export const REGISTER_TILE: Tile = { kind: 'register', threads: [4, 16], rows: 4, columnGroups: 1 };
/** 32 x 32 outputs a block of 64 threads: enough blocks for a GPU from the notebook's small maps. */
export const SHARED_TILE: Tile = { kind: 'shared', threads: [8, 8], rows: 4, columnGroups: 1 };

/** What an adapter uses until a measurement says better. */
export function defaultTiles(isSoftware: boolean): Tiles {
  const tile = isSoftware ? REGISTER_TILE : SHARED_TILE;
  return { forward: tile, filter: tile, narrow: REGISTER_TILE };
}
