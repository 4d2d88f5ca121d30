/** Tiles of the webgpu engine for tests: those that an adapter begins with, and every candidate in turn. */

import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import { defaultTiles, TILE_CANDIDATES, tileName } from '../../../src/worker/engine/webgpu/tuning/tiles.js';

const { forward, filter, narrow } = TILE_CANDIDATES;

export const SOFTWARE_TILES = defaultTiles(true);
export const GPU_TILES = defaultTiles(false);

/** Every candidate of each role at least once, the defaults first. */
export const EVERY_CHOICE: readonly Tiles[] = [
  SOFTWARE_TILES,
  GPU_TILES,
  ...Array.from({ length: Math.max(forward.length, filter.length, narrow.length) - 1 }, (_, i): Tiles => ({
    forward: forward[(i + 1) % forward.length]!,
    filter: filter[(i + 1) % filter.length]!,
    narrow: narrow[(i + 1) % narrow.length]!,
  })),
];

/** One of the defaults and one of the others, others for each `index`: all of them take too long to compile. */
export function someChoices(index: number): readonly Tiles[] {
  const others = EVERY_CHOICE.slice(2);
  return [EVERY_CHOICE[index % 2]!, others[index % others.length]!];
}

export function nameOf(tiles: Tiles): string {
  return [tiles.forward, tiles.filter, tiles.narrow].map(tileName).join(' / ');
}
