/** Lowers the reductions over rows of the backward pass: gradients of kernels and of biases. */

import type {
  BiasGradientOp,
  FilterGradientOp,
  ReductionSplit,
  TensorId,
  UpdateEntry,
} from '../../plan/operations.js';
import type { Bindings } from '../memory/bindings.js';
import { addKernelGradient } from './kernel-gradient.js';
import { areConsecutive, countRows, storeImageTable } from '../images.js';
import type { StageRecords } from '../stage-records.js';
import { storeSnippets } from '../snippets.js';
import { tapBlocks, tapBorder } from './tap-blocks.js';
import { toomGradientForm } from './toom/toom-form.js';
import type { KeptTransforms } from './toom/kept-transforms.js';
import { addToomGradient } from './toom/toom-gradients.js';
import { NO_BORDER } from './kept-images.js';
import { startingAt, windowsOf, type Stager } from './windows.js';

/**
 * Runs of splits whose rows follow each other. The plan's splits give a GPU enough to do at once; here
 * the outputs are enough, and each run is one partial sum.
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

/** Adds the staging (group 0) and the products (group 1) of a kernel's gradient of a run of rows, which goes to `out`. */
function addGradient(
  { geometry, large, small, name }: FilterGradientOp,
  run: readonly ReductionSplit[],
  out: number,
  { arena }: Bindings,
  stager: Stager,
  records: StageRecords,
): void {
  const { kernelWidth } = geometry;
  const tapBytes = geometry.large.channels * geometry.small.channels * 4;
  const blocks = tapBlocks(geometry);
  const staged = stager.stage(large, geometry.large, run, tapBorder(blocks, geometry), records, name);
  const gradients = stager.stage(small, geometry.small, run, NO_BORDER, records, name);
  for (const y of blocks.ys) {
    for (const x of blocks.xs) {
      const gradient = {
        windows: windowsOf(staged, y, x, geometry.large.channels),
        positions: startingAt(gradients, y.first, x.first),
        images: countRows(run),
        rowsY: y.rows,
        rowsX: x.rows,
        filters: geometry.small.channels,
        out: out + (y.tap * kernelWidth + x.tap) * tapBytes,
        outRunStep: kernelWidth * tapBytes,
      };
      addKernelGradient(gradient, arena, name, records, 1);
    }
  }
}

/** Adds a kernel's gradient, a partial sum for each run of rows; by Toom-Cook transforms where they take less. */
export function lowerKernelGradient(
  operation: FilterGradientOp,
  bindings: Bindings,
  stager: Stager,
  transforms: KeptTransforms,
  filled: FilledSplits,
  records: StageRecords,
): void {
  const { geometry, splits, target } = operation;
  const { kernelHeight, kernelWidth, large, small } = geometry;
  const toom = toomGradientForm(geometry);
  const runs = mergeSplits(splits);
  const bytes = kernelHeight * kernelWidth * large.channels * small.channels * 4;
  const filledSplits = filled.note(target, runs);
  for (const [index, run] of runs.entries()) {
    const out = bindings.tensor(target) + filledSplits[index]! * bytes;
    if (toom === null) addGradient(operation, run, out, bindings, stager, records);
    else addToomGradient(operation, toom, run, out, bindings, stager, transforms, records);
  }
}

/** Adds the reductions of a bias's gradient over each image (group 0) and over all of them (group 1). */
export function lowerBiasGradient(
  operation: BiasGradientOp,
  bindings: Bindings,
  filled: FilledSplits,
  records: StageRecords,
): void {
  const { side, splits, source, target, name } = operation;
  const { channels } = side;
  const runs = mergeSplits(splits);
  const filledSplits = filled.note(target, runs);
  for (const [index, run] of runs.entries()) {
    const images = countRows(run);
    const partialStep = Math.ceil(channels / 4) * 16;
    const partials = bindings.workspace.allocate(images * partialStep);
    records.add(0, 'biasPartials', name, {
      source: bindings.tensor(source.tensor),
      partials,
      channels,
      positions: side.height * side.width,
      images,
      prologue: storeSnippets(source.prologue, run[0]!.instance, channels, bindings),
      imageTable: storeImageTable(bindings.arena, run, source.rows),
    });
    records.add(1, 'biasFinish', name, {
      partials,
      partialStep,
      target: bindings.tensor(target) + filledSplits[index]! * channels * 4,
      channels,
      images,
    });
  }
}
