/** Reads what SciPy and scikit-learn have computed; `make_reference.py` says how. */

import { readFileSync } from 'node:fs';

export interface SpreadingReference {
  readonly count: number;
  readonly size: number;
  readonly classes: number;
  readonly nearest: number;
  /** [count, size] */
  readonly features: readonly number[];
  /** Classes of the first landmarks. */
  readonly labels: readonly number[];
  /** [count, nearest] */
  readonly indices: readonly number[];
  readonly cosines: readonly number[];
  /** [count, classes] */
  readonly spread: readonly number[];
  /** [labels, classes]: what comes to a labelled landmark whose label is left out. */
  readonly leftOut: readonly number[];
  /** [count, 2], either sign. */
  readonly map: readonly number[];
}

export function loadSpreadingReference(): SpreadingReference {
  return JSON.parse(readFileSync('test/reference/spreading/reference.json', 'utf8')) as SpreadingReference;
}
