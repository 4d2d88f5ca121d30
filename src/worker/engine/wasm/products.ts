/** Lowers the plan's products: forward and input gradients of linear layers, in either direction. */

import { phasesOf, type Geometry, type Phase } from '../plan/geometry.js';
import type { OpSegment, ProductOp } from '../plan/operations.js';
import type { Bindings } from './bindings.js';
import { byInstance, countRows, storeImageTable } from './images.js';
import {
  PACK,
  PACK_CHANNELS,
  PACK_CHANNEL_STEP,
  PACK_FILTERS,
  PACK_FILTER_STEP,
  PACK_FIRST_X,
  PACK_FIRST_Y,
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
  ROWS,
  ROWS_FILTERS,
  ROWS_GROUPS_X,
  ROWS_GROUPS_Y,
  ROWS_IMAGES,
  ROWS_LEFT,
  ROWS_LEFT_COLUMN_STEP,
  ROWS_LEFT_IMAGE_STEP,
  ROWS_LEFT_ROW_STEP,
  ROWS_OFFSET_X,
  ROWS_OFFSET_Y,
  ROWS_OUT,
  ROWS_OUT_HEIGHT,
  ROWS_OUT_WIDTH,
  ROWS_RIGHT,
  ROWS_RUNS,
  ROWS_RUN_LENGTH,
  ROWS_RUN_STEP,
  ROWS_SCALE_X,
  ROWS_SCALE_Y,
  ROWS_SNIPPETS,
  ROWS_TABLE,
  ROWS_X,
  ROWS_Y,
} from './kernels/layout.js';
import type { Field, Waves } from './records.js';
import { storeSnippets } from './snippets.js';
import type { Stager, Windows } from './windows.js';

/** The right operand of one record, and where its outputs go. */
interface Part {
  /** Rows of the product for each image. */
  readonly rowsY: number;
  readonly rowsX: number;
  readonly tapsY: number;
  readonly tapsX: number;
  /** Kernel tap of depth tap 0, and from one to the next. */
  readonly firstY: number;
  readonly firstX: number;
  readonly increment: number;
  /** Columns come in groups of the target's channels, group (y, x) at kernel tap + (y, x). */
  readonly groupsY: number;
  readonly groupsX: number;
  /** Target position: row x scale + offset + group. */
  readonly scaleY: number;
  readonly scaleX: number;
  readonly offsetY: number;
  readonly offsetX: number;
}

