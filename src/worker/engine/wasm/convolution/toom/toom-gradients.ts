/**
 * Kernels' gradients with fewer multiply-adds: what a layer's products are is multilinear, so their gradient is made of
 * the same sums. Sums of both sides' positions (wave 1) are summed over all images (wave 2), and sums of these are the
 * taps' (wave 3).
 */

import { sideSize, type Geometry, type Side } from '../../../plan/geometry.js';
import type { Bindings } from '../../memory/bindings.js';
import { combinedImages, combineFields } from '../combine.js';
import { addFilter } from '../filters.js';
import { COMBINE } from '../../kernels/words.js';
import type { Waves } from '../../records.js';
import type { Sum } from './toom-axis.js';
import type { ToomGradientForm } from './toom-form.js';
import { dense, startingAt, windowsOf, type Staged } from '../windows.js';

/** Adds the sums over `images` of both sides' positions, `staged` and `gradients`; the kernel's gradient goes to `out`. */
export function addToomGradient(
  { large, small }: Geometry,
  { y, x }: ToomGradientForm,
  staged: Staged,
  gradients: Staged,
  images: number,
  out: number,
  { arena, workspace }: Bindings,
  name: string,
  waves: Waves,
): void {
  const sumsOf = (
    source: Staged,
    { width, channels }: Side,
    lines: readonly Sum[],
    columns: readonly Sum[],
  ): Staged => {
    const side: Side = { height: lines.length, width: columns.length, channels };
    const sums = dense(side, workspace.allocate(images * sideSize(side) * 4));
    const fields = combineFields(source, width, lines, columns, arena);
    waves.add(1, COMBINE, name, ...fields, ...combinedImages(source.address, images, sums.address));
    return sums;
  };
  const products = sumsOf(staged, large, y.products, x.products);
  const points = sumsOf(gradients, small, y.points, x.points);
  const taps: Side = { height: y.results, width: x.results, channels: large.channels * small.channels };
  const results = dense(taps, workspace.allocate(sideSize(taps) * 4));
  for (const groupY of y.groups) {
    for (const groupX of x.groups) {
      const sums = {
        windows: windowsOf(products, groupY, groupX, large.channels),
        positions: startingAt(points, groupY.point, groupX.point),
        images,
        rowsY: groupY.rows,
        rowsX: groupX.rows,
        filters: small.channels,
        out: startingAt(results, groupY.result, groupX.result).address,
        outRunStep: results.rowStep,
      };
      addFilter(sums, arena, name, waves, 2);
    }
  }
  const fields = combineFields(results, x.results, y.taps, x.taps, arena);
  waves.add(3, COMBINE, name, ...fields, ...combinedImages(results.address, 1, out));
}
