/** Lowers the sums over rows of the backward pass: gradients of kernels and of biases. */

import type {
  BiasGradientOp,
  FilterGradientOp,
  ReductionSplit,
  TensorId,
  UpdateEntry,
} from '../plan/operations.js';
import type { Bindings } from './bindings.js';
import { areConsecutive, countRows, storeImageTable } from './images.js';
import {
  BIAS_CHANNELS,
  BIAS_FINISH,
  BIAS_IMAGES,
  BIAS_PARTIALS,
  BIAS_PARTIALS_POINTER,
  BIAS_POSITIONS,
  BIAS_SNIPPETS,
  BIAS_SOURCE,
  BIAS_TABLE,
  BIAS_TARGET,
  FILTER,
  FILTER_FILTERS,
  FILTER_IMAGES,
  FILTER_LEFT,
  FILTER_LEFT_COLUMN_STEP,
  FILTER_LEFT_IMAGE_STEP,
  FILTER_LEFT_ROW_STEP,
  FILTER_OUT,
  FILTER_RIGHT,
  FILTER_RUNS,
  FILTER_RUN_LENGTH,
  FILTER_RUN_STEP,
  FILTER_X,
  FILTER_Y,
  PACK,
  PACK_CHANNELS,
  PACK_CHANNEL_STEP,
  PACK_FILTERS,
  PACK_FILTER_STEP,
  PACK_GROUPS_X,
  PACK_GROUPS_Y,
  PACK_INCREMENT_X,
  PACK_INCREMENT_Y,
  PACK_SIZE_X,
  PACK_SIZE_Y,
  PACK_SOURCE,
  PACK_STEP_X,
  PACK_STEP_Y,
  PACK_TAPS_X,
  PACK_TAPS_Y,
  PACK_TARGET,
} from './kernels/layout.js';
import type { Waves } from './records.js';
import { storeSnippets } from './snippets.js';
import { NO_BORDER, type Staged, type Stager } from './windows.js';

/**
 * Runs of splits whose rows follow each other. The plan's splits give a GPU enough to do at once; here
 * the outputs are enough, and each run is one sum.
 */
export function mergeSplits(splits: readonly ReductionSplit[]): readonly (readonly ReductionSplit[])[] {
  const runs: ReductionSplit[][] = [];
  for (const split of splits) {
    const run = runs.at(-1);
    const isNext =
      run !== undefined &&
      run[0]!.instance === split.instance &&
      areConsecutive([...run, split], 'forward') &&
      areConsecutive([...run, split], 'gradient');
    if (isNext) run.push(split);
    else runs.push([split]);
  }
  return runs;
}

/** Which of the plan's partial sums of a gradient this engine fills, by tensor. */
export class FilledSplits {
  readonly #byTensor = new Map<TensorId, readonly number[]>();

  /** Runs of one instance fill its first splits, one after the other. Returns the split of each run. */
  note(tensor: TensorId, runs: readonly (readonly ReductionSplit[])[]): readonly number[] {
    const splits: number[] = [];
    runs.forEach((run, index) => {
      const before = runs[index - 1];
      const isSame = before?.[0]!.instance === run[0]!.instance;
      splits.push(isSame ? splits[index - 1]! + 1 : run[0]!.split);
    });
    this.#byTensor.set(tensor, splits);
    return splits;
  }

  /** Those that an update has to add up, in order. */
  of({ gradient, firstSplit, splits }: UpdateEntry): readonly number[] {
    const filled = this.#byTensor.get(gradient);
    if (filled === undefined) return Array.from({ length: splits }, (_, index) => firstSplit + index);
    return filled.filter((split) => split >= firstSplit && split < firstSplit + splits);
  }
}

