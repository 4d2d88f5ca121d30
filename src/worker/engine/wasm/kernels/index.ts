/**
 * What a binary exports: running records of a program as one of several threads, serving as a helper
 * thread, and single functions for tests and measurements.
 */

import { adam } from './adam';
import { biasFinish, biasPartials } from './bias-gradient';
import { countCorrect } from './count-correct';
import { contrastiveGradient, contrastiveNormalise, contrastiveRows } from './contrastive';
import { drawClasses, drawImages, drawLabels, drawLatents, drawMask, drawNormals, drawTargets } from './draw';
import { groupNorm, groupNormGradient } from './group-norm';
import { kernelGradient } from './convolution/kernel-gradient';
import {
  BiasFinishOperation,
  BiasPartialsOperation,
  ContrastiveGradientOperation,
  ContrastiveNormaliseOperation,
  ContrastiveRowsOperation,
  CountCorrectOperation,
  DrawImagesOperation,
  DrawLabelsOperation,
  DrawClassesOperation,
  DrawLatentsOperation,
  DrawMaskOperation,
  DrawNormalsOperation,
  DrawTargetsOperation,
  DrawViewsOperation,
  GroupNormGradientOperation,
  GroupNormOperation,
  KernelGradientOperation,
  LossOperation,
  NearestOperation,
  NormFinishOperation,
  NormGradientFinishOperation,
  NormGradientPartialsOperation,
  NormInferenceOperation,
  NormPartialsOperation,
  Operation,
  OPERATION_BYTES,
  OperationKind,
  OverlapAddOperation,
  PackOperation,
  ProductOperation,
  Run,
  SimilaritiesOperation,
  SpreadIterationOperation,
  StageOperation,
  ToomProductOperation,
  TransformOperation,
  UpdateOperation,
} from './layout';
import { loss } from './loss';
import { nearest } from './nearest';
import { normFinish, normGradientFinish, normGradientPartials, normInference, normPartials } from './norm';
import { overlapAdd } from './convolution/overlap-add';
import { pack } from './convolution/pack';
import { useTiles } from './convolution/packed-micro-kernel';
import { product } from './convolution/product';
import { similarities } from './convolution/similarities';
import { spreadIteration } from './spread';
import { stage } from './convolution/stage';
import { toomProduct } from './convolution/toom-product';
import { wordAt } from './common/tables';
import { awaitCommand, meet, spinWhile } from './threads/team';
import { transform } from './convolution/transform';
import { drawViews } from './view';
import { resetShares } from './threads/work-shares';

/**
 * Runs `count` operations from `program` as one of `threads` threads, of which each claims what it does. Returns
 * false where another thread was waited for in vain. Several threads meet after the last operation.
 */
export function runRecords(program: usize, count: i32, threads: i32, run: Run, scratch: usize): bool {
  let group = program;
  useTiles(run.tileColumns);
  for (; count > 0; count--, program += OPERATION_BYTES) {
    const record = changetype<Operation>(program);
    runRecord(record, threads, run, scratch);
    if (threads == 1) {
      resetShares(program, program);
    } else if (record.endsGroup != 0) {
      if (!meet(run, threads, group, program)) return false;
      group = program + OPERATION_BYTES;
    }
  }
  return true;
}

