/** Records of images whose lines and columns are sums of those of others. */

import type { Arena } from '../memory/arena.js';
import {
  COMBINE_CHANNELS,
  COMBINE_COLUMNS,
  COMBINE_HEIGHT,
  COMBINE_IMAGES,
  COMBINE_IMAGE_STEP,
  COMBINE_LINES,
  COMBINE_SOURCE,
  COMBINE_SOURCE_WIDTH,
  COMBINE_TARGET,
  COMBINE_WIDTH,
  SUM_FACTORS,
  SUM_COUNT,
  SUM_TERMS,
  SUM_WORDS,
} from '../kernels/words.js';
import { floatBits, type Field } from '../records.js';
import type { Sum } from './toom/toom-axis.js';
import type { Staged } from './windows.js';

/** Writes sums of what lies `step` bytes apart. */
function storeSums(sums: readonly Sum[], step: number, arena: Arena): number {
  return arena.storeWords(
    sums.flatMap((sum) => {
      const words = new Array<number>(SUM_WORDS).fill(0);
      for (let term = 0; term < SUM_TERMS; term++) {
        const { at, factor } = sum[term] ?? { at: sum[0]?.at ?? 0, factor: 0 };
        words[term] = at * step;
        words[SUM_FACTORS + term] = floatBits(factor);
      }
      // One term of factor 1 is copied; none, or one of another factor, is done as two, of which factors are 0.
      words[SUM_COUNT] = sum.length === 1 && sum[0]!.factor === 1 ? 1 : Math.max(2, sum.length);
      return words;
    }),
  );
}

/** What is the same in all records of sums of the lines and columns of images that are `width` wide. */
export function combineFields(
  { imageStep, rowStep, columnStep }: Staged,
  width: number,
  lines: readonly Sum[],
  columns: readonly Sum[],
  arena: Arena,
): readonly Field[] {
  return [
    [COMBINE_IMAGE_STEP, imageStep],
    [COMBINE_SOURCE_WIDTH, width],
    [COMBINE_HEIGHT, lines.length],
    [COMBINE_WIDTH, columns.length],
    [COMBINE_CHANNELS, columnStep / 4],
    [COMBINE_LINES, storeSums(lines, rowStep, arena)],
    [COMBINE_COLUMNS, storeSums(columns, columnStep, arena)],
  ];
}

/** Which images of a record are summed, and where to. */
export function combinedImages(source: number, images: number, target: number): readonly Field[] {
  return [
    [COMBINE_SOURCE, source],
    [COMBINE_IMAGES, images],
    [COMBINE_TARGET, target],
  ];
}
