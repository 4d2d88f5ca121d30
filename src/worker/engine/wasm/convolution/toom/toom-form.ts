/**
 * What the transforms of `toom-axis.ts` are in either direction, and for a kernel's gradient: the input's transform,
 * what multiplies it, and the output's transform.
 */

import { multiplyAddsOf, phasesOf, type Direction, type Geometry } from '../../../plan/geometry.js';
import { MOST_TERMS } from '../../layout/tables.js';
import { MOST_LINE_BYTES } from '../sub-kernels.js';
import { toomAxis, transposed, type Combination, type ToomAxis, type Transform } from './toom-axis.js';
import type { Span } from '../windows.js';

/** Points along one direction that the same kernels multiply: windows of the transformed input, one for each row. */
export interface Group extends Span {
  /** Sub-products, which have results of their own. */
  readonly subProducts: readonly {
    /** One for each position of a window. */
    readonly kernels: readonly number[];
    /** Row i goes to scale x i + offset. */
    readonly offset: number;
  }[];
  readonly scale: number;
}

/** A product along one direction. */
interface Form {
  readonly input: Transform;
  readonly kernel: Transform;
  readonly groups: readonly Group[];
  /** How many results there are, and how the output is made of them. */
  readonly results: number;
  readonly output: Transform;
}

/** Both directions of a product. */
export interface ToomForm {
  readonly y: Form;
  readonly x: Form;
}

/** A result for each product. */
function formToLarge({ small, kernel, groups, products, large }: ToomAxis): Form {
  const own = groups.map(({ kernels, rows, first, product }): Group => {
    const subProducts = kernels.map((index, offset) => ({ kernels: [index], offset: product + offset }));
    return { rows, start: first, step: 1, taps: 1, subProducts, scale: kernels.length };
  });
  return { input: small, kernel, groups: own, results: products, output: large };
}

/** A result for each point: what it is multiplied by goes through all of its kernels. */
function formToSmall({ small, kernel, groups, products, large }: ToomAxis, size: number): Form {
  const own = groups.map(({ kernels, rows, first, product }): Group => {
    return {
      rows,
      start: product,
      step: kernels.length,
      taps: kernels.length,
      subProducts: [{ kernels, offset: first }],
      scale: 1,
    };
  });
  const [input, output] = [transposed(large, products), transposed(small, size)];
  return { input, kernel, groups: own, results: small.length, output };
}

/** A kernel's gradient along one direction. */
interface GradientForm {
  /** Large positions to products, and small ones to points. */
  readonly large: Transform;
  readonly small: Transform;
  readonly groups: readonly GradientGroup[];
  /** Results, and how the taps are made of them. */
  readonly results: number;
  readonly taps: Transform;
}

/**
 * Windows of products, each with one for every kernel of a group; the first of its points, of which there are `rows`, and
 * of its results, of which there are `taps`.
 */
interface GradientGroup extends Span {
  readonly point: number;
  readonly result: number;
}

export interface ToomGradientForm {
  readonly y: GradientForm;
  readonly x: GradientForm;
}

/** null where combinations would have too many terms. */
function formOfGradient(
  { small, kernel, groups, products, large }: ToomAxis,
  size: number,
): GradientForm | null {
  const results: Combination[] = [];
  const own = groups.map(({ kernels, rows, first, product }): GradientGroup => {
    const result = results.length;
    results.push(...kernels.map((index) => kernel[index]!));
    return { rows, start: product, step: kernels.length, taps: kernels.length, point: first, result };
  });
  const taps = transposed(results, size);
  if (taps.some((combination) => combination.length > MOST_TERMS)) return null;
  return { large: transposed(large, products), small, groups: own, results: results.length, taps };
}

/** What transforming a float, before or after the product, takes in multiply-adds. */
const TRANSFORMING = 8;

function axesOf(geometry: Geometry): readonly [ToomAxis, ToomAxis] | null {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  // Outputs go to their place at once, and transforms go by whole vectors.
  if (large.channels % 8 !== 0 || small.channels % 8 !== 0) return null;
  const y = toomAxis(small.height, stride, phasesOf(large.height, kernelHeight, stride, padTop));
  const x = toomAxis(small.width, stride, phasesOf(large.width, kernelWidth, stride, padLeft));
  return y === null || x === null ? null : [y, x];
}

/** Whether a thread's scratch holds a line of whatever is transformed, so many positions or kernels wide. */
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
  const floats = y.input.length * x.input.length * from.channels + y.results * x.results * to.channels;
  const multiplyAdds = axisY.products * axisX.products * large.channels * small.channels;
  return multiplyAdds + TRANSFORMING * floats < multiplyAddsOf(geometry) ? { y, x } : null;
}

/** null where the kernel's gradient is better computed otherwise. */
export function toomGradientForm(geometry: Geometry): ToomGradientForm | null {
  const { large, small } = geometry;
  const axes = axesOf(geometry);
  if (axes === null) return null;
  const [axisY, axisX] = axes;
  const y = formOfGradient(axisY, geometry.kernelHeight);
  const x = formOfGradient(axisX, geometry.kernelWidth);
  if (y === null || x === null || !areLinesShort(geometry, large.width, small.width, x.results)) return null;
  const floats =
    axisY.products * axisX.products * large.channels +
    axisY.small.length * axisX.small.length * small.channels;
  // The micro-kernel has six rows.
  const lines = x.groups.map(({ rows, taps }) => rows * Math.ceil((taps * large.channels) / 6) * 6);
  const multiplyAdds = axisY.products * lines.reduce((sum, line) => sum + line, 0) * small.channels;
  return multiplyAdds + TRANSFORMING * floats < multiplyAddsOf(geometry) ? { y, x } : null;
}
