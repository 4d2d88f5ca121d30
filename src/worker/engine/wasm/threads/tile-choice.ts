/**
 * Which tile of the micro-kernel is the faster here: 6 x 8 where 16 registers of 128 bits are all there is, 6 x 16 where the
 * compiler joins two vectors to a 256-bit one or has more registers. It shows only by measuring, and only once both are
 * optimised. Products are the same to the bit with either.
 */

/** Columns of the micro-kernel's tile. */
export type TileColumns = 8 | 16;

/** Bytes of scratch that `Kernels.repeatTiles` works on. */
export const TILE_BYTES = 32 * 1024;

/** Steps, or rows of tiles of a search, after which it is measured: more than once, as browsers optimise what they run often. */
const CHOSEN_AFTER: readonly number[] = [4, 16, 64, 256];
/** Least that is timed. */
const LEAST_MS = 1;
/** Of the clock: browsers that are not isolated have 0.1 ms, some more. */
const MOST_RESOLUTION_MS = 0.15;
/** Looks at a clock until it has moved: some milliseconds. */
const MOST_LOOKS = 50_000;
const FIRST_TURNS = 64;
const MOST_TURNS = 64 * 1024;
const ROUNDS = 3;
/** What the wide tile may take of the narrow one's time. */
const MOST_SHARE = 0.9;
/** Taking more than so many times as long in one round, it needs no other. */
const HOPELESS = 1.5;

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

/** Whether a clock tells times of `LEAST_MS` apart: it moves soon, and by little. */
function isFine(now: () => number): boolean {
  const start = now();
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const moved = now() - start;
    if (moved > 0) return moved <= MOST_RESOLUTION_MS;
  }
  return false;
}

/** The faster one, by the best of some rounds in turns; null where the clock is too coarse. */
export function fasterTile({ repeat, now }: TileClock): TileColumns | null {
  if (!isFine(now)) return null;
  const time = (columns: TileColumns, turns: number): number => {
    const start = now();
    repeat(columns, turns);
    return now() - start;
  };
  let turns = FIRST_TURNS;
  while (turns < MOST_TURNS && time(8, turns) < LEAST_MS) turns *= 2;
  let [narrow, wide] = [Infinity, Infinity];
  for (let round = 0; round < ROUNDS; round++) {
    narrow = Math.min(narrow, time(8, turns));
    wide = Math.min(wide, time(16, turns));
    if (wide > HOPELESS * narrow) break;
  }
  return wide < MOST_SHARE * narrow ? 16 : 8;
}
