/**
 * The tiles that an adapter may choose from, and their names. They differ in speed alone: every one of
 * them accumulates the same terms in the same order. `tuner.ts` chooses.
 */

import type { Tiles } from '../kernels/linear.js';
import type { Tile } from '../kernels/product.js';

/** What a tile is for: products and filter gradients of channels in fours, and the rest. */
export type TileRole = keyof Tiles;

/** Four rows by four columns a thread, operands from memory: for products of few channels. */
export const REGISTER_TILE = register(4, 16, 4);
/** One row a thread: few channels make few outputs, and a thread with several of them leaves a GPU idle. */
export const NARROW_TILE = register(4, 16, 1);
/**
 * Eight rows by eight columns a thread, one step of the reduction at a time: on a software adapter a load costs as much
 * as four multiply-adds, and text that is not unrolled compiles in half the time.
 */
export const SOFTWARE_TILE: Tile = {
  kind: 'register',
  threads: [4, 4],
  rows: 8,
  columnGroups: 2,
  terms: 1,
  sharesText: true,
};
/** 32 x 32 outputs a workgroup of 64 threads: enough workgroups for a GPU from the notebook's small maps. */
export const SHARED_TILE = shared(8, 8, 4);

function shared(across: number, down: number, rows: number): Tile {
  return { kind: 'shared', threads: [across, down], rows, columnGroups: 1, terms: 4, sharesText: false };
}

function register(across: number, down: number, rows: number): Tile {
  return { kind: 'register', threads: [across, down], rows, columnGroups: 1, terms: 4, sharesText: false };
}

/**
 * What is measured for each role, the tile of an unmeasured GPU first, then the likeliest to win, since time may run
 * out: in the order of `npm run gpu-audit`'s modelled times. Tiles of 32 x 16 to 64 x 64 outputs (rows x columns): large
 * ones read less memory; small ones make more workgroups, of which the notebook's maps give a large GPU few. All fit
 * WebGPU's default limits: 256 threads and 16 KiB of workgroup memory a workgroup.
 */
export const TILE_CANDIDATES: Readonly<Record<TileRole, readonly Tile[]>> = Object.freeze({
  forward: [
    SHARED_TILE,
    shared(8, 16, 2),
    shared(8, 16, 4),
    shared(8, 8, 2),
    shared(4, 16, 2),
    shared(16, 8, 4),
    shared(16, 16, 4),
    REGISTER_TILE,
  ],
  // Rows of a filter gradient come in fours.
  filter: [
    SHARED_TILE,
    shared(16, 8, 4),
    shared(8, 16, 4),
    shared(16, 16, 4),
    shared(4, 16, 4),
    shared(8, 8, 8),
    REGISTER_TILE,
  ],
  narrow: [NARROW_TILE, register(8, 16, 2), register(4, 16, 2), REGISTER_TILE],
});

/**
 * A tile in words: `register 4 x 16, 4 x 8 by 4` has 4 x 16 threads (across x down), each of 4 x 8 outputs (rows
 * x columns), and reads four steps of the reduction at a time.
 */
export function tileName({ kind, threads, rows, columnGroups, terms }: Tile): string {
  return `${kind} ${threads.join(' x ')}, ${rows} x ${4 * columnGroups} by ${terms}`;
}

/** The names of tiles by role, as `EngineInfo` records them. */
export function tileNames(tiles: Tiles): Readonly<Record<TileRole, string>> {
  return { forward: tileName(tiles.forward), filter: tileName(tiles.filter), narrow: tileName(tiles.narrow) };
}

/** What an adapter uses where nothing is measured. */
export function defaultTiles(isSoftware: boolean): Tiles {
  if (isSoftware) return { forward: SOFTWARE_TILE, filter: SOFTWARE_TILE, narrow: SOFTWARE_TILE };
  return { forward: SHARED_TILE, filter: SHARED_TILE, narrow: NARROW_TILE };
}
