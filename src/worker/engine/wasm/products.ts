/** Lowers the plan's products: forward and input gradients of linear layers, in either direction. */

import type { Geometry, Side } from '../plan/geometry.js';
import type { ProductOp } from '../plan/operations.js';
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
  ROWS_PANEL_STEP,
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
import { edgesOf, largeParts, smallPart, type Part, type PartAxis } from './parts.js';
import type { Field, Waves } from './records.js';
import { storeSnippets } from './snippets.js';
import { windowBorder, type Border, type Staged, type Stager, type Windows } from './windows.js';

/** Depth of a product for each tap, in channels, and the kernel's byte distances. */
interface Kernel {
  readonly geometry: Geometry;
  readonly source: number;
  readonly depthChannels: number;
  readonly filters: number;
  readonly channelStep: number;
  readonly filterStep: number;
}

function kernelOf({ geometry, direction }: ProductOp, source: number): Kernel {
  const { large, small } = geometry;
  const rowBytes = small.channels * 4;
  return direction === 'toSmall'
    ? { geometry, source, depthChannels: large.channels, filters: small.channels, channelStep: rowBytes, filterStep: 4 }
    : { geometry, source, depthChannels: small.channels, filters: large.channels, channelStep: 4, filterStep: rowBytes };
}

/** Packs a kernel for a part before everything; returns where it will lie. */
function packKernel(
  { geometry, source, depthChannels, filters, channelStep, filterStep }: Kernel,
  { y, x }: Part,
  bindings: Bindings,
  waves: Waves,
  name: string,
): number {
  const { kernelHeight, kernelWidth, large, small } = geometry;
  const panels = Math.ceil((y.groups * x.groups * filters) / 8);
  const target = bindings.arena.allocate(panels * y.taps * x.taps * depthChannels * 32);
  const tapBytes = large.channels * small.channels * 4;
  waves.prepare(
    PACK,
    name,
    [PACK_SOURCE, source],
    [PACK_TARGET, target],
    [PACK_TAPS_Y, y.taps],
    [PACK_TAPS_X, x.taps],
    [PACK_CHANNELS, depthChannels],
    [PACK_GROUPS_Y, y.groups],
    [PACK_GROUPS_X, x.groups],
    [PACK_FILTERS, filters],
    [PACK_FIRST_Y, y.firstTap],
    [PACK_FIRST_X, x.firstTap],
    [PACK_INCREMENT_Y, y.tapStep],
    [PACK_INCREMENT_X, x.tapStep],
    [PACK_SIZE_Y, kernelHeight],
    [PACK_SIZE_X, kernelWidth],
    [PACK_STEP_Y, kernelWidth * tapBytes],
    [PACK_STEP_X, tapBytes],
    [PACK_CHANNEL_STEP, channelStep],
    [PACK_FILTER_STEP, filterStep],
  );
  return target;
}

/** What all parts of a product have in common. */
interface Whole {
  readonly target: Side;
  readonly images: number;
  readonly outputs: readonly Field[];
  readonly name: string;
}

/** A packed right operand, from the part's first tap on. */
interface Right {
  readonly address: number;
  readonly panelStep: number;
}

function addRows({ target, images, outputs, name }: Whole, windows: Windows, { y, x }: Part, right: Right, waves: Waves): void {
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
    [ROWS_RIGHT, right.address],
    [ROWS_PANEL_STEP, right.panelStep],
    [ROWS_IMAGES, images],
    [ROWS_Y, y.rows],
    [ROWS_X, x.rows],
    [ROWS_FILTERS, target.channels],
    [ROWS_GROUPS_Y, y.groups],
    [ROWS_GROUPS_X, x.groups],
    [ROWS_OUT_HEIGHT, target.height],
    [ROWS_OUT_WIDTH, target.width],
    [ROWS_SCALE_Y, y.scale],
    [ROWS_SCALE_X, x.scale],
    [ROWS_OFFSET_Y, y.offset],
    [ROWS_OFFSET_X, x.offset],
    ...outputs,
  );
}

