/** What the products of `toom-axis.ts` are in either direction: sums, what multiplies them, and sums of the results. */

import { multiplyAddsOf, phasesOf, type Direction, type Geometry } from '../plan/geometry.js';
import { MOST_LINE_BYTES } from './parts.js';
import { toomAxis, transposed, type Sum, type ToomAxis } from './toom-axis.js';
import type { Span } from './windows.js';

/** A group of points along one direction: the rows' windows, of sums, and by part what multiplies them and where that goes. */
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
    return { rows, start: product, step: of.length, taps: of.length, parts: [{ kernels: of, offset: first }], scale: 1 };
  });
  const [sources, targets] = [transposed(large, products), transposed(points, size)];
  return { sources, kernels, groups: own, results: points.length, targets };
}

/** What the sums of a float, before or after the product, take in multiply-adds. */
const COMBINING = 8;

/** null where the product is better done otherwise. */
export function toomForm(geometry: Geometry, direction: Direction): ToomForm | null {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  // Outputs go to their place at once, and sums by whole vectors.
  if (large.channels % 8 !== 0 || small.channels % 8 !== 0) return null;
  const axisY = toomAxis(small.height, stride, phasesOf(large.height, kernelHeight, stride, padTop));
  const axisX = toomAxis(small.width, stride, phasesOf(large.width, kernelWidth, stride, padLeft));
  if (axisY === null || axisX === null) return null;
  const isToSmall = direction === 'toSmall';
  const y = isToSmall ? formToSmall(axisY, small.height) : formToLarge(axisY);
  const x = isToSmall ? formToSmall(axisX, small.width) : formToLarge(axisX);
  const [from, to] = isToSmall ? [large, small] : [small, large];
  const sums = y.sources.length * x.sources.length * from.channels + y.results * x.results * to.channels;
  // A line of what is summed has to fit into a thread's scratch.
  const line = Math.max(from.width * from.channels, x.results * to.channels, kernelWidth * large.channels * small.channels);
  if (line * 4 > MOST_LINE_BYTES) return null;
  const multiplyAdds = axisY.products * axisX.products * large.channels * small.channels;
  return multiplyAdds + COMBINING * sums < multiplyAddsOf(geometry) ? { y, x } : null;
}
