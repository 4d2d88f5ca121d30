/** Which taps of a kernel's gradient are summed together, over which positions. */

import type { Geometry } from '../plan/geometry.js';
import type { Border } from './windows.js';

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

interface TapBlocks {
  readonly ys: readonly TapGroup[];
  readonly xs: readonly TapGroup[];
}

/** What an image needs around it so that all taps of a block find something: none where borders are left out. */
export function tapBorder({ ys, xs }: TapBlocks, { large, stride, padTop, padLeft }: Geometry): Border {
  const reaching = (groups: readonly TapGroup[]): readonly TapGroup[] => groups.filter(({ count }) => count > 0);
  const before = (groups: readonly TapGroup[], pad: number): number =>
    Math.max(0, ...reaching(groups).map(({ tap, first }) => pad - tap - first * stride));
  const after = (groups: readonly TapGroup[], pad: number, size: number): number => {
    const ends = reaching(groups).map(({ tap, taps, first, count }) => (first + count - 1) * stride + tap + taps);
    return Math.max(0, ...ends.map((end) => end - pad - size));
  };
  return {
    top: before(ys, padTop),
    left: before(xs, padLeft),
    bottom: after(ys, padTop, large.height),
    right: after(xs, padLeft, large.width),
  };
}

/** Share of the multiply-adds that to do without a border, and so often without a copy of the image, may cost. */
const WORTH_A_COPY = 1 / 32;

/**
 * The taps of a kernel's gradient that are summed together, by direction: leaving out positions that see only a
 * tap's border saves multiply-adds, but costs rows that do not fill the last six.
 */
export function tapBlocks(geometry: Geometry): TapBlocks {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  const ys = tapGroups(large.height, small.height, kernelHeight, stride, padTop);
  const xs = tapGroups(large.width, small.width, kernelWidth, stride, padLeft);
  const wholeY: readonly TapGroup[] = [{ tap: 0, taps: kernelHeight, first: 0, count: small.height }];
  const wholeX: readonly TapGroup[] = [{ tap: 0, taps: kernelWidth, first: 0, count: small.width }];
  const costOf = (blocks: TapBlocks): number => {
    let cost = 0;
    for (const y of blocks.ys) {
      for (const x of blocks.xs) cost += y.count * x.count * y.taps * Math.ceil((x.taps * large.channels) / 6);
    }
    return cost;
  };
  const all = { ys, xs };
  const others = [{ ys, xs: wholeX }, { ys: wholeY, xs }, { ys: wholeY, xs: wholeX }];
  let [best, bestCost]: [TapBlocks, number] = [all, costOf(all) * (1 - WORTH_A_COPY)];
  for (const blocks of others) if (costOf(blocks) < bestCost) [best, bestCost] = [blocks, costOf(blocks)];
  return best;
}