/** Packs images [image, y, x, channels] as the right operand of a sum over positions, in wave 1. */
function packPositions(
  staged: Staged,
  images: number,
  { height, width, channels }: { readonly height: number; readonly width: number; readonly channels: number },
  bindings: Bindings,
  waves: Waves,
  name: string,
): number {
  const target = bindings.arena.allocate(Math.ceil(channels / 8) * images * height * width * 32);
  const isWhole = staged.rowStep === width * staged.columnStep && staged.imageStep === height * staged.rowStep;
  const [tapsY, tapsX, depth] = isWhole ? [1, 1, images * height * width] : [images, height, width];
  waves.add(
    1,
    PACK,
    name,
    [PACK_SOURCE, staged.address],
    [PACK_TARGET, target],
    [PACK_TAPS_Y, tapsY],
    [PACK_TAPS_X, tapsX],
    [PACK_CHANNELS, depth],
    [PACK_GROUPS_Y, 1],
    [PACK_GROUPS_X, 1],
    [PACK_FILTERS, channels],
    [PACK_INCREMENT_Y, 1],
    [PACK_INCREMENT_X, 1],
    [PACK_SIZE_Y, tapsY],
    [PACK_SIZE_X, tapsX],
    [PACK_STEP_Y, staged.imageStep],
    [PACK_STEP_X, staged.rowStep],
    [PACK_CHANNEL_STEP, staged.columnStep],
    [PACK_FILTER_STEP, 4],
  );
  return target;
}

/** Adds the staging (wave 0), packing (wave 1) and sums (wave 2) of a kernel's gradient. */
export function lowerFilterGradient(
  operation: FilterGradientOp,
  bindings: Bindings,
  stager: Stager,
  filled: FilledSplits,
  waves: Waves,
): void {
  const { geometry, splits, large, small, target, name } = operation;
  const runs = mergeSplits(splits);
  const splitBytes =
    geometry.kernelHeight * geometry.kernelWidth * geometry.large.channels * geometry.small.channels * 4;
  const filledSplits = filled.note(target, runs);
  for (const [index, run] of runs.entries()) {
    const images = countRows(run);
    const windows = stager.windows(large, geometry, run, waves, name);
    const staged = stager.stage(small, geometry.small, run, NO_BORDER, waves, name);
    const right = packPositions(staged, images, geometry.small, bindings, waves, name);
    waves.add(
      2,
      FILTER,
      name,
      [FILTER_LEFT, windows.address],
      [FILTER_LEFT_IMAGE_STEP, windows.imageStep],
      [FILTER_LEFT_ROW_STEP, windows.rowStep],
      [FILTER_LEFT_COLUMN_STEP, windows.columnStep],
      [FILTER_RUNS, windows.runs],
      [FILTER_RUN_LENGTH, windows.runLength],
      [FILTER_RUN_STEP, windows.runStep],
      [FILTER_RIGHT, right],
      [FILTER_IMAGES, images],
      [FILTER_Y, geometry.small.height],
      [FILTER_X, geometry.small.width],
      [FILTER_FILTERS, geometry.small.channels],
      [FILTER_OUT, bindings.tensor(target) + filledSplits[index]! * splitBytes],
    );
  }
}

/** Adds the partial (wave 0) and whole (wave 1) sums of a bias's gradient. */
export function lowerBiasGradient(
  operation: BiasGradientOp,
  bindings: Bindings,
  filled: FilledSplits,
  waves: Waves,
): void {
  const { side, splits, source, target, name } = operation;
  const { channels } = side;
  const runs = mergeSplits(splits);
  const filledSplits = filled.note(target, runs);
  for (const [index, run] of runs.entries()) {
    const images = countRows(run);
    const partials = bindings.arena.allocate(images * Math.ceil(channels / 4) * 16);
    waves.add(
      0,
      BIAS_PARTIALS,
      name,
      [BIAS_SOURCE, bindings.tensor(source.tensor)],
      [BIAS_CHANNELS, channels],
      [BIAS_POSITIONS, side.height * side.width],
      [BIAS_IMAGES, images],
      [BIAS_TABLE, storeImageTable(bindings.arena, run, source.rows)],
      [BIAS_SNIPPETS, storeSnippets(source.chain, run[0]!.instance, channels, bindings)],
      [BIAS_PARTIALS_POINTER, partials],
    );
    waves.add(
      1,
      BIAS_FINISH,
      name,
      [BIAS_TARGET, bindings.tensor(target) + filledSplits[index]! * channels * 4],
      [BIAS_CHANNELS, channels],
      [BIAS_IMAGES, images],
      [BIAS_PARTIALS_POINTER, partials],
    );
  }
}
