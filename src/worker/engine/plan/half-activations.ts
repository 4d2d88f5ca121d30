/**
 * Which tensors of a program may be stored as float16: what passes hand from layer to layer forward, drawn inputs among
 * them. All arithmetic stays float32, and so does what a rounding to 11 bits would spoil: what losses read, what the host
 * writes or reads, and every gradient, since without a scaled loss gradients fall below the smallest float16.
 */

import { accessesOf } from './accesses.js';
import type { Operation, Program, TensorId } from './operations.js';

/** What an operation may write as float16. */
function halfWrites(operation: Operation): readonly TensorId[] {
  switch (operation.kind) {
    case 'draw':
      return operation.parts.map(({ target }) => target);
    case 'product':
      // Backward it carries a gradient.
      return operation.source.rows === 'forward' ? [operation.target] : [];
    case 'normStatistics':
      return operation.applied === null ? [] : [operation.applied.target];
    case 'groupNorm':
      return [operation.target];
    default:
      return [];
  }
}

/** Whether an operation reads any activation as float16 too. */
function readsHalves({ kind }: Operation): boolean {
  switch (kind) {
    case 'product':
    case 'filterGradient':
    case 'biasGradient':
    case 'normStatistics':
    case 'normGradient':
    case 'groupNorm':
    case 'groupNormGradient':
      return true;
    default:
      return false;
  }
}

/** The tensors that every operation which touches them can take as float16. */
export function halfActivations({ tensors, operations, inputs, outputs }: Program): ReadonlySet<TensorId> {
  const found = new Set(
    tensors.flatMap(({ id, storage, type }) => (storage === 'activation' && type !== 'u32' ? [id] : [])),
  );
  for (const id of [...inputs, ...outputs]) found.delete(id);
  for (const operation of operations) {
    const { reads, writes } = accessesOf(operation);
    const allowed = halfWrites(operation);
    for (const id of writes) if (!allowed.includes(id)) found.delete(id);
    if (!readsHalves(operation)) for (const id of reads) found.delete(id);
  }
  return found;
}

/** The same program with those tensors as float16. */
export function withHalfActivations(program: Program): Program {
  const halves = halfActivations(program);
  const tensors = program.tensors.map((tensor) =>
    halves.has(tensor.id) ? { ...tensor, type: 'f16' as const } : tensor,
  );
  return { ...program, tensors };
}
