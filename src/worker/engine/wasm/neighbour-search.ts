/**
 * The search for nearest neighbours on the micro-kernel, on memory and threads of its own. The matrix of cosines is
 * symmetric and never whole in memory: of its upper half tile by tile is multiplied, and serves the rows and the columns
 * that it is of. The result does not depend on tiles or threads.
 */

import { neighboursOf, noNeighbours, type Neighbours, type UnitRows } from '../../spread/neighbours.js';
import type { Slices } from '../../spread/slices.js';
import { writeVariant, type VariantValues } from './layout/fields.js';
import { OPERATION, OPERATION_WORDS } from './layout/operations.js';
import type { Arena } from './memory/arena.js';
import { Scratch } from './memory/scratch.js';
import { startTeam, type WasmPlatform } from './platform.js';
import type { Team } from './threads/team.js';

/** Rows that the left operand is packed by, and columns of a panel. */
const BLOCK = 24;
const PANEL = 8;
/** Most rows and columns of a tile: it stays in the caches for the search after the products, and has pieces enough for eight threads. */
const TILE_ROWS = 8 * BLOCK;
const TILE_COLUMNS = 1024;
/** Rows of a tile do not all fall on the same lines of a cache. */
const LINE_SHIFT_BYTES = 64;
const SCRATCH_BYTES = 64 * 1024;
/** Rows that are packed between two looks at the clock. */
const PACKED_ROWS = 1024;

type Record = VariantValues<typeof OPERATION>;

function wholeBlocks(rows: number): number {
  return Math.ceil(rows / BLOCK) * BLOCK;
}

/** A search whose memory is filled. */
class Search {
  readonly #arena: Arena;
  readonly #team: Team;
  readonly #count: number;
  readonly #depth: number;
  readonly #nearest: number;
  readonly #tileColumns: number;
  readonly #panels: number;
  readonly #values: number;
  readonly #indices: number;
  readonly #thresholds: number;
  readonly #tile: number;
  readonly #program: number;

  constructor(arena: Arena, team: Team, { count, size }: UnitRows, nearest: number) {
    const rows = wholeBlocks(count);
    this.#arena = arena;
    this.#team = team;
    this.#count = count;
    this.#depth = size;
    this.#nearest = nearest;
    this.#tileColumns = Math.min(rows, TILE_COLUMNS);
    this.#panels = arena.allocate(rows * size * 4);
    this.#values = arena.allocate(rows * nearest * 4);
    this.#indices = arena.allocate(rows * nearest * 4);
    this.#thresholds = arena.allocate(rows * 4);
    this.#tile = arena.allocate(TILE_ROWS * this.#tileStep);
    this.#program = arena.allocate(3 * OPERATION_WORDS * 4);
    arena.floats(this.#values, rows * nearest).fill(-Infinity);
    arena.words(this.#indices, rows * nearest).fill(0x7fffffff);
    arena.floats(this.#thresholds, rows).fill(-Infinity);
  }

  get #tileStep(): number {
    return this.#tileColumns * 4 + LINE_SHIFT_BYTES;
  }

  /** Packs rows `first` to `end` - 1: [panel][depth][8]. */
  pack({ values }: UnitRows, first: number, end: number): void {
    const depth = this.#depth;
    const packed = this.#arena.floats(this.#panels, wholeBlocks(this.#count) * depth);
    for (let row = first; row < end; row++) {
      const from = row * depth;
      const to = (row - (row % PANEL)) * depth + (row % PANEL);
      for (let i = 0; i < depth; i++) packed[to + i * PANEL] = values[from + i]!;
    }
  }

  /** Goes through the tiles whose first row is `firstRow`. */
  async rows(firstRow: number, slices: Slices): Promise<void> {
    const whole = wholeBlocks(this.#count);
    const end = Math.min(firstRow + TILE_ROWS, whole);
    for (let first = firstRow; first < whole; first += this.#tileColumns) {
      this.#multiply(firstRow, end, first, Math.min(first + this.#tileColumns, whole));
      await slices.pause();
    }
  }

  /** A tile of the matrix from its diagonal on: products, then what is near of them. */
  #multiply(firstRow: number, endRow: number, firstColumn: number, endColumn: number): void {
    const rows = Math.min(endRow, this.#count) - firstRow;
    const lists = {
      tileStep: this.#tileStep,
      firstRow,
      rows,
      nearest: this.#nearest,
      values: this.#values,
      indices: this.#indices,
      thresholds: this.#thresholds,
    };
    const records: Record[] = [
      {
        kind: 'similarities',
        endsGroup: true,
        panels: this.#panels,
        depth: this.#depth,
        firstRow,
        rows: endRow - firstRow,
        firstColumn,
        columns: endColumn - firstColumn,
        out: this.#tile,
        outStep: this.#tileStep,
      },
      {
        kind: 'nearest',
        ...lists,
        tile: this.#tile,
        firstColumn,
        columns: Math.min(endColumn, this.#count) - firstColumn,
        ofColumns: false,
        endsGroup: true,
      },
    ];
    // Columns that are rows of the tile too have all their products in it.
    const ownColumns = Math.max(firstColumn, endRow);
    if (ownColumns < endColumn) {
      records[1] = { ...records[1]!, endsGroup: false };
      records.push({
        kind: 'nearest',
        ...lists,
        tile: this.#tile + (ownColumns - firstColumn) * 4,
        firstColumn: ownColumns,
        columns: endColumn - ownColumns,
        ofColumns: true,
        endsGroup: true,
      });
    }
    const words = this.#arena.words(this.#program, 3 * OPERATION_WORDS);
    records.forEach((record, index) => writeVariant(words, index * OPERATION_WORDS, OPERATION, record));
    this.#team.execute({ address: this.#program, count: records.length, names: [] });
  }

  get found(): Neighbours {
    const size = this.#count * this.#nearest;
    return {
      count: this.#count,
      nearest: this.#nearest,
      indices: Int32Array.from(this.#arena.words(this.#indices, size)),
      cosines: Float32Array.from(this.#arena.floats(this.#values, size)),
    };
  }
}

/** Finds the nearest neighbours on a platform. Rejects as `Slices.pause` does where it is given up. */
export async function searchNeighbours(
  rows: UnitRows,
  nearest: number,
  slices: Slices,
  platform: WasmPlatform,
): Promise<Neighbours> {
  const found = neighboursOf(rows, nearest);
  if (found === 0) return noNeighbours(rows);
  return startTeam(platform, new Scratch(SCRATCH_BYTES), async (arena, team) => {
    await team.grow(platform);
    const search = new Search(arena, team, rows, found);
    for (let first = 0; first < rows.count; first += PACKED_ROWS) {
      search.pack(rows, first, Math.min(first + PACKED_ROWS, rows.count));
      await slices.pause();
    }
    for (let first = 0; first < rows.count; first += TILE_ROWS) {
      await search.rows(first, slices);
      team.chooseTile(first / TILE_ROWS + 1);
    }
    team.dispose();
    return search.found;
  });
}
