/**
 * Which taps of a kernel make which outputs. A transposed convolution has a sub-kernel for each output phase: the taps
 * that reach it. Taps that would read outside the image are left out: outputs whose windows reach equally far into
 * it are a border region, and the sub-kernels of a region read the same windows.
 */

import { phasesOf, type Geometry, type Phase } from '../../plan/geometry.js';
import type { Span } from './windows.js';

/** A sub-kernel along one direction. */
export interface SubKernelAxis {
  /** Rows of the product for each image, and taps of each. */
  readonly rows: number;
  readonly taps: number;
  /** Kernel tap of the first one, and from one to the next. */
  readonly firstTap: number;
  readonly tapStep: number;
  /** Target position: row x scale + offset. */
  readonly scale: number;
  readonly offset: number;
  /** Source position of row 0 at the first tap, and from one row to the next; a tap further is one further. */
  readonly start: number;
  readonly step: number;
}

/** A product has every one of `y` with every one of `x`. Those of a direction have the same steps. */
export interface SubKernels {
  readonly y: readonly SubKernelAxis[];
  readonly x: readonly SubKernelAxis[];
}

/** What a sub-kernel takes of a region's windows along one direction. */
export interface RegionKernel {
  /** Which of the direction's sub-kernels, and its own axis, narrowed to the region's rows and taps. */
  readonly index: number;
  readonly axis: SubKernelAxis;
  /** Its first tap: of the window, and of the sub-kernel's own taps. */
  readonly inWindow: number;
  readonly tap: number;
}

/** Rows along one direction whose windows reach equally far inside the image, for all sub-kernels that have them. */
export interface BorderRegion extends Span {
  readonly kernels: readonly RegionKernel[];
}

/** Rows that reach the same taps inside the image: of the axis' rows and taps the first, and how many. */
interface Reach {
  readonly row: number;
  readonly rows: number;
  readonly tap: number;
  readonly taps: number;
}

/** Share of the taps that rows at the edges must save to be a region of their own. */
const WORTH_SAVING = 1 / 32;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function wholeAxis(rows: number, kernel: number, stride: number, pad: number): SubKernelAxis {
  return { rows, taps: kernel, firstTap: 0, tapStep: 1, scale: 1, offset: 0, start: -pad, step: stride };
}

function phaseAxis({ first, count, firstTap, taps, firstSmall }: Phase, stride: number): SubKernelAxis {
  return {
    rows: count,
    taps,
    firstTap: firstTap + stride * (taps - 1),
    tapStep: -stride,
    scale: stride,
    offset: first,
    start: firstSmall - (taps - 1),
    step: 1,
  };
}

function reachesOf({ rows, taps, start, step }: SubKernelAxis, size: number): readonly Reach[] {
  const reaches: Reach[] = [];
  for (let row = 0; row < rows; row++) {
    const first = start + row * step;
    const tap = Math.min(taps, Math.max(0, -first));
    const inside = Math.max(0, Math.min(taps, size - first) - tap);
    const last = reaches.at(-1);
    if (last?.tap === tap && last.taps === inside)
      reaches[reaches.length - 1] = { ...last, rows: last.rows + 1 };
    else reaches.push({ row, rows: 1, tap, taps: inside });
  }
  const saved = 1 - sum(reaches.map((reach) => reach.rows * reach.taps)) / (rows * taps);
  return saved < WORTH_SAVING ? [{ row: 0, rows, tap: 0, taps }] : reaches;
}

/** An axis from a row and a tap on. */
function narrow(axis: SubKernelAxis, row: number, rows: number, tap: number, taps: number): SubKernelAxis {
  return {
    ...axis,
    rows,
    taps,
    firstTap: axis.firstTap + axis.tapStep * tap,
    offset: axis.offset + axis.scale * row,
    start: axis.start + axis.step * row + tap,
  };
}

