/**
 * Split-K: how the reduction of a parameter's gradient is cut into partial sums. By whole rows of one segment
 * and by shape alone, so that neither a tuner nor the number of threads changes the order of a sum.
 */

import type { OpSegment, ReductionSplit } from '../operations.js';

/** Cuts segments into runs of about `reductionLength` summands, `positions` of them a row. */
export function splitRows(
  segments: readonly OpSegment[],
  positions: number,
  reductionLength: number,
): readonly ReductionSplit[] {
  const rowsASplit = Math.max(1, Math.floor(reductionLength / positions));
  // Partial sums of one instance lie side by side, so that its update reads one run of them.
  const ordered = [...segments].sort((a, b) => a.instance - b.instance);
  const splits: ReductionSplit[] = [];
  for (const segment of ordered) {
    const count = Math.ceil(segment.rows / rowsASplit);
    for (let part = 0; part < count; part++) {
      // Evenly: the longest run is at most one row longer than the shortest.
      const first = Math.floor((part * segment.rows) / count);
      const end = Math.floor(((part + 1) * segment.rows) / count);
      splits.push({
        ...segment,
        rows: end - first,
        forwardRow: segment.forwardRow + first,
        passRow: segment.passRow + first,
        gradientRow: segment.gradientRow + first,
        targetRow: 0,
        split: splits.length,
      });
    }
  }
  return splits;
}

/** The run of partial sums that belongs to an instance. */
export function splitsOf(
  splits: readonly ReductionSplit[],
  instance: number,
): { readonly firstSplit: number; readonly splits: number } {
  const own = splits.filter((split) => split.instance === instance);
  return { firstSplit: own[0]?.split ?? 0, splits: own.length };
}
