/** Lowers the plan's products: forward and input gradients of linear layers, in either direction. */

import type { Side } from '../../plan/geometry.js';
import type { OpSegment, ProductOp } from '../../plan/operations.js';
import type { Bindings } from '../memory/bindings.js';
import { byInstance, countRows, inOrder, storeImageTable } from '../images.js';
import {
  OVERLAP,
  OVERLAP_CHANNELS,
  OVERLAP_COLUMNS,
  OVERLAP_HEIGHT,
  OVERLAP_IMAGES,
  OVERLAP_LEFT,
  OVERLAP_LINES,
  OVERLAP_ROWS_X,
  OVERLAP_ROWS_Y,
  OVERLAP_SNIPPETS,
  OVERLAP_SOURCE,
  OVERLAP_STRIDE,
  OVERLAP_TABLE,
  OVERLAP_TAPS,
  OVERLAP_TARGET,
  OVERLAP_TOP,
  OVERLAP_WIDTH,
  ROWS_BIAS,
  ROWS_CHUNK,
  ROWS_IS_DIRECT,
  ROWS_OUT,
  ROWS_SNIPPETS,
  ROWS_TABLE,
} from '../kernels/words.js';
import {
  cellsOf,
  isOverlapping,
  largeParts,
  smallParts,
  wholePanels,
  type Cell,
  type CellPart,
  type PartAxis,
  type Parts,
} from './parts.js';
import type { Waves } from '../records.js';
import {
  addPack,
  addRows,
  kernelOf,
  packedBytes,
  panelBytes,
  storeParts,
  type Kernel,
  type RowsPart,
  type Whole,
} from './rows.js';
import { storeSnippets } from '../snippets.js';
import { toomForm } from './toom/toom-form.js';
import { lowerToom } from './toom/toom-products.js';
import { borderOf, NO_BORDER, windowsOf, type Staged, type Stager } from './windows.js';

/** A cell with one of its parts alone, its windows as narrow as that allows. */
function alone(cell: Cell, part: CellPart): Cell {
  const { start, taps } = part.axis;
  return { ...cell, start: taps === 0 ? 0 : start, taps, parts: [{ ...part, inWindow: 0 }] };
}

/**
 * Adds a product's rows, by cells. The parts of a cell are one record where its windows are short enough to stay
 * packed for all of them, else one each.
 */
function addCells(
  whole: Whole,
  parts: Parts,
  side: Side,
  staged: Staged,
  kernel: Kernel,
  bindings: Bindings,
  waves: Waves,
): void {
  const { channels } = side;
  const packed = new Map<string, number>();
  const pack = (y: PartAxis, x: PartAxis): number => {
    const depth = y.taps * x.taps * channels;
    const target = bindings.forParameters.allocate(packedBytes(kernel, depth));
    addPack(kernel, y, x, target, panelBytes(depth), whole.name, waves, 0);
    return target;
  };
  const rightOf = (y: CellPart, x: CellPart): { readonly right: number; readonly panelStep: number } => {
    // Packed with all taps of its part in y, of which rows at the edges take some.
    const wholeY = parts.y[y.index]!;
    const key = [y.index, x.index, x.tap, x.axis.taps].join();
    const address = packed.get(key) ?? pack(wholeY, x.axis);
    packed.set(key, address);
    const tapBytes = panelBytes(x.axis.taps * channels);
    return { right: address + y.tap * tapBytes, panelStep: wholeY.taps * tapBytes };
  };
  const add = (cellY: Cell, cellX: Cell): void => {
    const rowsParts = cellY.parts.flatMap((y) =>
      cellX.parts.map((x): RowsPart => {
        const own = { y: y.axis, x: x.axis, ...rightOf(y, x) };
        const depth = y.axis.taps * x.axis.taps * channels;
        if (depth === 0 || x.axis.taps === cellX.taps) {
          const first = depth === 0 ? 0 : y.inWindow * cellX.taps * channels;
          return { ...own, first, pieces: 1, piece: depth, pieceStep: 0 };
        }
        const first = (y.inWindow * cellX.taps + x.inWindow) * channels;
        return {
          ...own,
          first,
          pieces: y.axis.taps,
          piece: x.axis.taps * channels,
          pieceStep: cellX.taps * channels,
        };
      }),
    );
    addRows(whole, windowsOf(staged, cellY, cellX, channels), storeParts(rowsParts, bindings.arena), waves);
  };
  for (const y of cellsOf(parts.y, side.height)) {
    for (const x of cellsOf(parts.x, side.width)) {
      if (y.taps * x.taps * channels <= ROWS_CHUNK) {
        add(y, x);
        continue;
      }
      for (const partY of y.parts) for (const partX of x.parts) add(alone(y, partY), alone(x, partX));
    }
  }
}

