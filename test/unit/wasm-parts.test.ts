/** How the wasm engine cuts products and kernel gradients into pieces: every pair of positions that a tap joins, once. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linearShape, phasesOf, type Geometry } from '../../src/worker/engine/plan/geometry.js';
import {
  borderRegions,
  largeSubKernels,
  smallSubKernels,
  type SubKernelAxis,
} from '../../src/worker/engine/wasm/convolution/sub-kernels.js';
import { tapBlocks, tapBorder } from '../../src/worker/engine/wasm/convolution/tap-blocks.js';
import {
  toomAxis,
  transposed,
  type Combination,
  type ToomAxis,
} from '../../src/worker/engine/wasm/convolution/toom/toom-axis.js';
import type { LayerDescription } from '../../src/recipe/layers.js';

interface Line {
  readonly large: number;
  readonly small: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
}

function geometryOf(
  kind: 'conv2d' | 'conv2dTranspose',
  size: number,
  kernel: number,
  stride: number,
  padding: 'same' | 'valid',
): Geometry {
  const shape = { kernelSize: [kernel, kernel] as const, stride, padding };
  const layer = { kind, name: 'layer', bias: 'zero', filters: 64, ...shape } as LayerDescription;
  return linearShape(layer, [size, size, 32])!.geometry;
}

const GEOMETRIES: readonly Geometry[] = (['conv2d', 'conv2dTranspose'] as const).flatMap((kind) =>
  [1, 2, 3, 5, 7, 12, 14, 28].flatMap((size) =>
    [1, 2, 3, 4, 5, 6, 7].flatMap((kernel) =>
      [1, 2, 3].flatMap((stride) => [
        geometryOf(kind, size, kernel, stride, 'same'),
        ...(kind === 'conv2d' && kernel > size ? [] : [geometryOf(kind, size, kernel, stride, 'valid')]),
      ]),
    ),
  ),
);

function linesOf({
  large,
  small,
  kernelHeight,
  kernelWidth,
  stride,
  padTop,
  padLeft,
}: Geometry): readonly [Line, Line] {
  return [
    { large: large.height, small: small.height, kernel: kernelHeight, stride, pad: padTop },
    { large: large.width, small: small.width, kernel: kernelWidth, stride, pad: padLeft },
  ];
}

/** "large, small, tap" of every pair that a tap joins inside the image, sorted. */
function joined({ large, small, kernel, stride, pad }: Line): readonly string[] {
  const found: string[] = [];
  for (let at = 0; at < small; at++) {
    for (let tap = 0; tap < kernel; tap++) {
      const other = at * stride - pad + tap;
      if (other >= 0 && other < large) found.push(`${other}, ${at}, ${tap}`);
    }
  }
  return found.sort();
}

/** The same as the border regions of a direction's sub-kernels compute it, from images without a border. */
function computed(axes: readonly SubKernelAxis[], line: Line, isToSmall: boolean): readonly string[] {
  const sources = isToSmall ? line.large : line.small;
  const found: string[] = [];
  for (const region of borderRegions(axes, sources)) {
    for (const { axis, inWindow } of region.kernels) {
      assert.equal(axis.rows, region.rows);
      if (axis.taps > 0) assert.equal(axis.start, region.start + inWindow);
      assert.ok(inWindow + axis.taps <= region.taps);
      for (let row = 0; row < axis.rows; row++) {
        for (let step = 0; step < axis.taps; step++) {
          const source = axis.start + row * axis.step + step;
          const target = axis.offset + row * axis.scale;
          const tap = axis.firstTap + axis.tapStep * step;
          const isThere = source >= 0 && source < sources;
          if (isThere)
            found.push(isToSmall ? `${source}, ${target}, ${tap}` : `${target}, ${source}, ${tap}`);
        }
      }
    }
  }
  return found.sort();
}

/** Outputs that any border region writes, sorted: those that no tap reaches have to become 0. */
function written(axes: readonly SubKernelAxis[], sources: number): readonly number[] {
  const found: number[] = [];
  for (const region of borderRegions(axes, sources)) {
    for (const { axis } of region.kernels) {
      for (let row = 0; row < axis.rows; row++) found.push(axis.offset + row * axis.scale);
    }
  }
  return found.sort((a, b) => a - b);
}

const everything = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

