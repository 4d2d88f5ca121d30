/**
 * Kernels' gradients with fewer multiply-adds: what a layer's products are is multilinear, so their gradient is made by
 * the same transforms. Both sides' positions are transformed (group 1) unless products of the layer have left them, multiplied
 * and summed over all images (group 3), and the results transformed to the taps (group 4).
 */

import { sideSize, type Side } from '../../../plan/geometry.js';
import type { FilterGradientOp, OpSegment, View } from '../../../plan/operations.js';
import { countRows } from '../../images.js';
import type { Bindings } from '../../memory/bindings.js';
import type { StageRecords } from '../../stage-records.js';
import { addKernelGradient } from '../kernel-gradient.js';
import { NO_BORDER, type Staged } from '../kept-images.js';
import { dense, startingAt, windowsOf, type Stager } from '../windows.js';
import type { KeptTransforms, TransformedSide } from './kept-transforms.js';
import type { Transform } from './toom-axis.js';
import type { ToomGradientForm } from './toom-form.js';
import { plainImages, sharedFields } from './transforms.js';

/** Behind what products of this stage leave, which are of group 2 (toom-products.ts). */
const MULTIPLYING = 3;

/** Adds what is made of a run of rows; the kernel's gradient goes to `out`. */
export function addToomGradient(
  { geometry, large, small, name }: FilterGradientOp,
  { y, x }: ToomGradientForm,
  run: readonly OpSegment[],
  out: number,
  { arena, workspace }: Bindings,
  stager: Stager,
  transforms: KeptTransforms,
  records: StageRecords,
): void {
  const images = countRows(run);
  const transformed = (view: View, side: TransformedSide, lines: Transform, columns: Transform): Staged => {
    const found = transforms.find(view, geometry, side, run);
    if (found !== null) return found;
    const { channels, width } = geometry[side];
    const source = stager.stage(view, geometry[side], run, NO_BORDER, records, name);
    const ofSide: Side = { height: lines.length, width: columns.length, channels };
    const target = dense(ofSide, workspace.allocate(images * sideSize(ofSide) * 4));
    records.add(1, 'transform', name, {
      ...sharedFields(source, width, lines, columns, arena),
      ...plainImages(source.address, images, target.address),
    });
    return target;
  };
  const products = transformed(large, 'large', y.large, x.large);
  const points = transformed(small, 'small', y.small, x.small);
  const taps: Side = {
    height: y.results,
    width: x.results,
    channels: geometry.large.channels * geometry.small.channels,
  };
  const results = dense(taps, workspace.allocate(sideSize(taps) * 4));
  for (const groupY of y.groups) {
    for (const groupX of x.groups) {
      const gradient = {
        windows: windowsOf(products, groupY, groupX, geometry.large.channels),
        positions: startingAt(points, groupY.point, groupX.point),
        images,
        rowsY: groupY.rows,
        rowsX: groupX.rows,
        filters: geometry.small.channels,
        out: startingAt(results, groupY.result, groupX.result).address,
        outRunStep: results.rowStep,
      };
      addKernelGradient(gradient, arena, name, records, MULTIPLYING);
    }
  }
  records.add(MULTIPLYING + 1, 'transform', name, {
    ...sharedFields(results, x.results, y.taps, x.taps, arena),
    ...plainImages(results.address, 1, out),
  });
}
