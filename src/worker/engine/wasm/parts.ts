/**
 * How a product falls into parts. A transposed convolution has one for each output phase, or one for all, which
 * then have columns of their own. Taps that would read outside the image are left out: rows that reach the same
 * ones are a cell, and the parts of a cell read the same windows.
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

/** A product's parts are every one of `y` with every one of `x`. Those of a direction have the same steps and groups. */
export interface Parts {
  readonly y: readonly PartAxis[];
  readonly x: readonly PartAxis[];
}

/** What a part takes of a cell's windows along one direction. */
export interface CellPart {
  /** Which of the direction's parts, and its own axis, narrowed to the cell's rows and taps. */
  readonly index: number;
  readonly axis: PartAxis;
  /** Its first tap: of the window, and of the part's own taps. */
  readonly inWindow: number;
  readonly tap: number;
}

/** Rows along one direction whose windows reach equally far inside the image, for all parts that have them. */
export interface Cell {
  readonly rows: number;
  /** Source position of the first row's window, from one row to the next, and positions of a window. */
  readonly start: number;
  readonly step: number;
  readonly taps: number;
  readonly parts: readonly CellPart[];
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
 * Row 0 has the outputs from the image's first on.
 */
function sharedAxis(large: number, kernel: number, stride: number, pad: number, neighbours: number): PartAxis {
  const groups = stride * (1 + neighbours);
  const start = Math.ceil((pad - kernel + 1) / stride);
  const end = Math.floor((groups - 1 + pad) / stride);
  return {
    rows: Math.ceil(large / groups),
    taps: end - start + 1,
    firstTap: pad - stride * start,
    tapStep: -stride,
    groups,
    scale: groups,
    offset: 0,
    start,
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

/** An axis from a row and a tap on. */
function narrow(axis: PartAxis, row: number, rows: number, tap: number, taps: number): PartAxis {
  return {
    ...axis,
    rows,
    taps,
    firstTap: axis.firstTap + axis.tapStep * tap,
    offset: axis.offset + axis.scale * row,
    start: axis.start + axis.step * row + tap,
  };
}

/** The cells of a direction's parts; `size` is the source's. */
export function cellsOf(axes: readonly PartAxis[], size: number): readonly Cell[] {
  const reaches = axes.map((axis) => reachesOf(axis, size));
  const ends = reaches.flat().map(({ row, rows }) => row + rows);
  const bounds = [...new Set([0, ...ends])].sort((a, b) => a - b);
  return bounds.slice(0, -1).map((row, index) => {
    const rows = bounds[index + 1]! - row;
    const own = axes.flatMap((axis, part) => {
      const reach = reaches[part]!.find((one) => one.row <= row && row < one.row + one.rows);
      if (reach === undefined) return [];
      return [{ index: part, tap: reach.tap, axis: narrow(axis, row, rows, reach.tap, reach.taps) }];
    });
    const reaching = own.filter(({ axis }) => axis.taps > 0).map(({ axis }) => axis);
    const start = reaching.length === 0 ? 0 : Math.min(...reaching.map((axis) => axis.start));
    const taps = Math.max(0, ...reaching.map((axis) => axis.start + axis.taps - start));
    const parts = own.map((part) => ({ ...part, inWindow: part.axis.taps === 0 ? 0 : part.axis.start - start }));
    return { rows, start, step: axes[0]!.step, taps, parts };
  });
}

/** Multiply-adds for each source channel, columns rounded up to panels. */
function costOf({ y, x }: Parts, { large, small }: Geometry): number {
  const columns = Math.ceil((y[0]!.groups * x[0]!.groups * large.channels) / 8) * 8;
  const taps = (axes: readonly PartAxis[], size: number): number =>
    sum(axes.flatMap((axis) => reachesOf(axis, size).map((reach) => reach.rows * reach.taps)));
  return taps(y, small.height) * taps(x, small.width) * columns;
}

/** The one part of a `toSmall` product. */
export function smallParts({ small, kernelHeight, kernelWidth, stride, padTop, padLeft }: Geometry): Parts {
  return {
    y: [wholeAxis(small.height, kernelHeight, stride, padTop)],
    x: [wholeAxis(small.width, kernelWidth, stride, padLeft)],
  };
}

/** How a `toLarge` product is computed: by phases, or all phases at once, whichever costs less. */
export function largeParts(geometry: Geometry): Parts {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  const isPoint = small.height === 1 && small.width === 1 && padTop === 0 && padLeft === 0;
  if (isPoint && large.height <= kernelHeight && large.width <= kernelWidth) {
    // One window reaches every output: a matrix product with a column for each tap and channel.
    const point = wholeAxis(1, 1, 1, 0);
    return { y: [{ ...point, groups: kernelHeight }], x: [{ ...point, groups: kernelWidth }] };
  }
  let best: Parts = {
    y: phasesOf(large.height, kernelHeight, stride, padTop).map((phase) => phaseAxis(phase, stride)),
    x: phasesOf(large.width, kernelWidth, stride, padLeft).map((phase) => phaseAxis(phase, stride)),
  };
  let bestCost = costOf(best, geometry);
  for (let neighbours = 0; neighbours <= MOST_NEIGHBOURS; neighbours++) {
    const shared = {
      y: [sharedAxis(large.height, kernelHeight, stride, padTop, 0)],
      x: [sharedAxis(large.width, kernelWidth, stride, padLeft, neighbours)],
    };
    const cost = costOf(shared, geometry);
    if (neighbours === 0 ? cost > bestCost : cost >= bestCost) continue;
    best = shared;
    bestCost = cost;
  }
  return best;
}
