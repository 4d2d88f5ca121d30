/** Lowers the plan's products: forward and input gradients of linear layers, in either direction. */

import type { Side } from '../plan/geometry.js';
import type { OpSegment, ProductOp, Snippet, TensorId } from '../plan/operations.js';
import type { Bindings } from './bindings.js';
import { byInstance, countRows, storeImageTable } from './images.js';
import {
  ROWS_BIAS,
  ROWS_CHUNK,
  ROWS_IS_DIRECT,
  ROWS_OUT,
  ROWS_SNIPPETS,
  ROWS_TABLE,
  STAGE,
  STAGE_CHANNELS,
  STAGE_HEIGHT,
  STAGE_IMAGES,
  STAGE_PADDED_HEIGHT,
  STAGE_PADDED_WIDTH,
  STAGE_SNIPPETS,
  STAGE_SOURCE,
  STAGE_TABLE,
  STAGE_TARGET,
  STAGE_WIDTH,
} from './kernels/layout.js';
import { cellsOf, largeParts, smallParts, type Cell, type CellPart, type PartAxis, type Parts } from './parts.js';
import type { Waves } from './records.js';
import { addRows, kernelOf, packKernel, windowsOf, type Kernel, type RowsPart, type Whole } from './rows.js';
import { storeSnippets } from './snippets.js';
import type { Border, Staged, Stager } from './windows.js';

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
  const rightOf = (y: CellPart, x: CellPart): { readonly right: number; readonly panelStep: number } => {
    // Packed with all taps of its part in y, of which rows at the edges take some.
    const wholeY = parts.y[y.index]!;
    const key = [y.index, x.index, x.tap, x.axis.taps].join();
    const address = packed.get(key) ?? packKernel(kernel, wholeY, x.axis, bindings, waves, whole.name);
    packed.set(key, address);
    const tapBytes = x.axis.taps * channels * 32;
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
        return { ...own, first, pieces: y.axis.taps, piece: x.axis.taps * channels, pieceStep: cellX.taps * channels };
      }),
    );
    addRows(whole, windowsOf(staged, cellY, cellX, channels), rowsParts, bindings.arena, waves);
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

/** Whether no part has outputs outside the image. */
function areInside({ y, x }: Parts, { height, width }: Side): boolean {
  const isInside = (axes: readonly PartAxis[], size: number): boolean =>
    axes.every(({ rows, scale, offset, groups }) => offset >= 0 && (rows - 1) * scale + offset + groups <= size);
  return isInside(y, height) && isInside(x, width);
}

function hasGroups({ y, x }: Parts): boolean {
  return y[0]!.groups * x[0]!.groups > 1;
}

/** Applies an epilogue to the images of a product, where they lie (wave 2). */
function addEpilogue(
  epilogue: readonly Snippet[],
  target: TensorId,
  { height, width, channels }: Side,
  segments: readonly OpSegment[],
  bindings: Bindings,
  waves: Waves,
  name: string,
): void {
  const snippets = storeSnippets(epilogue, segments[0]!.instance, channels, bindings);
  const address = bindings.tensor(target);
  for (const segment of segments) {
    const own = { ...segment, gradientRow: segment.targetRow };
    waves.add(
      2,
      STAGE,
      name,
      [STAGE_SOURCE, address],
      [STAGE_TARGET, address + segment.targetRow * height * width * channels * 4],
      [STAGE_IMAGES, segment.rows],
      [STAGE_HEIGHT, height],
      [STAGE_WIDTH, width],
      [STAGE_CHANNELS, channels],
      [STAGE_PADDED_HEIGHT, height],
      [STAGE_PADDED_WIDTH, width],
      [STAGE_SNIPPETS, snippets],
      // Its source rows are the product's target rows.
      [STAGE_TABLE, storeImageTable(bindings.arena, [own], 'gradient')],
    );
  }
}

/** What cells read around an image. */
function borderOf({ y, x }: Parts, side: Side): Border {
  const before = (cells: readonly Cell[]): number => Math.max(0, ...cells.map(({ start }) => -start));
  const after = (cells: readonly Cell[], size: number): number =>
    Math.max(0, ...cells.map(({ start, step, rows, taps }) => start + (rows - 1) * step + taps - size));
  const ys = cellsOf(y, side.height);
  const xs = cellsOf(x, side.width);
  return { top: before(ys), left: before(xs), bottom: after(ys, side.height), right: after(xs, side.width) };
}

/** Adds the packing of a product's kernel (prepared), its staging (wave 0), its rows (wave 1), a late epilogue (wave 2). */
export function lowerProduct(operation: ProductOp, bindings: Bindings, stager: Stager, waves: Waves): void {
  const { geometry, direction, source, epilogue, target, name } = operation;
  const [from, to] = direction === 'toSmall' ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  const parts = direction === 'toSmall' ? smallParts(geometry) : largeParts(geometry);
  for (const segments of byInstance(operation.segments)) {
    const { instance } = segments[0]!;
    const isDirect = to.channels % 8 === 0 && areInside(parts, to);
    const [first, ...others] = epilogue;
    // Where outputs go to their place at once, they can begin with their bias.
    const bias = isDirect && first?.kind === 'bias' ? bindings.parameter(first.parameters[instance]!) : 0;
    const snippets = bias === 0 ? epilogue : others;
    // Groups of less than a panel come a few pixels at a time; whole images then pass the epilogue in one go.
    const isLate = !isDirect && hasGroups(parts) && snippets.length > 0;
    const whole: Whole = {
      target: to,
      images: countRows(segments),
      outputs: [
        [ROWS_OUT, bindings.tensor(target)],
        [ROWS_IS_DIRECT, isDirect ? 1 : 0],
        [ROWS_BIAS, bias],
        [ROWS_SNIPPETS, isLate ? 0 : storeSnippets(snippets, instance, to.channels, bindings)],
        [ROWS_TABLE, storeImageTable(bindings.arena, segments, source.rows)],
      ],
      name,
    };
    if (isLate) addEpilogue(snippets, target, to, segments, bindings, waves, name);
    const kernel = kernelOf(operation, bindings.parameter(operation.kernels[instance]!));
    const staged = stager.stage(source, from, segments, borderOf(parts, from), waves, name);
    addCells(whole, parts, from, staged, kernel, bindings, waves);
  }
}
