/** The tensors of programs that tests write by hand. */

import type { PlanTensor, Storage, TensorId } from '../../../src/worker/engine/plan/operations.js';

/** Adds a tensor to `tensors` at each call and gives its id. */
export function tensorMaker(
  tensors: PlanTensor[],
): (name: string, shape: readonly number[], storage: Storage, type?: PlanTensor['type']) => TensorId {
  return (name, shape, storage, type = 'f32') =>
    tensors.push({ id: tensors.length, name, shape, type, storage }) - 1;
}