describe('the sub-kernels of a product', () => {
  it('compute every tap of every output once, to the small side', () => {
    for (const geometry of GEOMETRIES) {
      const { y, x } = smallSubKernels(geometry);
      linesOf(geometry).forEach((line, index) => {
        const axes = index === 0 ? y : x;
        assert.deepEqual(computed(axes, line, true), joined(line));
        assert.deepEqual(written(axes, line.large), everything(line.small));
      });
    }
  });

  it('compute every tap of every output once, to the large side', () => {
    for (const geometry of GEOMETRIES) {
      const { y, x } = largeSubKernels(geometry);
      linesOf(geometry).forEach((line, index) => {
        const axes = index === 0 ? y : x;
        assert.deepEqual(computed(axes, line, false), joined(line));
        assert.deepEqual(written(axes, line.small), everything(line.large));
      });
    }
  });

  it('leave the border of the second convolution out in all three directions', () => {
    const geometry = geometryOf('conv2d', 14, 3, 2, 'same');
    const regions = borderRegions(smallSubKernels(geometry).y, 14).map(({ rows, taps }) => [rows, taps]);
    assert.deepEqual(regions, [
      [6, 3],
      [1, 2],
    ]);
    const phases = borderRegions(largeSubKernels(geometry).y, 7).map(({ rows, kernels }) => [
      rows,
      ...kernels.map(({ axis }) => axis.taps),
    ]);
    assert.deepEqual(phases, [
      [1, 1, 1],
      [6, 2, 1],
    ]);
    assert.deepEqual(tapBorder(tapBlocks(geometry), geometry), { top: 0, left: 0, bottom: 0, right: 0 });
  });
});

/** By large position, small position and tap: how much of them a direction's products multiply; what is 0 left out. */
function multiplied({ small, kernel: ofTaps, groups, large }: ToomAxis): ReadonlyMap<string, number> {
  const factors = new Map<number, readonly [Combination, Combination]>();
  for (const { first, rows, kernels: own, product } of groups) {
    for (let row = 0; row < rows; row++) {
      own.forEach((kernel, index) => {
        factors.set(product + row * own.length + index, [small[first + row]!, ofTaps[kernel]!]);
      });
    }
  }
  const found = new Map<string, number>();
  large.forEach((combination, target) => {
    for (const product of combination) {
      const [point, kernel] = factors.get(product.at)!;
      for (const source of point) {
        for (const tap of kernel) {
          const key = `${target}, ${source.at}, ${tap.at}`;
          const value = (found.get(key) ?? 0) + product.factor * source.factor * tap.factor;
          if (value === 0) found.delete(key);
          else found.set(key, value);
        }
      }
    }
  });
  return found;
}

describe('products with fewer multiply-adds', () => {
  const lines = GEOMETRIES.flatMap((geometry) => linesOf(geometry));
  const axisOf = ({ large, small, kernel, stride, pad }: Line): ToomAxis | null =>
    toomAxis(small, stride, phasesOf(large, kernel, stride, pad));

  it('multiply every pair of positions by the tap that joins it, once, and nothing else', () => {
    let axes = 0;
    for (const line of lines) {
      const axis = axisOf(line);
      if (axis === null) continue;
      axes++;
      const found = multiplied(axis);
      assert.deepEqual([...found.keys()].sort(), joined(line));
      for (const value of found.values()) assert.equal(value, 1);
    }
    assert.ok(axes > 100);
  });

  it('are there where phases have one and two taps, and every large position is reached', () => {
    for (const line of lines) {
      const taps = phasesOf(line.large, line.kernel, line.stride, line.pad).map((phase) => phase.taps);
      const reached = new Set(joined(line).map((pair) => pair.split(',')[0])).size;
      const isPossible =
        taps.every((count) => count === 1 || count === 2) && taps.includes(2) && reached === line.large;
      assert.equal(axisOf(line) !== null, isPossible, JSON.stringify(line));
    }
  });

  it('take no more than three terms a combination, in both directions', () => {
    for (const line of lines) {
      const axis = axisOf(line);
      if (axis === null) continue;
      const { small, kernel, products, large } = axis;
      const transforms = [small, kernel, large, transposed(large, products), transposed(small, line.small)];
      for (const combination of transforms.flat()) assert.ok(combination.length <= 3);
    }
  });

  it('are 16 instead of 20 along the second convolution, and 14 instead of 20 along the third transposed one', () => {
    const [conv2] = linesOf(geometryOf('conv2d', 14, 3, 2, 'same'));
    const [deconv3] = linesOf(geometryOf('conv2dTranspose', 5, 4, 2, 'valid'));
    assert.deepEqual([joined(conv2).length, axisOf(conv2)!.products], [20, 16]);
    assert.deepEqual([joined(deconv3).length, axisOf(deconv3)!.products], [20, 14]);
  });
});

describe('the blocks of a kernel gradient', () => {
  it('sum every tap over every position that it reaches once, and read the border that they ask for', () => {
    for (const geometry of GEOMETRIES) {
      const { ys, xs } = tapBlocks(geometry);
      const border = tapBorder({ ys, xs }, geometry);
      linesOf(geometry).forEach((line, index) => {
        const [before, after] = index === 0 ? [border.top, border.bottom] : [border.left, border.right];
        const found: string[] = [];
        for (const { tap, taps, first, rows } of index === 0 ? ys : xs) {
          for (let at = first; at < first + rows; at++) {
            for (let own = tap; own < tap + taps; own++) {
              const other = at * line.stride - line.pad + own;
              assert.ok(other >= -before && other < line.large + after);
              if (other >= 0 && other < line.large) found.push(`${other}, ${at}, ${own}`);
            }
          }
        }
        assert.deepEqual(found.sort(), joined(line));
      });
    }
  });
});
