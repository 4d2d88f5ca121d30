/**
 * Remembers what was measured on this machine: for the worker's life, and in IndexedDB beyond it. A browser that
 * keeps nothing (private windows, blocked storage, Node) costs a measurement a worker, never a run.
 */

import { openDB, type IDBPDatabase } from 'idb';

export interface Store<T> {
  /** What was written under the key, undefined where nothing was. Never rejects. */
  read(key: string): Promise<T | undefined>;
  /** Resolves once it is kept, or once it is sure that it cannot be. Never rejects. */
  write(key: string, value: T): Promise<void>;
}

/** Where a store keeps things beyond the worker's life; both may reject, or never settle. */
export interface Lasting<T> {
  readonly get: (key: string) => Promise<T | undefined>;
  readonly put: (key: string, value: T) => Promise<void>;
}

/** A database of one object store, opened for each access alone: nothing stays open for a value a session. */
export function indexed<T>(name: string, store: string): Lasting<T> {
  const withDatabase = async <R>(work: (database: IDBPDatabase) => Promise<R>): Promise<R> => {
    const database = await openDB(name, 1, { upgrade: (made) => void made.createObjectStore(store) });
    try {
      return await work(database);
    } finally {
      database.close();
    }
  };
  return {
    get: (key) => withDatabase((database) => database.get(store, key) as Promise<T | undefined>),
    put: (key, value) => withDatabase(async (database) => void (await database.put(store, value, key))),
  };
}

/** How long a run waits for a database that does not answer. */
const PATIENCE_MS = 500;

function afterDelay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A store over `lasting`. `wait` resolves after so many milliseconds. */
export function createStore<T>(
  lasting: Lasting<T>,
  wait: (ms: number) => Promise<void> = afterDelay,
): Store<T> {
  const known = new Map<string, T>();
  /** What `work` gives, undefined where it fails or takes too long. */
  const orNothing = <R>(work: () => Promise<R>): Promise<R | undefined> =>
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
    write: async (key, value) => {
      known.set(key, value);
      await orNothing(() => lasting.put(key, value));
    },
  };
}