/** Adds a product whose rows overlap: the matrix product (wave 1), its rows added up (wave 2). */
function lowerOverlapping(
  { geometry, source, epilogue, target, name }: ProductOp,
  segments: readonly OpSegment[],
  kernel: Kernel,
  bindings: Bindings,
  stager: Stager,
  waves: Waves,
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
    outputs: [
      [ROWS_OUT, rows],
      [ROWS_IS_DIRECT, 1],
      [ROWS_TABLE, storeImageTable(bindings.arena, inOrder(segments), source.rows)],
    ],
    name,
    wave: 1,
  };
  const staged = stager.stage(source, small, segments, NO_BORDER, waves, name);
  addCells(
    whole,
    largeParts(matrix),
    small,
    staged,
    { ...kernel, geometry: matrix, filters },
    bindings,
    waves,
  );
  waves.add(
    2,
    OVERLAP,
    name,
    [OVERLAP_SOURCE, rows],
    [OVERLAP_TARGET, bindings.tensor(target)],
    [OVERLAP_IMAGES, images],
    [OVERLAP_ROWS_Y, small.height],
    [OVERLAP_ROWS_X, small.width],
    [OVERLAP_COLUMNS, columns],
    [OVERLAP_LINES, kernelHeight],
    [OVERLAP_TAPS, kernelWidth],
    [OVERLAP_CHANNELS, large.channels],
    [OVERLAP_HEIGHT, large.height],
    [OVERLAP_WIDTH, large.width],
    [OVERLAP_STRIDE, stride],
    [OVERLAP_TOP, padTop],
    [OVERLAP_LEFT, padLeft],
    [OVERLAP_SNIPPETS, storeSnippets(epilogue, segments[0]!.instance, large.channels, bindings)],
    [OVERLAP_TABLE, storeImageTable(bindings.arena, segments, source.rows)],
  );
}

/**
 * Adds the packing of a product's kernel (prepared), its staging (wave 0), its rows (wave 1), their sums (wave 2); or what
 * `toom-products.ts` does instead.
 */
export function lowerProduct(operation: ProductOp, bindings: Bindings, stager: Stager, waves: Waves): void {
  const { geometry, direction, source, epilogue, target, name } = operation;
  const isToSmall = direction === 'toSmall';
  const [from, to] = isToSmall ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  const overlaps = !isToSmall && isOverlapping(geometry);
  const toom = toomForm(geometry, direction);
  for (const segments of byInstance(operation.segments)) {
    const { instance } = segments[0]!;
    const kernel = kernelOf(operation, bindings.parameter(operation.kernels[instance]!));
    if (overlaps) {
      lowerOverlapping(operation, segments, kernel, bindings, stager, waves);
      continue;
    }
    if (toom !== null) {
      lowerToom(operation, segments, toom, kernel, bindings, stager, waves);
      continue;
    }
    const parts = isToSmall ? smallParts(geometry) : largeParts(geometry);
    const isDirect = to.channels % 8 === 0;
    const [first, ...others] = epilogue;
    // Where outputs go to their place at once, they can begin with their bias.
    const bias = isDirect && first?.kind === 'bias' ? bindings.parameter(first.parameters[instance]!) : 0;
    const whole: Whole = {
      target: to,
      images: countRows(segments),
      outputs: [
        [ROWS_OUT, bindings.tensor(target)],
        [ROWS_IS_DIRECT, isDirect ? 1 : 0],
        [ROWS_BIAS, bias],
        [ROWS_SNIPPETS, storeSnippets(bias === 0 ? epilogue : others, instance, to.channels, bindings)],
        [ROWS_TABLE, storeImageTable(bindings.arena, segments, source.rows)],
      ],
      name,
      wave: 1,
    };
    const border = borderOf(cellsOf(parts.y, from.height), cellsOf(parts.x, from.width), from);
    const staged = stager.stage(source, from, segments, border, waves, name);
    addCells(whole, parts, from, staged, kernel, bindings, waves);
  }
}
