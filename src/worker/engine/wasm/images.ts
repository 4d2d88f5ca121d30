/** The rows of the plan that an operation works on, one after the other, as its kernels find them in memory. */

import type { OpSegment } from '../plan/operations.js';
import type { Arena } from './memory/arena.js';
import {
  IMAGE_FORWARD_ROW,
  IMAGE_FORWARD_SEGMENT,
  IMAGE_GRADIENT_SEGMENT,
  IMAGE_IN_SEGMENT,
  IMAGE_SOURCE_ROW,
  IMAGE_TARGET_ROW,
  IMAGE_WORDS,
} from './kernels/words.js';

export type RowsOf = 'forward' | 'gradient';

export function sourceRow(segment: OpSegment, rows: RowsOf): number {
  return rows === 'forward' ? segment.forwardRow : segment.gradientRow;
}

/** Writes the table of the images of these segments; returns its address. */
export function storeImageTable(arena: Arena, segments: readonly OpSegment[], rows: RowsOf): number {
  const words: number[] = [];
  for (const segment of segments) {
    for (let row = 0; row < segment.rows; row++) {
      const entry = new Array<number>(IMAGE_WORDS).fill(0);
      entry[IMAGE_SOURCE_ROW] = sourceRow(segment, rows) + row;
      entry[IMAGE_FORWARD_ROW] = segment.forwardRow + row;
      entry[IMAGE_TARGET_ROW] = segment.targetRow + row;
      entry[IMAGE_FORWARD_SEGMENT] = segment.forwardSegment;
      entry[IMAGE_GRADIENT_SEGMENT] = segment.gradientSegment;
      entry[IMAGE_IN_SEGMENT] = segment.passRow + row;
      words.push(...entry);
    }
  }
  return arena.storeWords(words);
}

/** Rows of all segments together. */
export function countRows(segments: readonly { readonly rows: number }[]): number {
  return segments.reduce((sum, { rows }) => sum + rows, 0);
}

/** Whether the source rows of the segments follow each other without a gap. */
export function areConsecutive(segments: readonly OpSegment[], rows: RowsOf): boolean {
  return segments.every((segment, index) => {
    const before = segments[index - 1];
    return before === undefined || sourceRow(before, rows) + before.rows === sourceRow(segment, rows);
  });
}

/** Runs of neighbouring segments of one instance: an operation has its parameters by instance. */
export function byInstance<S extends OpSegment>(segments: readonly S[]): readonly (readonly S[])[] {
  const runs: S[][] = [];
  for (const segment of segments) {
    const last = runs.at(-1);
    if (last?.[0]?.instance === segment.instance) last.push(segment);
    else runs.push([segment]);
  }
  return runs;
}

/** The segments with their images as targets one after the other. */
export function inOrder(segments: readonly OpSegment[]): readonly OpSegment[] {
  let targetRow = 0;
  return segments.map((segment) => {
    const own = { ...segment, targetRow };
    targetRow += segment.rows;
    return own;
  });
}
