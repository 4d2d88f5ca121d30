/** Lowers contrastive terms: their losses by row, and the gradients at the embeddings. */

import type { ContrastiveGradientOp, ContrastiveOp } from '../plan/operations.js';
import { weightAddress } from './loss.js';
import type { Bindings } from './memory/bindings.js';
import type { StageRecords } from './stage-records.js';

/** Adds the normalised embeddings (group 0); returns where they lie. `statistics`: what takes their lengths, or 0. */
function normalise(
  { embeddings, width, rows, forwardRows, name }: ContrastiveOp | ContrastiveGradientOp,
  statistics: number,
  bindings: Bindings,
  records: StageRecords,
): number {
  // Similarities are taken to four rows at a time.
  const target = bindings.workspace.allocate((2 * rows + 3) * Math.ceil(width / 4) * 16);
  records.add(0, 'contrastiveNormalise', name, {
    embeddings: bindings.tensor(embeddings),
    width,
    rows,
    firstRow: forwardRows[0],
    secondRow: forwardRows[1],
    target,
    statistics,
  });
  return target;
}

/** Adds the normalised embeddings (group 0) and the losses of rows (group 1). */
export function lowerContrastive(operation: ContrastiveOp, bindings: Bindings, records: StageRecords): void {
  const { width, rows, temperature, name } = operation;
  const statistics = bindings.tensor(operation.statistics);
  const normalised = normalise(operation, statistics, bindings, records);
  records.add(1, 'contrastiveRows', name, { normalised, width, rows, temperature, statistics });
}

/** Adds the normalised embeddings (group 0) and the gradients of rows (group 1). */
export function lowerContrastiveGradient(
  operation: ContrastiveGradientOp,
  bindings: Bindings,
  records: StageRecords,
): void {
  const { width, rows, temperature, weight, scalars, gradientRows, target, name } = operation;
  const normalised = normalise(operation, 0, bindings, records);
  records.add(1, 'contrastiveGradient', name, {
    normalised,
    width,
    rows,
    temperature,
    statistics: bindings.tensor(operation.statistics),
    weight: weightAddress(weight, bindings.tensor(scalars), bindings),
    target: bindings.tensor(target),
    gradientRows: bindings.arena.storeWords(gradientRows.flat()),
    gradientRowCount: gradientRows.length,
  });
}
