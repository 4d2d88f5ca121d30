/**
 * Kernels' gradients with fewer multiply-adds: what a layer's products are is multilinear, so their gradient is made by
 * the same transforms. Both sides' positions are transformed (group 1), multiplied and summed over all images (group 2),
 * and the results transformed to the taps (group 3).
 */

import { sideSize, type Geometry, type Side } from '../../../plan/geometry.js';
import type { Bindings } from '../../memory/bindings.js';
import type { StageRecords } from '../../stage-records.js';
import { addKernelGradient } from '../kernel-gradient.js';
import { dense, startingAt, windowsOf, type Staged } from '../windows.js';
import type { Transform } from './toom-axis.js';
import type { ToomGradientForm } from './toom-form.js';
import { plainImages, sharedFields } from './transforms.js';

/** Adds what is made of `images` images of both sides, `staged` and `gradients`; the kernel's gradient goes to `out`. */
export function addToomGradient(
  { large, small }: Geometry,
  { y, x }: ToomGradientForm,
  staged: Staged,
  gradients: Staged,
  images: number,
  out: number,
  { arena, workspace }: Bindings,
  name: string,
  records: StageRecords,
): void {
  const transformed = (
    source: Staged,
    { width, channels }: Side,
    lines: Transform,
    columns: Transform,
  ): Staged => {
    const side: Side = { height: lines.length, width: columns.length, channels };
    const target = dense(side, workspace.allocate(images * sideSize(side) * 4));
    records.add(1, 'transform', name, {
      ...sharedFields(source, width, lines, columns, arena),
      ...plainImages(source.address, images, target.address),
    });
    return target;
  };
  const products = transformed(staged, large, y.large, x.large);
  const points = transformed(gradients, small, y.small, x.small);
  const taps: Side = { height: y.results, width: x.results, channels: large.channels * small.channels };
  const results = dense(taps, workspace.allocate(sideSize(taps) * 4));
  for (const groupY of y.groups) {
    for (const groupX of x.groups) {
      const gradient = {
        windows: windowsOf(products, groupY, groupX, large.channels),
        positions: startingAt(points, groupY.point, groupX.point),
        images,
        rowsY: groupY.rows,
        rowsX: groupX.rows,
        filters: small.channels,
        out: startingAt(results, groupY.result, groupX.result).address,
        outRunStep: results.rowStep,
      };
      addKernelGradient(gradient, arena, name, records, 2);
    }
  }
  records.add(3, 'transform', name, {
    ...sharedFields(results, x.results, y.taps, x.taps, arena),
    ...plainImages(results.address, 1, out),
  });
}
