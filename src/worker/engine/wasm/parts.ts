/**
 * How a product falls into parts: rows and columns that are computed together, from the same taps. A
 * transposed convolution has one for each output phase, or one for all; taps that would read outside the image
 * are left out, so the rows at its edges are parts of their own.
 */

import { phasesOf, type Geometry, type Phase } from '../plan/geometry.js';

/** A part along one direction. */
export interface PartAxis {
  /** Rows of the product for each image, and taps of each. */
  readonly rows: number;
  readonly taps: number;
  /** Kernel tap of the first one, and from one to the next. */
  readonly firstTap: number;
  readonly tapStep: number;
  /** Columns come in groups of the target's channels; group g is at kernel tap + g. */
  readonly groups: number;
  /** Target position: row x scale + offset + group. */
  readonly scale: number;
  readonly offset: number;
  /** Source position of row 0 at the first tap, and from one row to the next; a tap further is one further. */
  readonly start: number;
  readonly step: number;
}

export interface Part {
  readonly y: PartAxis;
  readonly x: PartAxis;
}

/** Rows that reach the same taps inside the image: of the axis' rows and taps the first, and how many. */
interface Reach {
  readonly row: number;
  readonly rows: number;
  readonly tap: number;
  readonly taps: number;
}

/** Share of the taps that rows at the edges must save to be parts of their own. */
const WORTH_SAVING = 1 / 32;
/** Most neighbours that a shared window takes in. */
const MOST_NEIGHBOURS = 3;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function wholeAxis(rows: number, kernel: number, stride: number, pad: number): PartAxis {
  return { rows, taps: kernel, firstTap: 0, tapStep: 1, groups: 1, scale: 1, offset: 0, start: -pad, step: stride };
}

function phaseAxis({ first, count, firstTap, taps, firstSmall }: Phase, stride: number): PartAxis {
  return {
    rows: count,
    taps,
    firstTap: firstTap + stride * (taps - 1),
    tapStep: -stride,
    groups: 1,
    scale: stride,
    offset: first,
    start: firstSmall - (taps - 1),
    step: 1,
  };
}

/**
 * All phases at once: they see the same windows, each with its own columns. A window may be widened by
 * neighbours, whose outputs are columns of it too: more taps, but fuller panels where there are few channels.
 */
function sharedAxis(large: number, kernel: number, stride: number, pad: number, neighbours: number): PartAxis {
  const taps = Math.ceil(kernel / stride);
  const groups = stride * (1 + neighbours);
  return {
    rows: Math.floor((large - 1 + pad) / groups) + 1,
    taps: taps + neighbours,
    firstTap: stride * (taps - 1),
    tapStep: -stride,
    groups,
    scale: groups,
    offset: -pad,
    start: 1 - taps,
    step: 1 + neighbours,
  };
}

function reachesOf({ rows, taps, start, step }: PartAxis, size: number): readonly Reach[] {
  const reaches: Reach[] = [];
  for (let row = 0; row < rows; row++) {
    const first = start + row * step;
    const tap = Math.min(taps, Math.max(0, -first));
    const inside = Math.max(0, Math.min(taps, size - first) - tap);
    const last = reaches.at(-1);
    if (last?.tap === tap && last.taps === inside) reaches[reaches.length - 1] = { ...last, rows: last.rows + 1 };
    else reaches.push({ row, rows: 1, tap, taps: inside });
  }
  const saved = 1 - sum(reaches.map((reach) => reach.rows * reach.taps)) / (rows * taps);
  return saved < WORTH_SAVING ? [{ row: 0, rows, tap: 0, taps }] : reaches;
}

/** The parts of an axis by how far their rows reach; `size` is the source's. */
export function edgesOf(axis: PartAxis, size: number): readonly { readonly axis: PartAxis; readonly tap: number }[] {
  return reachesOf(axis, size).map(({ row, rows, tap, taps }) => ({
    tap,
    axis: {
      ...axis,
      rows,
      taps,
      firstTap: axis.firstTap + axis.tapStep * tap,
      offset: axis.offset + axis.scale * row,
      start: axis.start + axis.step * row + tap,
    },
  }));
}

/** Multiply-adds for each source channel, columns rounded up to panels. */
function costOf({ y, x }: Part, { large, small }: Geometry): number {
  const columns = Math.ceil((y.groups * x.groups * large.channels) / 8) * 8;
  const taps = (axis: PartAxis, size: number): number =>
    sum(reachesOf(axis, size).map((reach) => reach.rows * reach.taps));
  return taps(y, small.height) * taps(x, small.width) * columns;
}

/** The one part of a `toSmall` product. */
export function smallPart({ small, kernelHeight, kernelWidth, stride, padTop, padLeft }: Geometry): Part {
  return {
    y: wholeAxis(small.height, kernelHeight, stride, padTop),
    x: wholeAxis(small.width, kernelWidth, stride, padLeft),
  };
}

/** How a `toLarge` product is computed: by phases, or all phases at once, whichever costs less. */
export function largeParts(geometry: Geometry): readonly Part[] {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  if (small.height === 1 && small.width === 1 && padTop === 0 && padLeft === 0) {
    // One window reaches every output: a matrix product with a column for each tap and channel.
    const point = wholeAxis(1, 1, 1, 0);
    return [{ y: { ...point, groups: kernelHeight }, x: { ...point, groups: kernelWidth } }];
  }
  let best: readonly Part[] = phasesOf(large.height, kernelHeight, stride, padTop).flatMap((y) =>
    phasesOf(large.width, kernelWidth, stride, padLeft).map((x) => ({
      y: phaseAxis(y, stride),
      x: phaseAxis(x, stride),
    })),
  );
  let bestCost = sum(best.map((part) => costOf(part, geometry)));
  for (let neighbours = 0; neighbours <= MOST_NEIGHBOURS; neighbours++) {
    const part = {
      y: sharedAxis(large.height, kernelHeight, stride, padTop, 0),
      x: sharedAxis(large.width, kernelWidth, stride, padLeft, neighbours),
    };
    const cost = costOf(part, geometry);
    if (neighbours === 0 ? cost > bestCost : cost >= bestCost) continue;
    best = [part];
    bestCost = cost;
  }
  return best;
}
