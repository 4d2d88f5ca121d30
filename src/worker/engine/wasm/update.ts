/** Lowers the update of the parameters. */

import type { UpdateOp } from '../plan/operations.js';
import type { FilledSplits } from './convolution/gradients.js';
import type { Bindings } from './memory/bindings.js';
import type { StageRecords } from './stage-records.js';

/** Adds an update's records (group 0), which take their rate from the plan's `scalars`. */
export function lowerUpdate(
  { entries, optimisers, scalars, name }: UpdateOp,
  bindings: Bindings,
  filled: FilledSplits,
  records: StageRecords,
): void {
  for (const entry of entries) {
    const { beta1, beta2, epsilon, scalar } = optimisers[entry.optimiser]!;
    const { average } = entry;
    const { m, v } = bindings.residents.moments.get(entry.parameter)!;
    const splits = filled.of(entry);
    records.add(0, 'update', name, {
      value: bindings.parameter(entry.parameter),
      m,
      v,
      gradient: bindings.tensor(entry.gradient) + (splits[0]! * entry.stride + entry.offset) * 4,
      partialSumStep: entry.stride * 4,
      partialSums: splits.length,
      size: entry.size,
      beta1,
      beta2,
      rest1: 1 - beta1,
      rest2: 1 - beta2,
      epsilon,
      scaledRate: bindings.tensor(scalars) + scalar * 4,
      average: average === null ? 0 : bindings.parameter(average.parameter),
      averageRate: average === null ? 0 : bindings.tensor(scalars) + average.scalar * 4,
    });
  }
}
