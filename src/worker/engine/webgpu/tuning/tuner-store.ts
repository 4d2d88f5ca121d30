/** Remembers which tiles an adapter was measured to be fastest with. */

import { createStore, indexed, type Lasting, type Store } from '../../device/lasting-store.js';

/** Names of tiles by role. */
export type TileNames = Readonly<Record<string, string>>;

export type TileStore = Store<TileNames>;
export type LastingTiles = Lasting<TileNames>;

export const indexedTiles: LastingTiles = indexed('sgan-trainer-tiles', 'tiles');

/** A store over `lasting`. `wait` resolves after so many milliseconds. */
export function createTileStore(lasting: LastingTiles, wait?: (ms: number) => Promise<void>): TileStore {
  return createStore(lasting, wait);
}

/** The store of this worker: its runs tune once. */
export const workerTiles: TileStore = createTileStore(indexedTiles);
