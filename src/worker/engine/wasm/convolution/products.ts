/** Lowers the plan's products: forward and input gradients of linear layers, in either direction. */

import type { Side } from '../../plan/geometry.js';
import type { OpSegment, ProductOp } from '../../plan/operations.js';
import type { Bindings } from '../memory/bindings.js';
import { byInstance, countRows, inOrder, storeImageTable } from '../images.js';
import { DEPTH_CHUNK } from '../layout/operations.js';
import {
  borderRegions,
  isOverlapping,
  largeSubKernels,
  smallSubKernels,
  wholePanels,
  type BorderRegion,
  type RegionKernel,
  type SubKernelAxis,
  type SubKernels,
} from './sub-kernels.js';
import type { StageRecords } from '../stage-records.js';
import {
  addPack,
  addProduct,
  kernelOf,
  packedBytes,
  panelBytes,
  storeSubProducts,
  type Kernel,
  type SubProduct,
  type Whole,
} from './product-records.js';
import { storeSnippets } from '../snippets.js';
import type { KeptTransforms } from './toom/kept-transforms.js';
import { toomForm } from './toom/toom-form.js';
import { lowerToom } from './toom/toom-products.js';
import { NO_BORDER, type Staged } from './kept-images.js';
import { borderOf, windowsOf, type Stager } from './windows.js';

/** A region with one of its sub-kernels alone, its windows as narrow as that allows. */
function alone(region: BorderRegion, kernel: RegionKernel): BorderRegion {
  const { start, taps } = kernel.axis;
  return { ...region, start: taps === 0 ? 0 : start, taps, kernels: [{ ...kernel, inWindow: 0 }] };
}

/**
 * Adds a product, by border regions. The sub-kernels of a region are one record where its windows are short enough to
 * stay packed for all of them, else one each.
 */
function addRegions(
  whole: Whole,
  subKernels: SubKernels,
  side: Side,
  staged: Staged,
  kernel: Kernel,
  bindings: Bindings,
  records: StageRecords,
): void {
  const { channels } = side;
  const packed = new Map<string, number>();
  const pack = (y: SubKernelAxis, x: SubKernelAxis): number => {
    const depth = y.taps * x.taps * channels;
    const target = bindings.forParameters.allocate(packedBytes(kernel, depth));
    addPack(kernel, y, x, target, panelBytes(depth), whole.name, records, 0);
    return target;
  };
  const rightOf = (
    y: RegionKernel,
    x: RegionKernel,
  ): { readonly right: number; readonly panelStep: number } => {
    // Packed with all taps of its sub-kernel in y, of which rows at the edges take some.
    const wholeY = subKernels.y[y.index]!;
    const key = [y.index, x.index, x.tap, x.axis.taps].join();
    const address = packed.get(key) ?? pack(wholeY, x.axis);
    packed.set(key, address);
    const tapBytes = panelBytes(x.axis.taps * channels);
    return { right: address + y.tap * tapBytes, panelStep: wholeY.taps * tapBytes };
  };
  const add = (regionY: BorderRegion, regionX: BorderRegion): void => {
    const subProducts = regionY.kernels.flatMap((y) =>
      regionX.kernels.map((x): SubProduct => {
        const own = { y: y.axis, x: x.axis, ...rightOf(y, x) };
        const depth = y.axis.taps * x.axis.taps * channels;
        if (depth === 0 || x.axis.taps === regionX.taps) {
          const first = depth === 0 ? 0 : y.inWindow * regionX.taps * channels;
          return { ...own, first, pieces: 1, pieceLength: depth, pieceStep: 0 };
        }
        const first = (y.inWindow * regionX.taps + x.inWindow) * channels;
        return {
          ...own,
          first,
          pieces: y.axis.taps,
          pieceLength: x.axis.taps * channels,
          pieceStep: regionX.taps * channels,
        };
      }),
    );
    addProduct(
      whole,
      windowsOf(staged, regionY, regionX, channels),
      storeSubProducts(subProducts, bindings.arena),
      records,
    );
  };
  for (const y of borderRegions(subKernels.y, side.height)) {
    for (const x of borderRegions(subKernels.x, side.width)) {
      if (y.taps * x.taps * channels <= DEPTH_CHUNK) {
        add(y, x);
        continue;
      }
      for (const kernelY of y.kernels)
        for (const kernelX of x.kernels) add(alone(y, kernelY), alone(x, kernelX));
    }
  }
}

