/** Counting what a network classifies correctly. */

import { claim } from './claims';
import { CountCorrectOperation } from './layout';
import { argmax } from './loss';
import { int } from './record';
import { RUN_ROWS } from './words';

export function countCorrect(record: CountCorrectOperation, run: usize): void {
  if (claim(record) > 0) return;
  const rows = min(record.rows, int(run, RUN_ROWS));
  const width = record.width;
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const label = load<i32>(record.labels + (usize(row) << 2));
    if (argmax(record.logits + (usize(row * width) << 2), width) == label) correct++;
  }
  store<i32>(record.target, correct);
}
