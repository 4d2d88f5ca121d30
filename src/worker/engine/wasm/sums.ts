/** Lowers the sums over rows of the backward pass: gradients of kernels and of biases. */

import type {
  BiasGradientOp,
  FilterGradientOp,
  ReductionSplit,
  TensorId,
  UpdateEntry,
} from '../plan/operations.js';
import type { Arena } from './arena.js';
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
  FILTER_DEPTH,
  FILTER_FILTERS,
  FILTER_LEFT,
  FILTER_OUT,
  FILTER_OUT_RUN_STEP,
  FILTER_RIGHT,
  FILTER_RUNS,
  FILTER_RUN_LENGTH,
  FILTER_RUN_STEP,
  FILTER_TABLE,
} from './kernels/layout.js';
import type { Waves } from './records.js';
import { storeSnippets } from './snippets.js';
import { tapBlocks, tapBorder } from './taps.js';
import { NO_BORDER, windowsOf, type Staged, type Stager } from './windows.js';

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

/** Where the windows and the gradients of an image's positions lie, a pair of distances in bytes for each (see FILTER). */
function storeTerms(
  arena: Arena,
  windows: Staged,
  gradients: Staged,
  images: number,
  height: number,
  width: number,
): number {
  const terms = new Uint32Array(images * height * width * 2);
  let at = 0;
  for (let image = 0; image < images; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (const { imageStep, rowStep, columnStep } of [windows, gradients]) {
          terms[at++] = image * imageStep + y * rowStep + x * columnStep;
        }
      }
    }
  }
  return arena.storeWords(terms);
}

/** Adds the staging (wave 0) and sums (wave 1) of a kernel's gradient. */
export function lowerFilterGradient(
  operation: FilterGradientOp,
  bindings: Bindings,
  stager: Stager,
  filled: FilledSplits,
  waves: Waves,
): void {
  const { geometry, splits, large, small, target, name } = operation;
  const { kernelHeight, kernelWidth } = geometry;
  const blocks = tapBlocks(geometry);
  const runs = mergeSplits(splits);
  const tapBytes = geometry.large.channels * geometry.small.channels * 4;
  const filledSplits = filled.note(target, runs);
  for (const [index, run] of runs.entries()) {
    const images = countRows(run);
    const staged = stager.stage(large, geometry.large, run, tapBorder(blocks, geometry), waves, name);
    const gradients = stager.stage(small, geometry.small, run, NO_BORDER, waves, name);
    const out = bindings.tensor(target) + filledSplits[index]! * kernelHeight * kernelWidth * tapBytes;
    for (const y of blocks.ys) {
      for (const x of blocks.xs) {
        const windows = windowsOf(staged, y, x, geometry.large.channels);
        waves.add(
          1,
          FILTER,
          name,
          [FILTER_LEFT, windows.address],
          [FILTER_RUNS, windows.runs],
          [FILTER_RUN_LENGTH, windows.runLength],
          [FILTER_RUN_STEP, windows.runStep],
          [FILTER_RIGHT, gradients.address + y.first * gradients.rowStep + x.first * gradients.columnStep],
          [FILTER_TABLE, storeTerms(bindings.arena, windows, gradients, images, y.rows, x.rows)],
          [FILTER_DEPTH, images * y.rows * x.rows],
          [FILTER_FILTERS, geometry.small.channels],
          [FILTER_OUT, out + (y.tap * kernelWidth + x.tap) * tapBytes],
          [FILTER_OUT_RUN_STEP, kernelWidth * tapBytes],
        );
      }
    }
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
