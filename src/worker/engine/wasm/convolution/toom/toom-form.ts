/**
 * What the products of `toom-axis.ts` are in either direction, and for a kernel's gradient: sums, what multiplies them,
 * and sums of the results.
 */

import { multiplyAddsOf, phasesOf, type Direction, type Geometry } from '../../../plan/geometry.js';
import { SUM_TERMS } from '../../kernels/words.js';
import { MOST_LINE_BYTES } from '../parts.js';
import { toomAxis, transposed, type Sum, type ToomAxis } from './toom-axis.js';
import type { Span } from '../windows.js';

/** A group of points along one direction: windows of sums, one for each row. Parts multiply them, and have results of their own. */
export interface Group extends Span {
  readonly parts: readonly {
    /** One for each position of a window. */
    readonly kernels: readonly number[];
    /** Row i goes to scale x i + offset. */
    readonly offset: number;
  }[];
  readonly scale: number;
}

/** A product along one direction. */
interface Form {
  /** What is multiplied, as sums of source positions, and the sums of taps. */
  readonly sources: readonly Sum[];
  readonly kernels: readonly Sum[];
  readonly groups: readonly Group[];
  /** How many results there are, and what sums of them the target's positions are. */
  readonly results: number;
  readonly targets: readonly Sum[];
}

/** Both directions of a product. */
export interface ToomForm {
  readonly y: Form;
  readonly x: Form;
}

/** A result for each product. */
function formToLarge({ points, kernels, groups, products, large }: ToomAxis): Form {
  const own = groups.map(({ kernels: of, rows, first, product }): Group => {
    const parts = of.map((kernel, index) => ({ kernels: [kernel], offset: product + index }));
    return { rows, start: first, step: 1, taps: 1, parts, scale: of.length };
  });
  return { sources: points, kernels, groups: own, results: products, targets: large };
}

/** A result for each point: what it is multiplied by goes through all of its kernels. */
function formToSmall({ points, kernels, groups, products, large }: ToomAxis, size: number): Form {
  const own = groups.map(({ kernels: of, rows, first, product }): Group => {
    return {
      rows,
      start: product,
      step: of.length,
      taps: of.length,
      parts: [{ kernels: of, offset: first }],
      scale: 1,
    };
  });
  const [sources, targets] = [transposed(large, products), transposed(points, size)];
  return { sources, kernels, groups: own, results: points.length, targets };
}

/** A kernel's gradient along one direction. */
interface GradientForm {
  /** Sums of large positions, one for each product, and of small ones, one for each point. */
  readonly products: readonly Sum[];
  readonly points: readonly Sum[];
  readonly groups: readonly GradientGroup[];
  /** Results, and what sums of them the taps are. */
  readonly results: number;
  readonly taps: readonly Sum[];
}

/**
 * Windows of products, each with one for every kernel of a group; the first of its points, of which there are `rows`, and
 * of its results, of which there are `taps`.
 */
export interface GradientGroup extends Span {
  readonly point: number;
  readonly result: number;
}

export interface ToomGradientForm {
  readonly y: GradientForm;
  readonly x: GradientForm;
}

/** null where sums would have too many terms. */
function formOfGradient(
  { points, kernels, groups, products, large }: ToomAxis,
  kernel: number,
): GradientForm | null {
  const results: Sum[] = [];
  const own = groups.map(({ kernels: of, rows, first, product }): GradientGroup => {
    const result = results.length;
    results.push(...of.map((index) => kernels[index]!));
    return { rows, start: product, step: of.length, taps: of.length, point: first, result };
  });
  const taps = transposed(results, kernel);
  if (taps.some((sum) => sum.length > SUM_TERMS)) return null;
  return { products: transposed(large, products), points, groups: own, results: results.length, taps };
}

/** What the sums of a float, before or after the product, take in multiply-adds. */
const COMBINING = 8;

function axesOf(geometry: Geometry): readonly [ToomAxis, ToomAxis] | null {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  // Outputs go to their place at once, and sums by whole vectors.
  if (large.channels % 8 !== 0 || small.channels % 8 !== 0) return null;
  const y = toomAxis(small.height, stride, phasesOf(large.height, kernelHeight, stride, padTop));
  const x = toomAxis(small.width, stride, phasesOf(large.width, kernelWidth, stride, padLeft));
  return y === null || x === null ? null : [y, x];
}

/** Whether a thread's scratch holds a line of whatever is summed, so many positions or kernels wide. */
function areLinesShort(
  { large, small }: Geometry,
  largeWidth: number,
  smallWidth: number,
  kernels: number,
): boolean {
  const ofKernels = kernels * large.channels * small.channels;
  const floats = Math.max(largeWidth * large.channels, smallWidth * small.channels, ofKernels);
  return floats * 4 <= MOST_LINE_BYTES;
}

/** null where the product is better done otherwise. */
export function toomForm(geometry: Geometry, direction: Direction): ToomForm | null {
  const { large, small } = geometry;
  const axes = axesOf(geometry);
  if (axes === null) return null;
  const [axisY, axisX] = axes;
  const isToSmall = direction === 'toSmall';
  const y = isToSmall ? formToSmall(axisY, small.height) : formToLarge(axisY);
  const x = isToSmall ? formToSmall(axisX, small.width) : formToLarge(axisX);
  const [from, to] = isToSmall ? [large, small] : [small, large];
  const [largeWidth, smallWidth] = isToSmall ? [large.width, x.results] : [x.results, small.width];
  if (!areLinesShort(geometry, largeWidth, smallWidth, geometry.kernelWidth)) return null;
  const sums = y.sources.length * x.sources.length * from.channels + y.results * x.results * to.channels;
  const multiplyAdds = axisY.products * axisX.products * large.channels * small.channels;
  return multiplyAdds + COMBINING * sums < multiplyAddsOf(geometry) ? { y, x } : null;
}

/** null where the kernel's gradient is better summed otherwise. */
export function toomGradientForm(geometry: Geometry): ToomGradientForm | null {
  const { large, small } = geometry;
  const axes = axesOf(geometry);
  if (axes === null) return null;
  const [axisY, axisX] = axes;
  const y = formOfGradient(axisY, geometry.kernelHeight);
  const x = formOfGradient(axisX, geometry.kernelWidth);
  if (y === null || x === null || !areLinesShort(geometry, large.width, small.width, x.results)) return null;
  const sums =
    axisY.products * axisX.products * large.channels +
    axisY.points.length * axisX.points.length * small.channels;
  // The micro-kernel has six rows.
  const lines = x.groups.map(({ rows, taps }) => rows * Math.ceil((taps * large.channels) / 6) * 6);
  const multiplyAdds = axisY.products * lines.reduce((sum, line) => sum + line, 0) * small.channels;
  return multiplyAdds + COMBINING * sums < multiplyAddsOf(geometry) ? { y, x } : null;
}
