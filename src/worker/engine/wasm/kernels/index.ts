/**
 * What a binary exports: running records of a program as one of several threads, serving as a helper
 * thread, and single functions for tests and measurements.
 */

import {
  BARRIER,
  BIAS_FINISH,
  BIAS_PARTIALS,
  COMBINE,
  FILTER,
  NORM_FINISH,
  NORM_GRADIENT_FINISH,
  NORM_GRADIENT_PARTIALS,
  NORM_INFERENCE,
  NORM_PARTIALS,
  OVERLAP,
  OPERATION,
  PACK,
  RECORD_WORDS,
  ROWS,
  STAGE,
  TEAM_BROKEN,
  TEAM_COMMAND,
  TEAM_MEMBERS,
  TEAM_PROGRAM,
  TEAM_RECORDS,
  TEAM_STOP,
  TEAM_THREADS,
} from './words';
import {
  CountCorrectOperation,
  DrawImagesOperation,
  DrawLabelsOperation,
  DrawLatentsOperation,
  DrawMaskOperation,
  LossOperation,
  OperationKind,
  UpdateOperation,
} from './layout';
import { adam } from './adam';
import { biasFinish, biasPartials } from './bias';
import { resetClaims } from './claims';
import { drawImages, drawLabels, drawLatents, drawMask } from './draw';
import { combine } from './combine';
import { countCorrect } from './evaluate';
import { lossHead } from './loss';
import { normFinish, normGradientFinish, normGradientPartials, normInference, normPartials } from './norm';
import { overlap } from './overlap';
import { pack } from './pack';
import { productFilter } from './product-filter';
import { productRows } from './product-rows';
import { address, int } from './record';
import { stage } from './stage';
import { awaitCommand, meet, spinWhile } from './team';

/**
 * Runs `count` records from `program` as one of `threads` threads, of which each claims what it does. Returns
 * false where another thread was waited for in vain. Several threads meet after the last record.
 */
export function runRecords(program: usize, count: i32, threads: i32, run: usize, scratch: usize): bool {
  let wave = program;
  for (; count > 0; count--, program += RECORD_WORDS << 2) {
    runRecord(program, threads, run, scratch);
    if (threads == 1) {
      resetClaims(program, program);
    } else if (int(program, BARRIER) != 0) {
      if (!meet(run, threads, wave, program)) return false;
      wave = program + (RECORD_WORDS << 2);
    }
  }
  return true;
}

function runRecord(record: usize, threads: i32, run: usize, scratch: usize): void {
  switch (int(record, OPERATION)) {
    case STAGE:
      stage(record, threads);
      break;
    case PACK:
      pack(record, threads);
      break;
    case ROWS:
      productRows(record, threads, scratch);
      break;
    case FILTER:
      productFilter(record, threads, scratch);
      break;
    case NORM_PARTIALS:
      normPartials(record, threads);
      break;
    case NORM_FINISH:
      normFinish(record, threads);
      break;
    case NORM_INFERENCE:
      normInference(record);
      break;
    case NORM_GRADIENT_PARTIALS:
      normGradientPartials(record, threads);
      break;
    case NORM_GRADIENT_FINISH:
      normGradientFinish(record, threads);
      break;
    case BIAS_PARTIALS:
      biasPartials(record, threads, scratch);
      break;
    case BIAS_FINISH:
      biasFinish(record);
      break;
    case OperationKind.loss:
      lossHead(changetype<LossOperation>(record));
      break;
    case OperationKind.update:
      adam(changetype<UpdateOperation>(record), threads);
      break;
    case OperationKind.drawImages:
      drawImages(changetype<DrawImagesOperation>(record), threads, run, scratch);
      break;
    case OperationKind.drawLabels:
      drawLabels(changetype<DrawLabelsOperation>(record), run, scratch);
      break;
    case OperationKind.drawLatents:
      drawLatents(changetype<DrawLatentsOperation>(record), threads, run, scratch);
      break;
    case OperationKind.drawMask:
      drawMask(changetype<DrawMaskOperation>(record), threads, run, scratch);
      break;
    case OVERLAP:
      overlap(record, threads, scratch);
      break;
    case COMBINE:
      combine(record, threads, scratch);
      break;
    case OperationKind.countCorrect:
      countCorrect(changetype<CountCorrectOperation>(record), run);
      break;
    default:
      unreachable();
  }
}

/** A helper's life: commands of the training thread one after the other, until it is told to stop. */
export function serve(run: usize, helper: i32, last: i32, scratch: usize): void {
  while (true) {
    last = awaitCommand(run, last);
    if (int(run, TEAM_STOP) != 0) return;
    if (int(run, TEAM_MEMBERS + helper) == 0) continue;
    const program = address(run, TEAM_PROGRAM);
    if (!runRecords(program, int(run, TEAM_RECORDS), int(run, TEAM_THREADS), run, scratch)) return;
  }
}

/** Gives the helpers the command that the run's words describe. */
export function command(run: usize): void {
  const word = run + (usize(TEAM_COMMAND) << 2);
  if (!ASC_FEATURE_THREADS) return;
  atomic.add<i32>(word, 1);
  atomic.notify(word, -1);
}

/** Whether a thread has been waited for in vain. */
export function isBroken(run: usize): bool {
  return int(run, TEAM_BROKEN) != 0;
}

export { spinWhile };
// Exported so that they stay functions of their own, see packed-kernel.ts, and so that their rate can be measured.
export { gathered6x8, gathered6x8By4 } from './gathered-kernel';
export { packed6x8, packed6x8By4 } from './packed-kernel';
