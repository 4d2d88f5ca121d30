/** What is remembered of an adapter, on storage that works, fails, or never answers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createTileStore,
  indexedTiles,
  type LastingTiles,
  type TileNames,
} from '../../src/worker/engine/webgpu/tuning/tuner-store.js';

const NAMES: TileNames = { forward: 'shared', filter: 'shared', narrow: 'register' };
const never = (): Promise<never> => new Promise(() => undefined);

test('what one worker writes, the next one reads', async () => {
  const kept = new Map<string, TileNames>();
  const lasting: LastingTiles = {
    get: async (key) => kept.get(key),
    put: async (key, names) => void kept.set(key, names),
  };
  await createTileStore(lasting, never).write('adapter', NAMES);
  const next = createTileStore(lasting, never);
  assert.deepEqual(await next.read('adapter'), NAMES);
  assert.equal(await next.read('another adapter'), undefined);
  kept.clear();
  // Within a worker the storage is asked once.
  assert.deepEqual(await next.read('adapter'), NAMES);
});

const broken: Readonly<
  Record<string, { readonly lasting: LastingTiles; readonly wait: () => Promise<void> }>
> = {
  'rejects every access': {
    lasting: {
      get: () => Promise.reject(new Error('blocked')),
      put: () => Promise.reject(new Error('blocked')),
    },
    wait: never,
  },
  'throws at once': {
    lasting: {
      get: () => {
        throw new ReferenceError('no indexedDB');
      },
      put: () => {
        throw new ReferenceError('no indexedDB');
      },
    },
    wait: never,
  },
  'never answers': { lasting: { get: never, put: never }, wait: () => Promise.resolve() },
  // Node has no IndexedDB.
  'does not exist': { lasting: indexedTiles, wait: never },
};
for (const [name, { lasting, wait }] of Object.entries(broken)) {
  test(`storage that ${name} keeps things for the worker's life`, async () => {
    const store = createTileStore(lasting, wait);
    assert.equal(await store.read('adapter'), undefined);
    await store.write('adapter', NAMES);
    assert.deepEqual(await store.read('adapter'), NAMES);
  });
}
