/** Lowers counting what a network classifies correctly. */

import type { CountCorrectOp } from '../plan/operations.js';
import type { Bindings } from './memory/bindings.js';
import type { StageRecords } from './stage-records.js';

export function lowerCountCorrect(
  { logits, width, rows, labels, target, name }: CountCorrectOp,
  bindings: Bindings,
  records: StageRecords,
): void {
  records.add(0, 'countCorrect', name, {
    logits: bindings.tensor(logits),
    width,
    rows,
    labels: bindings.tensor(labels),
    target: bindings.tensor(target),
  });
}