/** The border regions of a direction's sub-kernels; `size` is the source's. */
export function borderRegions(axes: readonly SubKernelAxis[], size: number): readonly BorderRegion[] {
  const reaches = axes.map((axis) => reachesOf(axis, size));
  const ends = reaches.flat().map(({ row, rows }) => row + rows);
  const bounds = [...new Set([0, ...ends])].sort((a, b) => a - b);
  return bounds.slice(0, -1).map((row, region) => {
    const rows = bounds[region + 1]! - row;
    const own = axes.flatMap((axis, index) => {
      const reach = reaches[index]!.find((one) => one.row <= row && row < one.row + one.rows);
      if (reach === undefined) return [];
      return [{ index, tap: reach.tap, axis: narrow(axis, row, rows, reach.tap, reach.taps) }];
    });
    const reaching = own.filter(({ axis }) => axis.taps > 0).map(({ axis }) => axis);
    const start = reaching.length === 0 ? 0 : Math.min(...reaching.map((axis) => axis.start));
    const taps = Math.max(0, ...reaching.map((axis) => axis.start + axis.taps - start));
    const kernels = own.map((kernel) => ({
      ...kernel,
      inWindow: kernel.axis.taps === 0 ? 0 : kernel.axis.start - start,
    }));
    return { rows, start, step: axes[0]!.step, taps, kernels };
  });
}

/** The one sub-kernel of a `toSmall` product: all taps. */
export function smallSubKernels({
  small,
  kernelHeight,
  kernelWidth,
  stride,
  padTop,
  padLeft,
}: Geometry): SubKernels {
  return {
    y: [wholeAxis(small.height, kernelHeight, stride, padTop)],
    x: [wholeAxis(small.width, kernelWidth, stride, padLeft)],
  };
}

/** The sub-kernels of a `toLarge` product, one for each output phase. */
export function largeSubKernels({
  large,
  kernelHeight,
  kernelWidth,
  stride,
  padTop,
  padLeft,
}: Geometry): SubKernels {
  return {
    y: phasesOf(large.height, kernelHeight, stride, padTop).map((phase) => phaseAxis(phase, stride)),
    x: phasesOf(large.width, kernelWidth, stride, padLeft).map((phase) => phaseAxis(phase, stride)),
  };
}

/** Columns rounded up to whole panels of eight. */
export function wholePanels(columns: number): number {
  return Math.ceil(columns / 8) * 8;
}

/** Bytes of a line of positions that is added up at most: a thread's scratch holds it. */
export const MOST_LINE_BYTES = 256 * 1024;

/** What packing a float of a window, and adding a float to an output, take in multiply-adds. */
const PACKING = 3;
const ADDING = 16;

/**
 * Whether a `toLarge` product is better computed as a matrix product, a row for each small position with a column for
 * each tap and channel, whose rows are then added up where they overlap: by phases, few channels would leave
 * panels of eight columns empty.
 */
export function isOverlapping(geometry: Geometry): boolean {
  const { large, small, kernelHeight, kernelWidth } = geometry;
  if (small.width * (kernelWidth * large.channels + 3) * 4 > MOST_LINE_BYTES) return false;
  const { y, x } = largeSubKernels(geometry);
  const taps = (axes: readonly SubKernelAxis[], size: number): number =>
    sum(axes.flatMap((axis) => reachesOf(axis, size).map((reach) => reach.rows * reach.taps)));
  const windows = (axes: readonly SubKernelAxis[], size: number): number =>
    sum(borderRegions(axes, size).map((region) => region.rows * region.taps));
  const byPhases =
    taps(y, small.height) * taps(x, small.width) * small.channels * wholePanels(large.channels) +
    windows(y, small.height) * windows(x, small.width) * small.channels * PACKING;
  const columns = wholePanels(kernelHeight * kernelWidth * large.channels);
  const overlapping = small.height * small.width * (small.channels * (columns + PACKING) + columns * ADDING);
  return overlapping < byPhases;
}
