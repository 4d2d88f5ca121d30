/** Which taps of a kernel's gradient are summed together, over which positions. */

import type { Geometry } from '../../plan/geometry.js';
import type { Border } from './kept-images.js';
import { borderOf, type Span } from './windows.js';

/** Taps along one direction that reach into the image from the same positions of the small side. */
interface TapGroup extends Span {
  /** The first tap, and the first position; there are `taps` and `rows` of them. */
  readonly tap: number;
  readonly first: number;
}

interface TapBlocks {
  readonly ys: readonly TapGroup[];
  readonly xs: readonly TapGroup[];
}

function tapGroup(
  tap: number,
  taps: number,
  first: number,
  rows: number,
  stride: number,
  pad: number,
): TapGroup {
  return { tap, taps, first, rows, start: first * stride - pad + tap, step: stride };
}

function tapGroups(
  large: number,
  small: number,
  kernel: number,
  stride: number,
  pad: number,
): readonly TapGroup[] {
  const groups: TapGroup[] = [];
  for (let tap = 0; tap < kernel; tap++) {
    const first = Math.max(0, Math.ceil((pad - tap) / stride));
    const rows = Math.max(0, Math.min(small - 1, Math.floor((large - 1 + pad - tap) / stride)) - first + 1);
    const last = groups.at(-1);
    if (last?.first === first && last.rows === rows)
      groups[groups.length - 1] = { ...last, taps: last.taps + 1 };
    else groups.push(tapGroup(tap, 1, first, rows, stride, pad));
  }
  return groups;
}

/** What an image needs around it so that all taps of a block find something: none where borders are left out. */
export function tapBorder({ ys, xs }: TapBlocks, { large }: Geometry): Border {
  const reaching = (groups: readonly TapGroup[]): readonly TapGroup[] =>
    groups.filter(({ rows }) => rows > 0);
  return borderOf(reaching(ys), reaching(xs), large);
}

/** What it takes to read and pack the filters of a position for a block, in tile rows of six taps' channels. */
const PACKING = 0.5;

/** Share of the multiply-adds that to do without a border, and so often without a copy of the image, may cost. */
const WORTH_A_COPY = 1 / 32;

/**
 * The taps of a kernel's gradient that are summed together, by direction: leaving out positions that see only a
 * tap's border saves multiply-adds, but costs rows that do not fill the last six, and the filters are packed for each block.
 */
export function tapBlocks(geometry: Geometry): TapBlocks {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  const ys = tapGroups(large.height, small.height, kernelHeight, stride, padTop);
  const xs = tapGroups(large.width, small.width, kernelWidth, stride, padLeft);
  const wholeY = [tapGroup(0, kernelHeight, 0, small.height, stride, padTop)];
  const wholeX = [tapGroup(0, kernelWidth, 0, small.width, stride, padLeft)];
  const costOf = (blocks: TapBlocks): number => {
    let cost = 0;
    for (const y of blocks.ys) {
      for (const x of blocks.xs)
        cost += y.rows * x.rows * (y.taps * Math.ceil((x.taps * large.channels) / 6) + PACKING);
    }
    return cost;
  };
  const all = { ys, xs };
  const others = [
    { ys, xs: wholeX },
    { ys: wholeY, xs },
    { ys: wholeY, xs: wholeX },
  ];
  let [best, bestCost]: [TapBlocks, number] = [all, costOf(all) * (1 - WORTH_A_COPY)];
  for (const blocks of others) if (costOf(blocks) < bestCost) [best, bestCost] = [blocks, costOf(blocks)];
  return best;
}
