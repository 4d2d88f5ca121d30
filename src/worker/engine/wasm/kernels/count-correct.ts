/** Counting what a network classifies correctly. */

import { claimWhole } from './threads/work-shares';
import { CountCorrectOperation, Run } from './layout';
import { argmax } from './loss';

export function countCorrect(record: CountCorrectOperation, run: Run): void {
  if (!claimWhole(record)) return;
  const rows = min(record.rows, run.rows);
  const width = record.width;
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const label = load<i32>(record.labels + (usize(row) << 2));
    if (argmax(record.logits + (usize(row * width) << 2), width) == label) correct++;
  }
  store<i32>(record.target, correct);
}
