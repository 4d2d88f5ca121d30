/**
 * Time by operation of a train step, for benchmarks. Nothing else imports it, and the engine's own path
 * knows nothing of it.
 */

import type { Operation } from '../plan/operations.js';
import { operationMultiplyAdds } from '../plan/costs.js';
import type { WasmEngine } from './wasm-engine.js';

interface OperationTime {
  /** The plan's name of the operation. */
  readonly name: string;
  readonly kind: Operation['kind'];
  /** Fastest of the runs, all of the operation's records together. */
  readonly ms: number;
  /** Of the matrix product; 0 for other operations. */
  readonly multiplyAdds: number;
}

/** Neighbouring records of one operation, timed in one go: clocks of browsers are coarse. */
interface Piece {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

function piecesOf(names: readonly string[]): readonly Piece[] {
  const pieces: Piece[] = [];
  names.forEach((name, index) => {
    const last = pieces.at(-1);
    if (last?.name === name) pieces[pieces.length - 1] = { ...last, count: last.count + 1 };
    else pieces.push({ name, first: index, count: 1 });
  });
  return pieces;
}

/**
 * Runs the next train step of an engine of one thread `runs` times and times its operations, in the plan's
 * order. The engine is afterwards what it was before. Throws where there are more threads: those meet
 * where several operations end, not after each.
 */
export async function profileStep(engine: WasmEngine, runs = 20): Promise<readonly OperationTime[]> {
  if (engine.threads > 1)
    throw new Error(`This engine has ${engine.threads} threads; profile one that has one.`);
  const before = await engine.exportState();
  const { program, run } = engine.measured;
  const { operations } = program.bindings.program;
  const pieces = piecesOf(program.stored.names);
  const fastest = pieces.map(() => Infinity);
  try {
    for (let round = 0; round < runs; round++) {
      pieces.forEach(({ first, count }, index) => {
        const start = performance.now();
        run(first, count);
        fastest[index] = Math.min(fastest[index]!, performance.now() - start);
      });
    }
  } finally {
    await engine.importState(before);
  }
  return operations.map((operation) => {
    const own = fastest.filter((_, index) => pieces[index]!.name === operation.name);
    const ms = own.reduce((sum, time) => sum + time, 0);
    return { name: operation.name, kind: operation.kind, ms, multiplyAdds: operationMultiplyAdds(operation) };
  });
}
