/** What the target store gets: a row of one 1 for every landmark whose spread label is trusted, zeros for the others. */

import { readRow, type Labels, type Reading } from './labels.js';
import type { Trust } from './trust.js';

export interface Targets {
  /** [count, classes] */
  readonly values: Float32Array<ArrayBuffer>;
  /** Landmarks that have one, those with labels among them. */
  readonly used: number;
  /** Of those without a label the least sure that has one; `trust`'s where nothing was cut. */
  readonly leastMargin: number;
}

/**
 * Labelled landmarks have their own class; none has a target where nothing is trusted.
 *
 * @param spread [count, classes], as `spreadLabels` gives it.
 * @param most Landmarks that may have a target: the labelled ones, then the surest, of equally sure ones the first.
 */
export function targetsOf(
  spread: Float64Array,
  classes: number,
  labels: Labels,
  { kind, leastMargin }: Pick<Trust, 'kind' | 'leastMargin'>,
  most = Infinity,
): Targets {
  const values = new Float32Array(spread.length);
  if (kind === 'none' || most <= 0) return { values, used: 0, leastMargin: Infinity };
  const count = spread.length / classes;
  const known = Math.min(labels.length, count);
  for (let row = 0; row < known; row++) values[row * classes + labels[row]!] = 1;
  const sure: ({ readonly row: number } & Reading)[] = [];
  for (let row = known; row < count; row++) {
    const reading = readRow(spread, row * classes, classes);
    if (reading.class !== -1 && reading.margin >= leastMargin) sure.push({ row, ...reading });
  }
  const room = Math.max(0, most - known);
  const isCut = sure.length > room;
  if (isCut) sure.sort((a, b) => b.margin - a.margin || a.row - b.row).splice(room);
  for (const { row, class: own } of sure) values[row * classes + own] = 1;
  return {
    values,
    used: known + sure.length,
    leastMargin: isCut ? (sure.at(-1)?.margin ?? Infinity) : leastMargin,
  };
}