/** What a part's windows are in an image that is staged. */
function windowsOf(staged: Staged, { y, x }: Part, channels: number): Windows {
  const runLength = x.taps * channels;
  const isWhole = runLength * 4 === staged.rowStep;
  return {
    address: staged.address + y.start * staged.rowStep + x.start * staged.columnStep,
    imageStep: staged.imageStep,
    rowStep: staged.rowStep * y.step,
    columnStep: staged.columnStep * x.step,
    runs: x.taps === 0 ? 0 : isWhole ? Math.min(1, y.taps) : y.taps,
    runLength: isWhole ? y.taps * runLength : runLength,
    runStep: staged.rowStep,
  };
}

/** Adds a part's rows; those at the edges, which reach fewer taps, have records of their own. */
function addParts(
  whole: Whole,
  { y, x }: Part,
  side: Side,
  staged: Staged,
  kernel: Kernel,
  bindings: Bindings,
  waves: Waves,
): void {
  for (const { axis: ownX } of edgesOf(x, side.width)) {
    const packed = packKernel(kernel, { y, x: ownX }, bindings, waves, whole.name);
    const tapBytes = ownX.taps * kernel.depthChannels * 32;
    for (const { axis: ownY, tap } of edgesOf(y, side.height)) {
      const part = { y: ownY, x: ownX };
      const right = { address: packed + tap * tapBytes, panelStep: y.taps * tapBytes };
      addRows(whole, windowsOf(staged, part, side.channels), part, right, waves);
    }
  }
}

/** What parts read around an image. */
function borderOf(parts: readonly Part[], side: Side): Border {
  const ys = parts.flatMap(({ y }) => edgesOf(y, side.height).map(({ axis }) => axis));
  const xs = parts.flatMap(({ x }) => edgesOf(x, side.width).map(({ axis }) => axis));
  const before = (axes: readonly PartAxis[]): number => Math.max(0, ...axes.map(({ start }) => -start));
  const after = (axes: readonly PartAxis[], size: number): number =>
    Math.max(0, ...axes.map(({ start, step, rows, taps }) => start + (rows - 1) * step + taps - size));
  return { top: before(ys), left: before(xs), bottom: after(ys, side.height), right: after(xs, side.width) };
}

/** Adds the packing of a product's kernel (prepared), its staging (wave 0) and its rows (wave 1). */
export function lowerProduct(operation: ProductOp, bindings: Bindings, stager: Stager, waves: Waves): void {
  const { geometry, direction, source, epilogue, target, name } = operation;
  const [from, to] = direction === 'toSmall' ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  for (const segments of byInstance(operation.segments)) {
    const { instance } = segments[0]!;
    const whole: Whole = {
      target: to,
      images: countRows(segments),
      outputs: [
        [ROWS_OUT, bindings.tensor(target)],
        [ROWS_SNIPPETS, storeSnippets(epilogue, instance, to.channels, bindings)],
        [ROWS_TABLE, storeImageTable(bindings.arena, segments, source.rows)],
      ],
      name,
    };
    const kernel = kernelOf(operation, bindings.parameter(operation.kernels[instance]!));
    if (direction === 'toSmall') {
      const part = smallPart(geometry);
      const unfolded = stager.unfolded(source, geometry, segments, waves, name);
      if (unfolded === null) {
        // Kernel gradients read the border too.
        const staged = stager.stage(source, from, segments, windowBorder(geometry), waves, name);
        addParts(whole, part, from, staged, kernel, bindings, waves);
      } else {
        const address = packKernel(kernel, part, bindings, waves, name);
        const right = { address, panelStep: unfolded.runLength * 32 };
        addRows(whole, unfolded, part, right, waves);
      }
    } else {
      const parts = largeParts(geometry);
      const staged = stager.stage(source, from, segments, borderOf(parts, from), waves, name);
      for (const part of parts) addParts(whole, part, from, staged, kernel, bindings, waves);
    }
  }
}