/** Adds a product whose rows overlap: the matrix product (group 1), its rows added up (group 2). */
function lowerOverlapping(
  { geometry, source, epilogue, target, name }: ProductOp,
  segments: readonly OpSegment[],
  kernel: Kernel,
  bindings: Bindings,
  stager: Stager,
  records: StageRecords,
): void {
  const { large, small, kernelHeight, kernelWidth, stride, padTop, padLeft } = geometry;
  const images = countRows(segments);
  // Kernels are [line, tap, large channel, small channel]: as many filters, one after the other, of a single tap.
  const filters = kernelHeight * kernelWidth * large.channels;
  const columns = wholePanels(filters);
  const outputs = { ...small, channels: columns };
  const matrix = { large: outputs, small, kernelHeight: 1, kernelWidth: 1, stride: 1, padTop: 0, padLeft: 0 };
  const rows = bindings.workspace.allocate(images * small.height * small.width * columns * 4);
  const whole: Whole = {
    target: outputs,
    images,
    outputs: {
      out: rows,
      imageTable: storeImageTable(bindings.arena, inOrder(segments), source.rows),
      isDirect: true,
      bias: 0,
      epilogue: 0,
    },
    name,
    group: 1,
  };
  const staged = stager.stage(source, small, segments, NO_BORDER, records, name);
  addRegions(
    whole,
    largeSubKernels(matrix),
    small,
    staged,
    { ...kernel, geometry: matrix, filters },
    bindings,
    records,
  );
  records.add(2, 'overlapAdd', name, {
    source: rows,
    target: bindings.tensor(target),
    images,
    rowsY: small.height,
    rowsX: small.width,
    columns,
    lines: kernelHeight,
    taps: kernelWidth,
    channels: large.channels,
    height: large.height,
    width: large.width,
    stride,
    top: padTop,
    left: padLeft,
    epilogue: storeSnippets(epilogue, segments[0]!.instance, large.channels, bindings),
    imageTable: storeImageTable(bindings.arena, segments, source.rows),
  });
}

/**
 * Adds the packing of a product's kernel (prepared), its staging (group 0), its rows (group 1), and what adds them up where they overlap (group 2); or what
 * `toom-products.ts` does instead.
 */
export function lowerProduct(
  operation: ProductOp,
  bindings: Bindings,
  stager: Stager,
  transforms: KeptTransforms,
  records: StageRecords,
): void {
  const { geometry, direction, source, epilogue, target, name } = operation;
  const isToSmall = direction === 'toSmall';
  const [from, to] = isToSmall ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  const overlaps = !isToSmall && isOverlapping(geometry);
  const toom = toomForm(geometry, direction);
  for (const segments of byInstance(operation.segments)) {
    const { instance } = segments[0]!;
    const kernel = kernelOf(operation, bindings.parameter(operation.kernels[instance]!));
    if (overlaps) {
      lowerOverlapping(operation, segments, kernel, bindings, stager, records);
      continue;
    }
    if (toom !== null) {
      lowerToom(operation, segments, toom, kernel, bindings, stager, transforms, records);
      continue;
    }
    const subKernels = isToSmall ? smallSubKernels(geometry) : largeSubKernels(geometry);
    const isDirect = to.channels % 8 === 0;
    const [first, ...others] = epilogue;
    // Where outputs go to their place at once, they can begin with their bias.
    const bias = isDirect && first?.kind === 'bias' ? bindings.parameter(first.parameters[instance]!) : 0;
    const whole: Whole = {
      target: to,
      images: countRows(segments),
      outputs: {
        out: bindings.tensor(target),
        imageTable: storeImageTable(bindings.arena, segments, source.rows),
        isDirect,
        bias,
        epilogue: storeSnippets(bias === 0 ? epilogue : others, instance, to.channels, bindings),
      },
      name,
      group: 1,
    };
    const border = borderOf(
      borderRegions(subKernels.y, from.height),
      borderRegions(subKernels.x, from.width),
      from,
    );
    const staged = stager.stage(source, from, segments, border, records, name);
    addRegions(whole, subKernels, from, staged, kernel, bindings, records);
  }
}
