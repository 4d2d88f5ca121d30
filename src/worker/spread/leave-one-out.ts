/**
 * What each labelled landmark would be taken for if its own label were not known. Spreading is linear: from what all labels
 * bring there is taken what the landmark's own label brings back to it.
 */

import { countClasses, readRow, type Labels, type Reading } from './labels.js';
import { COLUMNS, type Iterations } from './iterations.js';
import type { Slices } from './slices.js';
import { selfReturns } from './spread-seeds.js';

/** Most labels that are left out: enough to know the share of right ones within 4 %. */
const MOST_LABELS = 128;

export interface LeftOut extends Reading {
  /** Row of the landmark. */
  readonly row: number;
  /** Whether that is its class. */
  readonly isRight: boolean;
}

/** Rows of up to `most` labels that are not the only ones of their classes, by turns from each class in order. */
export function drawEvenly(labels: Labels, classes: number, most: number): readonly number[] {
  const byClass: number[][] = Array.from({ length: classes }, () => []);
  for (let row = 0; row < labels.length; row++) byClass[labels[row]!]!.push(row);
  const several = byClass.filter((own) => own.length > 1);
  const all = several.reduce((sum, own) => sum + own.length, 0);
  const rows: number[] = [];
  for (let turn = 0; rows.length < Math.min(most, all); turn++) {
    for (const own of several) if (turn < own.length && rows.length < most) rows.push(own[turn]!);
  }
  return rows.sort((a, b) => a - b);
}

/** Less than this share of what came back is rounding. */
const LEAST_SHARE = 1e-12;

/** `spread`: what comes to each row of each class, of whose labels each brings its share; `returned`: what comes back to `row`. */
function readLeftOut(
  spread: Float64Array,
  returned: number,
  row: number,
  own: number,
  counts: Int32Array,
): LeftOut {
  const classes = counts.length;
  const sums = spread.slice(row * classes, (row + 1) * classes);
  const count = counts[own]!;
  const others = sums[own]! * count - returned;
  sums[own] = others > LEAST_SHARE * returned ? others / (count - 1) : 0;
  const reading = readRow(sums, 0, classes);
  return { row, ...reading, isRight: reading.class === own };
}

/**
 * Leaves out one label after the other, 128 at most, drawn evenly from the classes. A label that is the only one of its
 * class does not count: without it nothing is of that class.
 *
 * @param spread What `spreadLabels` has made of all labels.
 */
export async function leaveOneOut(
  iterations: Iterations,
  labels: Labels,
  classes: number,
  spread: Float64Array,
  slices: Slices,
): Promise<readonly LeftOut[]> {
  const rows = drawEvenly(labels, classes, MOST_LABELS);
  const counts = countClasses(labels, classes);
  const found: LeftOut[] = [];
  for (let first = 0; first < rows.length; first += COLUMNS) {
    const some = rows.slice(first, first + COLUMNS);
    const returned = await selfReturns(iterations, some, slices);
    some.forEach((row, column) =>
      found.push(readLeftOut(spread, returned[column]!, row, labels[row]!, counts)),
    );
  }
  return found;
}
