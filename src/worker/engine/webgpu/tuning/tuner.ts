/**
 * Which tiles an adapter runs with: remembered from before, or measured on the plan's own heaviest operations.
 * A tile changes no bit of a run, so nothing but speed depends on what is chosen here.
 */

import type { OpenDevice } from '../../device/open-device.js';
import { adapterKey, isNamed } from '../../device/platform.js';
import type { Tiles } from '../kernels/linear.js';
import type { Tile } from '../kernels/product.js';
import { measurePeak } from './peak.js';
import { defaultTiles, TILE_CANDIDATES, tileName, tileNames, type TileRole } from './tiles.js';
import { pickFastest } from './tuner-selection.js';
import { workerTiles, type TileNames, type TileStore } from './tuner-store.js';
import { TileTrials, type TrialOptions } from './tuner-trials.js';

export interface TuningOptions {
  /** Where the choice is remembered; the worker's own store unless given. */
  readonly store?: TileStore | undefined;
  /** Instead of `TILE_CANDIDATES`. */
  readonly candidates?: Readonly<Record<TileRole, readonly Tile[]>> | undefined;
  /** For all measurements, compiling included. */
  readonly budgetMs?: number | undefined;
  /** Also where the adapter is software: for tests. */
  readonly evenOnSoftware?: boolean | undefined;
}

/** What is tuned, and for which device. */
export interface TuningSubject extends Omit<TrialOptions, 'watch' | 'now'> {
  readonly open: OpenDevice;
}

const BUDGET_MS = 1000;
const ROLES = Object.keys(TILE_CANDIDATES) as TileRole[];

/**
 * The adapter, by what it can do where it does not say what it is: adapters without words of their own share their
 * limits and features with many others.
 */
async function keyOfAdapter(
  { identity, watch }: OpenDevice,
  measure: () => Promise<number>,
): Promise<string> {
  const key = adapterKey(identity);
  if (isNamed(identity.info)) return key;
  const peak = await measure().catch(() => {
    watch.check();
    return null;
  });
  return JSON.stringify([key, peak]);
}

/** The adapter and the very shaders that would be measured: other kernels, shapes or candidates are measured anew. */
async function keyOf(
  adapter: string,
  trials: TileTrials,
  candidates: typeof TILE_CANDIDATES,
): Promise<string> {
  const shaders = ROLES.flatMap((role) => candidates[role].flatMap((tile) => trials.shadersOf(role, tile)));
  const text = JSON.stringify(shaders.map(({ code, workgroups }) => [code, workgroups]));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return JSON.stringify([adapter, hash]);
}

/** The candidates of these names; null where one is none of them. */
function fromNames(names: TileNames, candidates: typeof TILE_CANDIDATES): Tiles | null {
  const find = (role: TileRole): Tile | undefined =>
    candidates[role].find((tile) => tileName(tile) === names[role]);
  const [forward, filter, narrow] = [find('forward'), find('filter'), find('narrow')];
  return forward && filter && narrow ? { forward, filter, narrow } : null;
}

/**
 * The tiles for a device. Rejects where the device is lost meanwhile; tuning may have been what it died of, so
 * the next one like it gets the default untried.
 */
export async function tuneTiles(subject: TuningSubject, options: TuningOptions = {}): Promise<Tiles> {
  const { open } = subject;
  // Compiling the candidates alone would take more than the budget there, and shared memory never pays.
  if (open.isSoftware && options.evenOnSoftware !== true) return defaultTiles(true);
  const { store = workerTiles, candidates = TILE_CANDIDATES, budgetMs = BUDGET_MS } = options;
  const now = (): number => performance.now();
  const trials = new TileTrials({ ...subject, watch: open.watch, now });
  const adapter = await keyOfAdapter(open, () =>
    measurePeak({ device: subject.device, watch: open.watch, now }),
  );
  const key = await keyOf(adapter, trials, candidates);
  const remembered = await store.read(key);
  const known = remembered === undefined ? null : fromNames(remembered, candidates);
  if (known !== null) return known;

  const contests = ROLES.map((role) => ({
    candidates: candidates[role],
    prepare: (tile: Tile) => trials.prepare(role, tile),
  }));
  const toTiles = (chosen: readonly Tile[]): Tiles =>
    Object.fromEntries(ROLES.map((role, index) => [role, chosen[index]!])) as Record<TileRole, Tile>;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, budgetMs);
  });
  try {
    const tiles = toTiles(await pickFastest(contests, { budgetMs, now, expired }));
    await store.write(key, tileNames(tiles));
    return tiles;
  } catch (error) {
    await store.write(key, tileNames(toTiles(ROLES.map((role) => candidates[role][0]!))));
    throw error;
  } finally {
    clearTimeout(timer);
    trials.dispose();
  }
}