interface Target {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Depth of a part for each tap, in channels, and the kernel's byte distances. */
interface Kernel {
  readonly geometry: Geometry;
  readonly depthChannels: number;
  readonly channelStep: number;
  readonly filterStep: number;
}

function kernelOf({ geometry, direction }: ProductOp): Kernel {
  const { large, small } = geometry;
  return direction === 'toSmall'
    ? { geometry, depthChannels: large.channels, channelStep: small.channels * 4, filterStep: 4 }
    : { geometry, depthChannels: small.channels, channelStep: 4, filterStep: small.channels * 4 };
}

/** Packs a kernel for a part before everything; returns where it will lie. */
function packKernel(
  { geometry, depthChannels, channelStep, filterStep }: Kernel,
  part: Part,
  filters: number,
  source: number,
  bindings: Bindings,
  waves: Waves,
  name: string,
): number {
  const { kernelHeight, kernelWidth, large, small } = geometry;
  const panels = Math.ceil((part.groupsY * part.groupsX * filters) / 8);
  const depth = part.tapsY * part.tapsX * depthChannels;
  const target = bindings.arena.allocate(panels * depth * 32);
  const tapStep = large.channels * small.channels * 4;
  waves.prepare(
    PACK,
    name,
    [PACK_SOURCE, source],
    [PACK_TARGET, target],
    [PACK_TAPS_Y, part.tapsY],
    [PACK_TAPS_X, part.tapsX],
    [PACK_CHANNELS, depthChannels],
    [PACK_GROUPS_Y, part.groupsY],
    [PACK_GROUPS_X, part.groupsX],
    [PACK_FILTERS, filters],
    [PACK_FIRST_Y, part.firstY],
    [PACK_FIRST_X, part.firstX],
    [PACK_INCREMENT_Y, part.increment],
    [PACK_INCREMENT_X, part.increment],
    [PACK_SIZE_Y, kernelHeight],
    [PACK_SIZE_X, kernelWidth],
    [PACK_STEP_Y, kernelWidth * tapStep],
    [PACK_STEP_X, tapStep],
    [PACK_CHANNEL_STEP, channelStep],
    [PACK_FILTER_STEP, filterStep],
  );
  return target;
}

function addRows(
  windows: Windows,
  part: Part,
  right: number,
  target: Target,
  images: number,
  outputs: readonly Field[],
  waves: Waves,
  name: string,
): void {
  waves.add(
    1,
    ROWS,
    name,
    [ROWS_LEFT, windows.address],
    [ROWS_LEFT_IMAGE_STEP, windows.imageStep],
    [ROWS_LEFT_ROW_STEP, windows.rowStep],
    [ROWS_LEFT_COLUMN_STEP, windows.columnStep],
    [ROWS_RUNS, windows.runs],
    [ROWS_RUN_LENGTH, windows.runLength],
    [ROWS_RUN_STEP, windows.runStep],
    [ROWS_RIGHT, right],
    [ROWS_IMAGES, images],
    [ROWS_Y, part.rowsY],
    [ROWS_X, part.rowsX],
    [ROWS_FILTERS, target.channels],
    [ROWS_GROUPS_Y, part.groupsY],
    [ROWS_GROUPS_X, part.groupsX],
    [ROWS_OUT_HEIGHT, target.height],
    [ROWS_OUT_WIDTH, target.width],
    [ROWS_SCALE_Y, part.scaleY],
    [ROWS_SCALE_X, part.scaleX],
    [ROWS_OFFSET_Y, part.offsetY],
    [ROWS_OFFSET_X, part.offsetX],
    ...outputs,
  );
}

function wholePart({ small, kernelHeight, kernelWidth }: Geometry): Part {
  return {
    rowsY: small.height,
    rowsX: small.width,
    tapsY: kernelHeight,
    tapsX: kernelWidth,
    firstY: 0,
    firstX: 0,
    increment: 1,
    groupsY: 1,
    groupsX: 1,
    scaleY: 1,
    scaleX: 1,
    offsetY: 0,
    offsetX: 0,
  };
}

function phasePart(y: Phase, x: Phase, stride: number): Part {
  return {
    rowsY: y.count,
    rowsX: x.count,
    tapsY: y.taps,
    tapsX: x.taps,
    firstY: y.firstTap + stride * (y.taps - 1),
    firstX: x.firstTap + stride * (x.taps - 1),
    increment: -stride,
    groupsY: 1,
    groupsX: 1,
    scaleY: stride,
    scaleX: stride,
    offsetY: y.first,
    offsetX: x.first,
  };
}

/**
 * All phases at once: they see the same windows, each with its own columns. A window may be widened by
 * neighbours, whose outputs are columns of it too: more taps, but fuller panels where there are few channels.
 */
function sharedPart(geometry: Geometry, neighbours: number): Part {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  const isPoint = small.height === 1 && small.width === 1 && padTop === 0 && padLeft === 0;
  if (isPoint) {
    // One window reaches every output: a matrix product with a column for each tap and channel.
    return { ...wholePart(geometry), tapsY: 1, tapsX: 1, groupsY: kernelHeight, groupsX: kernelWidth };
  }
  const tapsY = Math.ceil(kernelHeight / stride);
  const tapsX = Math.ceil(kernelWidth / stride);
  const groupsX = stride * (1 + neighbours);
  return {
    rowsY: Math.floor((large.height - 1 + padTop) / stride) + 1,
    rowsX: Math.floor((large.width - 1 + padLeft) / groupsX) + 1,
    tapsY,
    tapsX: tapsX + neighbours,
    firstY: stride * (tapsY - 1),
    firstX: stride * (tapsX - 1),
    increment: -stride,
    groupsY: stride,
    groupsX,
    scaleY: stride,
    scaleX: groupsX,
    offsetY: -padTop,
    offsetX: -padLeft,
  };
}

/** Multiply-adds that a part costs with its columns rounded up to panels. */
function costOf(part: Part, channels: number): number {
  const columns = Math.ceil((part.groupsY * part.groupsX * channels) / 8) * 8;
  return part.rowsY * part.rowsX * part.tapsY * part.tapsX * columns;
}

interface LargePart {
  readonly part: Part;
  /** Small position of the window of row (0, 0). */
  readonly firstY: number;
  readonly firstX: number;
  /** Small columns from one row's window to the next. */
  readonly step: number;
}

/** Most neighbours that a shared window takes in. */
const MOST_NEIGHBOURS = 3;

/** How a `toLarge` product is computed: by phases, or all phases at once, whichever costs less. */
export function largeParts(geometry: Geometry): readonly LargePart[] {
  const { large, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  const cost = ({ part }: LargePart): number => costOf(part, large.channels);
  const phases = phasesOf(large.height, kernelHeight, stride, padTop).flatMap((y) =>
    phasesOf(large.width, kernelWidth, stride, padLeft).map((x) => ({
      part: phasePart(y, x, stride),
      firstY: y.firstSmall - (y.taps - 1),
      firstX: x.firstSmall - (x.taps - 1),
      step: 1,
    })),
  );
  let best: readonly LargePart[] = phases;
  let bestCost = phases.reduce((sum, phase) => sum + cost(phase), 0);
  for (let neighbours = 0; neighbours <= MOST_NEIGHBOURS; neighbours++) {
    const part = sharedPart(geometry, neighbours);
    const shared = {
      part,
      firstY: 1 - part.tapsY,
      firstX: 1 - (part.tapsX - neighbours),
      step: 1 + neighbours,
    };
    if (neighbours === 0 ? cost(shared) > bestCost : cost(shared) >= bestCost) continue;
    best = [shared];
    bestCost = cost(shared);
  }
  return best;
}

function lowerToSmall(
  operation: ProductOp,
  segments: readonly OpSegment[],
  bindings: Bindings,
  stager: Stager,
  outputs: readonly Field[],
  waves: Waves,
): void {
  const { geometry, name } = operation;
  const part = wholePart(geometry);
  const windows = stager.windows(operation.source, geometry, segments, waves, name);
  const source = bindings.parameter(operation.kernels[segments[0]!.instance]!);
  const { channels } = geometry.small;
  const right = packKernel(kernelOf(operation), part, channels, source, bindings, waves, name);
  addRows(windows, part, right, geometry.small, countRows(segments), outputs, waves, name);
}

function lowerToLarge(
  operation: ProductOp,
  segments: readonly OpSegment[],
  bindings: Bindings,
  stager: Stager,
  outputs: readonly Field[],
  waves: Waves,
): void {
  const { geometry, name } = operation;
  const { small, large } = geometry;
  const parts = largeParts(geometry);
  const border = {
    top: Math.max(0, ...parts.map(({ firstY }) => -firstY)),
    left: Math.max(0, ...parts.map(({ firstX }) => -firstX)),
    bottom: Math.max(0, ...parts.map(({ part, firstY }) => firstY + part.rowsY - 1 + part.tapsY - small.height)),
    right: Math.max(0, ...parts.map(({ part, firstX, step }) => firstX + (part.rowsX - 1) * step + part.tapsX - small.width)),
  };
  const staged = stager.stage(operation.source, small, segments, border, waves, name);
  const source = bindings.parameter(operation.kernels[segments[0]!.instance]!);
  for (const { part, firstY, firstX, step } of parts) {
    const right = packKernel(kernelOf(operation), part, large.channels, source, bindings, waves, name);
    const runLength = part.tapsX * small.channels;
    const isWhole = runLength * 4 === staged.rowStep;
    const windows: Windows = {
      ...staged,
      columnStep: staged.columnStep * step,
      address: staged.address + firstY * staged.rowStep + firstX * staged.columnStep,
      runs: part.tapsX === 0 ? 0 : isWhole ? Math.min(1, part.tapsY) : part.tapsY,
      runLength: isWhole ? part.tapsY * runLength : runLength,
      runStep: staged.rowStep,
    };
    addRows(windows, part, right, large, countRows(segments), outputs, waves, name);
  }
}

/** Adds the packing of a product's kernel (prepared), its staging (wave 0) and its rows (wave 1). */
export function lowerProduct(operation: ProductOp, bindings: Bindings, stager: Stager, waves: Waves): void {
  const { geometry, direction, source, epilogue, target } = operation;
  const { channels } = direction === 'toSmall' ? geometry.small : geometry.large;
  for (const segments of byInstance(operation.segments)) {
    const outputs: readonly Field[] = [
      [ROWS_OUT, bindings.tensor(target)],
      [ROWS_SNIPPETS, storeSnippets(epilogue, segments[0]!.instance, channels, bindings)],
      [ROWS_TABLE, storeImageTable(bindings.arena, segments, source.rows)],
    ];
    const lower = direction === 'toSmall' ? lowerToSmall : lowerToLarge;
    lower(operation, segments, bindings, stager, outputs, waves);
  }
}
