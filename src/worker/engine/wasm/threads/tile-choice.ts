/**
 * Which tile of the micro-kernel is the faster here: 6 x 8 where vectors of four are all there is, 6 x 16 where the compiler
 * joins them to vectors of eight or has registers enough. It shows only by measuring, and only once both are compiled as they
 * will be. Products are the same to the bit with either.
 */

/** Columns of the micro-kernel's tile. */
export type TileColumns = 8 | 16;

/** Bytes of scratch that `Kernels.repeatTiles` works on. */
export const TILE_BYTES = 32 * 1024;

/** Steps, or rows of tiles of a search, after which it is measured: a browser compiles what it runs often a second time. */
const CHOSEN_AFTER: readonly number[] = [4, 16, 64, 256];
/** Clocks that say 100 µs tell such times apart. */
const LEAST_MS = 2;
/** Twice the work of less than the least takes more where the clock jumps, or something came between. */
const MOST_MS = 4 * LEAST_MS;
const FIRST_TURNS = 64;
/** A clock that stands still for so many tells nothing. */
const MOST_TURNS = 64 * 1024;
const ROUNDS = 3;
/** What the wide tile may take of the narrow one's time. */
const MOST_SHARE = 0.9;

/** Whether the tile is to be chosen after so many steps or rows of tiles. */
export function isTileChoiceDue(done: number): boolean {
  return CHOSEN_AFTER.includes(done);
}

export interface TileClock {
  /** Makes so many products of 6 x 16 outputs with tiles of so many columns. */
  readonly repeat: (columns: TileColumns, turns: number) => void;
  /** Milliseconds of a monotonic clock, of any resolution. */
  readonly now: () => number;
}

/** The faster one, by the best of some rounds in turns; null where the clock does not tell. */
export function fasterTile({ repeat, now }: TileClock): TileColumns | null {
  const time = (columns: TileColumns, turns: number): number => {
    const start = now();
    repeat(columns, turns);
    return now() - start;
  };
  let turns = FIRST_TURNS;
  let ms = time(8, turns);
  for (; ms < LEAST_MS && turns < MOST_TURNS; ms = time(8, turns)) turns *= 2;
  if (ms < LEAST_MS || ms > MOST_MS) return null;
  let [narrow, wide] = [Infinity, Infinity];
  for (let round = 0; round < ROUNDS; round++) {
    narrow = Math.min(narrow, time(8, turns));
    wide = Math.min(wide, time(16, turns));
  }
  return wide < MOST_SHARE * narrow ? 16 : 8;
}
