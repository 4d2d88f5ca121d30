/** Adam, and the sums of parameter gradients it takes. */

import type { UpdateEntry, UpdateOp } from '../operations.js';
import type { ChainContext } from './chain.js';
import type { TensorStore } from './store.js';

/** A parameter's gradient: its partial sums, added in order. */
export function gradientOf(tensors: TensorStore, entry: UpdateEntry): Float64Array {
  const partial = tensors.get(entry.gradient);
  const sums = new Float64Array(entry.size);
  for (let split = entry.firstSplit; split < entry.firstSplit + entry.splits; split++) {
    for (let i = 0; i < entry.size; i++) sums[i]! += partial[split * entry.stride + entry.offset + i]!;
  }
  return sums;
}

export function runUpdate({ tensors, parameters }: ChainContext, op: UpdateOp): void {
  for (const entry of op.entries) {
    const { beta1, beta2, epsilon } = op.optimisers[entry.optimiser]!;
    const scalar = tensors.get(op.scalars)[entry.optimiser]!;
    const values = parameters.get(entry.parameter);
    const { m, v } = parameters.moments(entry.parameter);
    gradientOf(tensors, entry).forEach((gradient, i) => {
      m[i] = beta1 * m[i]! + (1 - beta1) * gradient;
      v[i] = beta2 * v[i]! + (1 - beta2) * gradient * gradient;
      values[i]! -= (scalar * m[i]) / (Math.sqrt(v[i]) + epsilon);
    });
  }
}