function runRecord(record: Operation, threads: i32, run: Run, scratch: usize): void {
  switch (record.kind) {
    case OperationKind.stage:
      stage(changetype<StageOperation>(record), threads);
      break;
    case OperationKind.pack:
      pack(changetype<PackOperation>(record), threads);
      break;
    case OperationKind.product:
      product(changetype<ProductOperation>(record), threads, scratch);
      break;
    case OperationKind.similarities:
      similarities(changetype<SimilaritiesOperation>(record), threads, scratch);
      break;
    case OperationKind.nearest:
      nearest(changetype<NearestOperation>(record), threads);
      break;
    case OperationKind.spreadIteration:
      spreadIteration(changetype<SpreadIterationOperation>(record), threads);
      break;
    case OperationKind.overlapAdd:
      overlapAdd(changetype<OverlapAddOperation>(record), threads, scratch);
      break;
    case OperationKind.transform:
      transform(changetype<TransformOperation>(record), threads, scratch);
      break;
    case OperationKind.toomProduct:
      toomProduct(changetype<ToomProductOperation>(record), threads, scratch);
      break;
    case OperationKind.kernelGradient:
      kernelGradient(changetype<KernelGradientOperation>(record), threads, scratch);
      break;
    case OperationKind.normPartials:
      normPartials(changetype<NormPartialsOperation>(record), threads);
      break;
    case OperationKind.normFinish:
      normFinish(changetype<NormFinishOperation>(record), threads);
      break;
    case OperationKind.normInference:
      normInference(changetype<NormInferenceOperation>(record));
      break;
    case OperationKind.normGradientPartials:
      normGradientPartials(changetype<NormGradientPartialsOperation>(record), threads);
      break;
    case OperationKind.normGradientFinish:
      normGradientFinish(changetype<NormGradientFinishOperation>(record), threads);
      break;
    case OperationKind.groupNorm:
      groupNorm(changetype<GroupNormOperation>(record), threads, scratch);
      break;
    case OperationKind.groupNormGradient:
      groupNormGradient(changetype<GroupNormGradientOperation>(record), threads, scratch);
      break;
    case OperationKind.contrastiveNormalise:
      contrastiveNormalise(changetype<ContrastiveNormaliseOperation>(record), threads);
      break;
    case OperationKind.contrastiveRows:
      contrastiveRows(changetype<ContrastiveRowsOperation>(record), threads, scratch);
      break;
    case OperationKind.contrastiveGradient:
      contrastiveGradient(changetype<ContrastiveGradientOperation>(record), threads, scratch);
      break;
    case OperationKind.biasPartials:
      biasPartials(changetype<BiasPartialsOperation>(record), threads, scratch);
      break;
    case OperationKind.biasFinish:
      biasFinish(changetype<BiasFinishOperation>(record));
      break;
    case OperationKind.drawImages:
      drawImages(changetype<DrawImagesOperation>(record), threads, run, scratch);
      break;
    case OperationKind.drawViews:
      drawViews(changetype<DrawViewsOperation>(record), threads, run, scratch);
      break;
    case OperationKind.drawTargets:
      drawTargets(changetype<DrawTargetsOperation>(record), run, scratch);
      break;
    case OperationKind.drawNormals:
      drawNormals(changetype<DrawNormalsOperation>(record), threads, run, scratch);
      break;
    case OperationKind.drawLabels:
      drawLabels(changetype<DrawLabelsOperation>(record), run, scratch);
      break;
    case OperationKind.drawLatents:
      drawLatents(changetype<DrawLatentsOperation>(record), threads, run, scratch);
      break;
    case OperationKind.drawClasses:
      drawClasses(changetype<DrawClassesOperation>(record));
      break;
    case OperationKind.drawMask:
      drawMask(changetype<DrawMaskOperation>(record), threads, run, scratch);
      break;
    case OperationKind.loss:
      loss(changetype<LossOperation>(record), scratch);
      break;
    case OperationKind.update:
      adam(changetype<UpdateOperation>(record), threads);
      break;
    case OperationKind.countCorrect:
      countCorrect(changetype<CountCorrectOperation>(record), run);
      break;
    default:
      unreachable();
  }
}

/** A helper's life: commands of the training thread one after the other, until another thread was waited for in vain. */
export function serve(run: Run, helper: i32, last: i32, scratch: usize): void {
  while (true) {
    last = awaitCommand(run, last);
    if (wordAt(run.members, helper) == 0) continue;
    if (!runRecords(run.program, run.operations, run.threads, run, scratch)) return;
  }
}

/** Gives the helpers the command that the run's words describe. */
export function command(run: Run): void {
  const word = changetype<usize>(run) + offsetof<Run>('command');
  if (!ASC_FEATURE_THREADS) return;
  atomic.add<i32>(word, 1);
  atomic.notify(word, -1);
}

export { spinWhile };
// Exported so that they stay functions of their own, see packed-micro-kernel.ts.
export {
  gathered6x8,
  packed6x16,
  packed6x8,
  packed6x8By4,
  repeatTiles,
} from './convolution/packed-micro-kernel';
