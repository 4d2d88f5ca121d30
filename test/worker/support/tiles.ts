/** Every tile of the webgpu engine, in every place that it may take. */

import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import type { Tile } from '../../../src/worker/engine/webgpu/kernels/product.js';
import * as tiles from '../../../src/worker/engine/webgpu/tiles.js';

function isTile(value: unknown): value is Tile {
  return typeof value === 'object' && value !== null && 'kind' in value && 'threads' in value;
}

/** What `tiles.ts` exports, alone or in lists; a new tile is tested without being named here. */
const EVERY_TILE = new Map(
  Object.values(tiles)
    .flatMap((value: unknown) => (Array.isArray(value) ? (value as unknown[]) : [value]))
    .filter(isTile)
    .map((tile) => [JSON.stringify(tile), tile] as const),
);

/** `narrow` products have no shared form. */
export const EVERY_CHOICE: readonly Tiles[] = [...EVERY_TILE.values()].map((tile) => ({
  forward: tile,
  filter: tile,
  narrow: tile.kind === 'register' ? tile : tiles.REGISTER_TILE,
}));

export function nameOf({ forward: { kind, threads, rows, columnGroups } }: Tiles): string {
  return `${kind} ${threads.join(' x ')}, ${rows} x ${columnGroups}`;
}
