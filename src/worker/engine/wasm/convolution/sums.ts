/** Lowers the sums over rows of the backward pass: gradients of kernels and of biases. */

import type {
  BiasGradientOp,
  FilterGradientOp,
  ReductionSplit,
  TensorId,
  UpdateEntry,
} from '../../plan/operations.js';
import type { Bindings } from '../memory/bindings.js';
import { addFilter, type Sums } from './filters.js';
import { areConsecutive, countRows, storeImageTable } from '../images.js';
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
} from '../kernels/words.js';
import type { Waves } from '../records.js';
import { storeSnippets } from '../snippets.js';
import { tapBlocks, tapBorder } from './taps.js';
import { toomGradientForm } from './toom/toom-form.js';
import { addToomGradient } from './toom/toom-gradients.js';
import { NO_BORDER, startingAt, windowsOf, type Stager } from './windows.js';

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

/** Adds the staging (wave 0) and sums (wave 1) of a kernel's gradient, or those of `toom-gradients.ts`. */
export function lowerFilterGradient(
  operation: FilterGradientOp,
  bindings: Bindings,
  stager: Stager,
  filled: FilledSplits,
  waves: Waves,
): void {
  const { geometry, splits, large, small, target, name } = operation;
  const { kernelHeight, kernelWidth } = geometry;
  const toom = toomGradientForm(geometry);
  const blocks = tapBlocks(geometry);
  const border = toom === null ? tapBorder(blocks, geometry) : NO_BORDER;
  const runs = mergeSplits(splits);
  const tapBytes = geometry.large.channels * geometry.small.channels * 4;
  const filledSplits = filled.note(target, runs);
  for (const [index, run] of runs.entries()) {
    const images = countRows(run);
    const staged = stager.stage(large, geometry.large, run, border, waves, name);
    const gradients = stager.stage(small, geometry.small, run, NO_BORDER, waves, name);
    const out = bindings.tensor(target) + filledSplits[index]! * kernelHeight * kernelWidth * tapBytes;
    if (toom !== null) {
      addToomGradient(geometry, toom, staged, gradients, images, out, bindings, name, waves);
      continue;
    }
    for (const y of blocks.ys) {
      for (const x of blocks.xs) {
        const sums: Sums = {
          windows: windowsOf(staged, y, x, geometry.large.channels),
          positions: startingAt(gradients, y.first, x.first),
          images,
          rowsY: y.rows,
          rowsX: x.rows,
          filters: geometry.small.channels,
          out: out + (y.tap * kernelWidth + x.tap) * tapBytes,
          outRunStep: kernelWidth * tapBytes,
        };
        addFilter(sums, bindings.arena, name, waves, 1);
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
    const partials = bindings.workspace.allocate(images * Math.ceil(channels / 4) * 16);
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
