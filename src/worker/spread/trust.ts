/**
 * How far spread labels are to be trusted, by how often they are right where one label is left out. Labels spread wrongly
 * teach a network what it does not unlearn, so it is better to start from none than from many wrong ones
 * (docs/few-labels.md).
 */

import type { LeftOut } from './leave-one-out.js';

/**
 * All spread labels serve where so many labels come back, and neighbours are given one class as often as that: a few
 * labels may come back by luck, but where neighbours are not alike there are too few of them for the agreement.
 */
const ALL_FROM = 0.75;
const ALL_AGREEMENT = 0.9;
/** Fewer labels than this prove nothing of all. */
const ALL_LABELS = 10;
/** Else the surest, down to where so many of the labels that are as sure come back. */
const SUREST_FROM = 0.92;

export interface Trust {
  /** Which landmarks serve: all that a label reaches, those of at least `leastMargin`, or none. */
  readonly kind: 'all' | 'surest' | 'none';
  readonly leastMargin: number;
  /** Labels that were left out one by one, and how many of them the others gave back. */
  readonly leftOut: number;
  readonly leftOutRight: number;
  /** The same of those of at least `leastMargin`. */
  readonly trusted: number;
  readonly trustedRight: number;
}

/** Share of right ones with one more right and one more wrong (Laplace): few labels prove little. */
function shareOf(right: number, count: number): number {
  return (right + 1) / (count + 2);
}

/** @param agreement Share of pairs of neighbours that the spread labels give one class. */
export function trustOf(leftOut: readonly LeftOut[], agreement: number): Trust {
  const rights = leftOut.filter(({ isRight }) => isRight).length;
  const counts = { leftOut: leftOut.length, leftOutRight: rights };
  const isProof = leftOut.length >= ALL_LABELS && agreement >= ALL_AGREEMENT;
  if (isProof && shareOf(rights, leftOut.length) >= ALL_FROM) {
    return { kind: 'all', leastMargin: 0, ...counts, trusted: leftOut.length, trustedRight: rights };
  }
  const sorted = [...leftOut].sort((a, b) => b.margin - a.margin);
  let [right, trusted, trustedRight] = [0, 0, 0];
  sorted.forEach(({ isRight, margin }, index) => {
    if (isRight) right++;
    // Those that are equally sure are trusted together.
    if (sorted[index + 1]?.margin === margin || shareOf(right, index + 1) < SUREST_FROM) return;
    [trusted, trustedRight] = [index + 1, right];
  });
  if (trusted === 0) return { kind: 'none', leastMargin: Infinity, ...counts, trusted, trustedRight };
  return { kind: 'surest', leastMargin: sorted[trusted - 1]!.margin, ...counts, trusted, trustedRight };
}
