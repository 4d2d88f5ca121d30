/** Counting what a network classifies correctly. */

import { claim } from './claims';
import {
  CORRECT_LABELS,
  CORRECT_LOGITS,
  CORRECT_ROWS,
  CORRECT_TARGET,
  CORRECT_WIDTH,
  RUN_ROWS,
} from './layout';
import { argmax } from './loss';
import { address, int } from './record';

export function countCorrect(record: usize, run: usize): void {
  if (claim(record) > 0) return;
  const rows = min(int(record, CORRECT_ROWS), int(run, RUN_ROWS));
  const width = int(record, CORRECT_WIDTH);
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const label = load<i32>(address(record, CORRECT_LABELS) + (usize(row) << 2));
    if (argmax(address(record, CORRECT_LOGITS) + (usize(row * width) << 2), width) == label) correct++;
  }
  store<i32>(address(record, CORRECT_TARGET), correct);
}
