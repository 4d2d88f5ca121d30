/**
 * What each labelled landmark would be taken for if its own label were not known. Spreading is linear and symmetric: a
 * landmark, spread as a column of its own, reads at each label what comes to it from there.
 */

import type { Graph } from './graph.js';
import { countClasses, readRow, type Labels, type Reading } from './labels.js';
import type { Slices } from './slices.js';
import { COLUMNS, spreadSeeds } from './spread-seeds.js';

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

/** What comes to `row` from all labels but its own, given what comes to it from each row in a column of `values`. */
function readLeftOut(
  values: Float64Array,
  column: number,
  row: number,
  labels: Labels,
  counts: Int32Array,
): LeftOut {
  const classes = counts.length;
  const own = labels[row]!;
  const sums = new Float64Array(classes);
  for (let other = 0; other < labels.length; other++) {
    if (other !== row) sums[labels[other]!]! += values[other * COLUMNS + column]!;
  }
  for (let label = 0; label < classes; label++) {
    const others = counts[label]! - (label === own ? 1 : 0);
    if (others > 0) sums[label]! /= others;
  }
  const reading = readRow(sums, 0, classes);
  return { row, ...reading, isRight: reading.class === own };
}

/**
 * Leaves out one label after the other, 128 at most, drawn evenly from the classes. A label that is the only one of its
 * class does not count: without it nothing is of that class.
 */
export async function leaveOneOut(
  graph: Graph,
  labels: Labels,
  classes: number,
  slices: Slices,
): Promise<readonly LeftOut[]> {
  const rows = drawEvenly(labels, classes, MOST_LABELS);
  const counts = countClasses(labels, classes);
  const found: LeftOut[] = [];
  for (let first = 0; first < rows.length; first += COLUMNS) {
    const some = rows.slice(first, first + COLUMNS);
    const seeds = some.map((row, column) => ({ row, column, value: 1 }));
    const values = await spreadSeeds(graph, seeds, slices);
    some.forEach((row, column) => found.push(readLeftOut(values, column, row, labels, counts)));
  }
  return found;
}
