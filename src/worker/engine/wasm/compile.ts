/** Compiles a program of the plan to records in the engine's memory. */

import { stagesOf } from '../plan/accesses.js';
import type { Operation } from '../plan/operations.js';
import type { PlannedProgram } from '../plan/plan.js';
import type { Arena } from './memory/arena.js';
import { Bindings, type Residents } from './memory/bindings.js';
import { lowerCountCorrect } from './count-correct.js';
import { lowerDraw } from './draw.js';
import { lowerLoss } from './loss.js';
import { lowerUpdate } from './update.js';
import { lowerNormGradient, lowerNormInference, lowerNormStatistics } from './norms.js';
import { lowerProduct } from './convolution/products.js';
import { storeRecords, Waves, type OperationRecord, type StoredProgram } from './records.js';
import { FilledSplits, lowerBiasGradient, lowerFilterGradient } from './convolution/sums.js';
import { Stager } from './convolution/windows.js';

export interface CompiledProgram {
  readonly bindings: Bindings;
  /** To be run before it where parameters have changed; holds nothing unless they are kept. */
  readonly prepared: StoredProgram;
  readonly stored: StoredProgram;
  /** Which partial sums of the gradients are filled. */
  readonly filled: FilledSplits;
}

function lower(
  operation: Operation,
  bindings: Bindings,
  stager: Stager,
  filled: FilledSplits,
  waves: Waves,
): void {
  switch (operation.kind) {
    case 'draw':
      return lowerDraw(operation, bindings, waves);
    case 'product':
      return lowerProduct(operation, bindings, stager, waves);
    case 'filterGradient':
      return lowerFilterGradient(operation, bindings, stager, filled, waves);
    case 'biasGradient':
      return lowerBiasGradient(operation, bindings, filled, waves);
    case 'normStatistics':
      return lowerNormStatistics(operation, bindings, waves);
    case 'normInference':
      return lowerNormInference(operation, bindings, waves);
    case 'normGradient':
      return lowerNormGradient(operation, bindings, waves);
    case 'loss':
      return lowerLoss(operation, bindings, waves);
    case 'update':
      return lowerUpdate(operation, bindings, filled, waves);
    case 'countCorrect':
      return lowerCountCorrect(operation, bindings, waves);
    case 'initialise':
      throw new Error('First values are drawn by model/parameters.ts: they are needed once.');
    default:
      return operation satisfies never;
  }
}

/**
 * Allocates what the program needs and writes its records. What reads parameters alone runs with the
 * first waves of its stage, as earlier stages may set them, or, where the program `keepsParameters`, is
 * a program of its own: to be run once before any number of runs of the rest.
 */
export function compileProgram(
  planned: PlannedProgram,
  arena: Arena,
  residents: Residents,
  keepsParameters = false,
): CompiledProgram {
  const bindings = new Bindings(planned, arena, residents, keepsParameters);
  const stager = new Stager(bindings);
  const filled = new FilledSplits();
  const waves: (readonly OperationRecord[])[] = [];
  const prepared: (readonly OperationRecord[])[] = [];
  for (const operations of stagesOf(planned.program.operations)) {
    const own = new Waves();
    bindings.workspace.beginStage();
    stager.beginStage(operations[0]!.stage);
    // Products stage with the widest border, which kernel gradients of the same stage then share.
    const isProduct = ({ kind }: Operation): boolean => kind === 'product';
    const ordered = [...operations.filter(isProduct), ...operations.filter((other) => !isProduct(other))];
    for (const operation of ordered) lower(operation, bindings, stager, filled, own);
    if (keepsParameters) prepared.push(...own.prepared);
    else own.mergePrepared();
    waves.push(...own.filled);
  }
  return {
    bindings,
    prepared: storeRecords(arena, prepared),
    stored: storeRecords(arena, waves),
    filled,
  };
}
