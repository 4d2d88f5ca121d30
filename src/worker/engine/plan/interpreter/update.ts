/** Adam, the partial sums that its gradients are added from, and the averages that follow. */

import type { UpdateEntry, UpdateOp } from '../operations.js';
import type { SnippetContext } from './snippets.js';
import type { TensorStore } from './store.js';

/** A parameter's gradient: its partial sums, added in order. */
export function gradientOf(tensors: TensorStore, entry: UpdateEntry): Float64Array {
  const partial = tensors.get(entry.gradient);
  const gradient = new Float64Array(entry.size);
  for (let split = entry.firstSplit; split < entry.firstSplit + entry.splits; split++) {
    for (let i = 0; i < entry.size; i++) gradient[i]! += partial[split * entry.stride + entry.offset + i]!;
  }
  return gradient;
}

export function runUpdate({ tensors, parameters }: SnippetContext, op: UpdateOp): void {
  for (const entry of op.entries) {
    const { beta1, beta2, epsilon, scalar } = op.optimisers[entry.optimiser]!;
    const rate = tensors.get(op.scalars)[scalar]!;
    const values = parameters.get(entry.parameter);
    const { m, v } = parameters.moments(entry.parameter);
    gradientOf(tensors, entry).forEach((gradient, i) => {
      m[i] = beta1 * m[i]! + (1 - beta1) * gradient;
      v[i] = beta2 * v[i]! + (1 - beta2) * gradient * gradient;
      values[i]! -= (rate * m[i]) / (Math.sqrt(v[i]) + epsilon);
    });
    if (entry.average === null) continue;
    const average = parameters.get(entry.average.parameter);
    const share = tensors.get(op.scalars)[entry.average.scalar]!;
    values.forEach((value, i) => (average[i]! += share * (value - average[i]!)));
  }
}
