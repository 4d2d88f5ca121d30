/**
 * Remembers which tiles an adapter was measured to be fastest with: for the worker's life, and in IndexedDB
 * beyond it. A browser that keeps nothing (private windows, blocked storage, Node) costs a measurement a worker,
 * never a run.
 */

import { openDB, type DBSchema } from 'idb';

/** Names of tiles by role. */
export type TileNames = Readonly<Record<string, string>>;

export interface TileStore {
  /** What was written under the key, undefined where nothing was. Never rejects. */
  read(key: string): Promise<TileNames | undefined>;
  /** Resolves once it is kept, or once it is sure that it cannot be. Never rejects. */
  write(key: string, names: TileNames): Promise<void>;
}

/** Where the store keeps things beyond the worker's life; both may reject, or never settle. */
export interface LastingTiles {
  readonly get: (key: string) => Promise<TileNames | undefined>;
  readonly put: (key: string, names: TileNames) => Promise<void>;
}

interface TileDatabase extends DBSchema {
  tiles: { key: string; value: TileNames };
}

const DATABASE = 'sgan-trainer-tiles';

async function withDatabase<T>(
  work: (database: Awaited<ReturnType<typeof openDB<TileDatabase>>>) => Promise<T>,
): Promise<T> {
  const database = await openDB<TileDatabase>(DATABASE, 1, {
    upgrade: (made) => void made.createObjectStore('tiles'),
  });
  try {
    return await work(database);
  } finally {
    database.close();
  }
}

/** IndexedDB, opened for each access alone: nothing stays open for a value a session. */
export const indexedTiles: LastingTiles = {
  get: (key) => withDatabase((database) => database.get('tiles', key)),
  put: (key, names) => withDatabase(async (database) => void (await database.put('tiles', names, key))),
};

/** How long a run waits for a database that does not answer. */
const PATIENCE_MS = 500;

function afterDelay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A store over `lasting`. `wait` resolves after so many milliseconds. */
export function createTileStore(
  lasting: LastingTiles,
  wait: (ms: number) => Promise<void> = afterDelay,
): TileStore {
  const known = new Map<string, TileNames>();
  /** What `work` gives, undefined where it fails or takes too long. */
  const orNothing = <T>(work: () => Promise<T>): Promise<T | undefined> =>
    // Without IndexedDB the call itself throws.
    Promise.race([Promise.resolve().then(work), wait(PATIENCE_MS).then(() => undefined)]).catch(
      () => undefined,
    );
  return {
    read: async (key) => {
      const found = known.get(key) ?? (await orNothing(() => lasting.get(key)));
      if (found !== undefined) known.set(key, found);
      return found;
    },
    write: async (key, names) => {
      known.set(key, names);
      await orNothing(() => lasting.put(key, names));
    },
  };
}

/** The store of this worker: its runs tune once. */
export const workerTiles: TileStore = createTileStore(indexedTiles);
