/** Lowers the sums over rows of the backward pass: gradients of kernels and of biases. */

import type { Geometry, Side } from '../plan/geometry.js';
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
  FILTER_OUT_RUN_STEP,
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
import { NO_BORDER, type Staged, type Stager, type Windows } from './windows.js';

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
  { address, imageStep, rowStep, columnStep }: Staged,
  images: number,
  { height, width, channels }: Side,
  bindings: Bindings,
  waves: Waves,
  name: string,
): number {
  const target = bindings.arena.allocate(Math.ceil(channels / 8) * images * height * width * 32);
  // Positions that lie at equal distances are packed in one go.
  const areLinesWhole = rowStep === width * columnStep;
  const areImagesWhole = areLinesWhole && imageStep === height * rowStep;
  const [tapsY, tapsX, depth] = areImagesWhole
    ? [1, 1, images * height * width]
    : areLinesWhole
      ? [images, 1, height * width]
      : [images, height, width];
  waves.add(
    1,
    PACK,
    name,
    [PACK_SOURCE, address],
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
    [PACK_STEP_Y, imageStep],
    [PACK_STEP_X, rowStep],
    [PACK_CHANNEL_STEP, columnStep],
    [PACK_FILTER_STEP, 4],
  );
  return target;
}

/** Taps along one direction that reach into the image from the same positions. */
interface TapGroup {
  readonly tap: number;
  readonly taps: number;
  readonly first: number;
  readonly count: number;
}

function tapGroups(large: number, small: number, kernel: number, stride: number, pad: number): readonly TapGroup[] {
  const groups: TapGroup[] = [];
  for (let tap = 0; tap < kernel; tap++) {
    const first = Math.max(0, Math.ceil((pad - tap) / stride));
    const count = Math.max(0, Math.min(small - 1, Math.floor((large - 1 + pad - tap) / stride)) - first + 1);
    const last = groups.at(-1);
    if (last?.first === first && last.count === count) groups[groups.length - 1] = { ...last, taps: last.taps + 1 };
    else groups.push({ tap, taps: 1, first, count });
  }
  return groups;
}

/** What packing a float takes, in multiply-adds. */
const PACKING = 7;

/**
 * The taps of a kernel's gradient that are summed together, by direction. Leaving out positions that see only a
 * tap's border saves multiply-adds, but costs another packed operand, and rows that do not fill the last six.
 */
export function tapBlocks(geometry: Geometry): { readonly ys: readonly TapGroup[]; readonly xs: readonly TapGroup[] } {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  const { height, width, channels } = small;
  const all = { tap: 0, first: 0 };
  const wholeY = [{ ...all, taps: kernelHeight, count: height }];
  const wholeX = [{ ...all, taps: kernelWidth, count: width }];
  const splitY = tapGroups(large.height, height, kernelHeight, stride, padTop);
  const splitX = tapGroups(large.width, width, kernelWidth, stride, padLeft);
  const cost = (ys: readonly TapGroup[], xs: readonly TapGroup[]): number => {
    let total = 0;
    for (const y of ys) {
      for (const x of xs) {
        const rows = y.taps * Math.ceil((x.taps * large.channels) / 6) * 6;
        total += y.count * x.count * channels * (rows + PACKING);
      }
    }
    return total;
  };
  let best = { ys: wholeY as readonly TapGroup[], xs: wholeX as readonly TapGroup[] };
  for (const ys of [wholeY, splitY]) {
    for (const xs of [wholeX, splitX]) if (cost(ys, xs) < cost(best.ys, best.xs)) best = { ys, xs };
  }
  return best;
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
  const { kernelHeight, kernelWidth } = geometry;
  const runs = mergeSplits(splits);
  const rowBytes = geometry.small.channels * 4;
  const tapBytes = geometry.large.channels * rowBytes;
  const filledSplits = filled.note(target, runs);
  for (const [index, run] of runs.entries()) {
    const images = countRows(run);
    const windows = stager.windows(large, geometry, run, waves, name);
    const staged = stager.stage(small, geometry.small, run, NO_BORDER, waves, name);
    const out = bindings.tensor(target) + filledSplits[index]! * kernelHeight * kernelWidth * tapBytes;
    const add = (from: Windows, side: Side, right: number, to: number): void =>
      waves.add(
        2,
        FILTER,
        name,
        [FILTER_LEFT, from.address],
        [FILTER_LEFT_IMAGE_STEP, from.imageStep],
        [FILTER_LEFT_ROW_STEP, from.rowStep],
        [FILTER_LEFT_COLUMN_STEP, from.columnStep],
        [FILTER_RUNS, from.runs],
        [FILTER_RUN_LENGTH, from.runLength],
        [FILTER_RUN_STEP, from.runStep],
        [FILTER_RIGHT, right],
        [FILTER_IMAGES, images],
        [FILTER_Y, side.height],
        [FILTER_X, side.width],
        [FILTER_FILTERS, side.channels],
        [FILTER_OUT, to],
        [FILTER_OUT_RUN_STEP, kernelWidth * tapBytes],
      );
    const { ys, xs } = tapBlocks(geometry);
    if (windows.runs !== kernelHeight || (ys.length === 1 && xs.length === 1)) {
      add(windows, geometry.small, packPositions(staged, images, geometry.small, bindings, waves, name), out);
      continue;
    }
    for (const y of ys) {
      for (const x of xs) {
        const side = { height: y.count, width: x.count, channels: geometry.small.channels };
        const seen = { ...staged, address: staged.address + y.first * staged.rowStep + x.first * staged.columnStep };
        const pixelBytes = geometry.large.channels * 4;
        const part = {
          ...windows,
          address:
            windows.address +
            y.first * windows.rowStep +
            x.first * windows.columnStep +
            y.tap * windows.runStep +
            x.tap * pixelBytes,
          runs: y.taps,
          runLength: x.taps * geometry.large.channels,
        };
        const right = packPositions(seen, images, side, bindings, waves, name);
        add(part, side, right, out + (y.tap * kernelWidth + x.tap) * tapBytes);
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
