/** The rows of the plan that an operation works on, one after the other, as its kernels find them in memory. */

import type { OpSegment } from '../plan/operations.js';
import type { Arena } from './memory/arena.js';
import { storeTable } from './layout/store.js';
import { IMAGE } from './layout/tables.js';

type RowsOf = 'forward' | 'gradient';

export function sourceRow(segment: OpSegment, rows: RowsOf): number {
  return rows === 'forward' ? segment.forwardRow : segment.gradientRow;
}

/** Writes the table of the images of these segments; returns its address. */
export function storeImageTable(arena: Arena, segments: readonly OpSegment[], rows: RowsOf): number {
  const images = segments.flatMap((segment) =>
    Array.from({ length: segment.rows }, (_, row) => ({
      sourceRow: sourceRow(segment, rows) + row,
      forwardRow: segment.forwardRow + row,
      targetRow: segment.targetRow + row,
      forwardSegment: segment.forwardSegment,
      gradientSegment: segment.gradientSegment,
      passRow: segment.passRow + row,
    })),
  );
  return storeTable(arena, IMAGE, images);
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
