/** What each operation costs: multiply-adds of its products, bytes it reads and writes. */

import { averageName, parametersOf } from '../../model/parameters.js';
import { sizeOf } from '../../../recipe/layers.js';
import type { Recipe } from '../../../recipe/recipe.js';
import { accessesOf } from './accesses.js';
import { bindingsOf } from './check.js';
import { multiplyAddsOf } from './geometry.js';
import { tensorBytes, type MemoryLayout } from './memory.js';
import type { Operation, Program } from './operations.js';
import { totalRows } from './lower/segments.js';

export interface OperationCost {
  readonly operation: Operation;
  /** Shape of what it writes, with rows or partial sums first. */
  readonly shape: string;
  /** Of the matrix product; 0 for other operations. */
  readonly multiplyAdds: number;
  /** Every tensor and parameter once, whole: a lower bound of the traffic. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Storage buffers that it binds. */
  readonly bindings: number;
}

/** Multiply-adds of an operation's matrix product; 0 where it has none. */
export function operationMultiplyAdds(operation: Operation): number {
  if (operation.kind === 'product') return totalRows(operation.segments) * multiplyAddsOf(operation.geometry);
  if (operation.kind === 'filterGradient')
    return totalRows(operation.splits) * multiplyAddsOf(operation.geometry);
  // The similarities of every row to every other: once forward, twice backward.
  if (operation.kind === 'contrastive') return (2 * operation.rows) ** 2 * operation.width;
  if (operation.kind === 'contrastiveGradient') return 2 * (2 * operation.rows) ** 2 * operation.width;
  return 0;
}

/** Costs of every operation of a program, in order. */
export function costsOf(program: Program, layout: MemoryLayout, recipe: Recipe): readonly OperationCost[] {
  const parameterBytes = new Map(
    parametersOf(recipe).flatMap(({ name, shape }): [string, number][] => [
      [name, 4 * sizeOf(shape)],
      [averageName(name), 4 * sizeOf(shape)],
    ]),
  );
  return program.operations.map((operation) => {
    const { reads, writes, parameterReads, parameterWrites } = accessesOf(operation);
    const bytesOf = (ids: Iterable<number>): number =>
      [...ids].reduce((sum, id) => sum + tensorBytes(program.tensors[id]!), 0);
    const ofParameters = (names: Iterable<string>): number =>
      [...names].reduce((sum, name) => sum + parameterBytes.get(name)!, 0);
    // Adam's two moments go with every parameter that it updates; an average has none.
    const moments =
      operation.kind === 'update' ? 2 * ofParameters(operation.entries.map(({ parameter }) => parameter)) : 0;
    return {
      operation,
      shape: [...writes].map((id) => `[${program.tensors[id]!.shape.join(', ')}]`).join(' ') || '-',
      multiplyAdds: operationMultiplyAdds(operation),
      bytesRead: bytesOf(reads) + moments + ofParameters(parameterReads),
      bytesWritten: bytesOf(writes) + moments + ofParameters(parameterWrites),
      bindings: bindingsOf(operation, layout),
    };
  });
}
