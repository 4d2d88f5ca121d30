/** Compiles a program of the plan to records in the engine's memory. */

import { stagesOf } from '../plan/accesses.js';
import type { Operation, View } from '../plan/operations.js';
import type { PlannedProgram } from '../plan/plan.js';
import { Bindings, type ProgramMemory, type Residents } from './memory/bindings.js';
import { lowerCountCorrect } from './count-correct.js';
import { lowerContrastive, lowerContrastiveGradient } from './contrastive.js';
import { lowerDraw } from './draw.js';
import { lowerGroupNorm, lowerGroupNormGradient } from './group-norms.js';
import { lowerLoss } from './loss.js';
import { lowerUpdate } from './update.js';
import { lowerNormGradient, lowerNormInference, lowerNormStatistics } from './norms.js';
import { lowerProduct } from './convolution/products.js';
import { storeRecords, StageRecords, type OperationRecord, type StoredProgram } from './stage-records.js';
import { FilledSplits, lowerBiasGradient, lowerKernelGradient } from './convolution/gradients.js';
import { KeptTransforms } from './convolution/toom/kept-transforms.js';
import { toomGradientForm } from './convolution/toom/toom-form.js';
import { Stager } from './convolution/windows.js';

export interface CompiledProgram {
  readonly bindings: Bindings;
  /** To be run before it where parameters have changed; holds nothing unless they are kept. */
  readonly prepared: StoredProgram;
  readonly stored: StoredProgram;
  /** Which partial sums of the gradients are filled. */
  readonly filled: FilledSplits;
}

/** Views that an operation has staged; those of a Toom-Cook gradient are mostly kept transformed. */
function stagedViews(operation: Operation): readonly View[] {
  if (operation.kind === 'product') return [operation.source];
  if (operation.kind !== 'filterGradient' || toomGradientForm(operation.geometry) !== null) return [];
  return [operation.large, operation.small];
}

function lower(
  operation: Operation,
  bindings: Bindings,
  stager: Stager,
  transforms: KeptTransforms,
  filled: FilledSplits,
  records: StageRecords,
): void {
  switch (operation.kind) {
    case 'draw':
      return lowerDraw(operation, bindings, records);
    case 'product':
      return lowerProduct(operation, bindings, stager, transforms, records);
    case 'filterGradient':
      return lowerKernelGradient(operation, bindings, stager, transforms, filled, records);
    case 'biasGradient':
      return lowerBiasGradient(operation, bindings, filled, records);
    case 'normStatistics':
      return lowerNormStatistics(operation, bindings, records);
    case 'normInference':
      return lowerNormInference(operation, bindings, records);
    case 'normGradient':
      return lowerNormGradient(operation, bindings, records);
    case 'groupNorm':
      return lowerGroupNorm(operation, bindings, records);
    case 'groupNormGradient':
      return lowerGroupNormGradient(operation, bindings, filled, records);
    case 'contrastive':
      return lowerContrastive(operation, bindings, records);
    case 'contrastiveGradient':
      return lowerContrastiveGradient(operation, bindings, records);
    case 'loss':
      return lowerLoss(operation, bindings, records);
    case 'update':
      return lowerUpdate(operation, bindings, filled, records);
    case 'countCorrect':
      return lowerCountCorrect(operation, bindings, records);
    case 'initialise':
      throw new Error('First values are drawn by model/parameters.ts: they are needed once.');
    default:
      return operation satisfies never;
  }
}

/**
 * Allocates what the program needs and writes its records. What reads parameters alone runs with the
 * first groups of its stage, as earlier stages may set them, or, where the program `keepsParameters`, is
 * a program of its own: to be run once before any number of runs of the rest.
 */
export function compileProgram(
  planned: PlannedProgram,
  memory: ProgramMemory,
  residents: Residents,
  keepsParameters = false,
): CompiledProgram {
  const { arena } = memory;
  const bindings = new Bindings(planned, memory, residents, keepsParameters);
  const stager = new Stager(bindings, stagedViews);
  const transforms = new KeptTransforms(bindings);
  const filled = new FilledSplits();
  const groups: (readonly OperationRecord[])[] = [];
  const prepared: (readonly OperationRecord[])[] = [];
  for (const operations of stagesOf(planned.program.operations)) {
    const own = new StageRecords();
    bindings.workspace.begin();
    stager.beginStage(operations[0]!.stage);
    transforms.beginStage(operations[0]!.stage);
    // Products stage with the widest border, and keep transforms, which kernel gradients of the same stage then share.
    const isProduct = ({ kind }: Operation): boolean => kind === 'product';
    const ordered = [...operations.filter(isProduct), ...operations.filter((other) => !isProduct(other))];
    for (const operation of ordered) lower(operation, bindings, stager, transforms, filled, own);
    if (keepsParameters) prepared.push(...own.prepared);
    else own.mergePrepared();
    groups.push(...own.filled);
  }
  return {
    bindings,
    prepared: storeRecords(arena, prepared),
    stored: storeRecords(arena, groups),
    filled,
  };
}
