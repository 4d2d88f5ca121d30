/**
 * Products whose left rows are windows read where they lie: convolutions and transposed convolutions,
 * their input gradients, and matrices. Threads share out blocks of rows: a block's windows are packed,
 * multiplied by the columns of each sub-product, and go to their place in the output, or gather in scratch on the way there.
 */

import { firstItem, itemAfter } from '../threads/work-shares';
import { interleave } from './interleave';
import { joinsPanels, packed6x16, packedBlock } from './packed-micro-kernel';
import { finishBlock, panelsOf } from './product-epilogue';
import { DEPTH_CHUNK, Image, ProductOperation, SubProduct } from '../layout';
import { addressAt, entryAt } from '../common/tables';
import { clearFloats } from '../snippets';

/** Rows of a block: four tiles, so that a panel of the right operand stays near. */
const BLOCK = 24;
/**
 * Where a thread's scratch holds a block's packed rows, addresses of its windows, of its outputs and of what the
 * accumulators of a tile's six rows begin with, zeros, and outputs that go on from there. Packed rows end with a vector step that
 * may go past them.
 */
const LEFT: usize = 0;
const WINDOWS: usize = BLOCK * DEPTH_CHUNK * 4 + 128;
const OUTS: usize = WINDOWS + 128;
const STARTS: usize = OUTS + 128;
const ZEROS: usize = STARTS + 64;
const OUTPUTS: usize = ZEROS + 64;

export function product(record: ProductOperation, threads: i32, scratch: usize): void {
  const rows = record.images * record.rowsY * record.rowsX;
  const blocks = (rows + BLOCK - 1) / BLOCK;
  const bias = record.bias;
  clearFloats(scratch + ZEROS, 16);
  for (let row: usize = 0; row < 6; row++) {
    store<u32>(scratch + STARTS + (row << 2), u32(bias == 0 ? scratch + ZEROS : bias));
  }
  for (
    let block = firstItem(record, blocks, threads);
    block < blocks;
    block = itemAfter(record, block, blocks, threads)
  ) {
    const first = block * BLOCK;
    const count = min(BLOCK, rows - first);
    findRows(record, first, count, scratch);
    const subProduct = entryAt<SubProduct>(record.subProducts, 0);
    if (record.runs * record.runLength > DEPTH_CHUNK) {
      multiplyChunks(record, subProduct, count, scratch);
      finishBlock(record, subProduct, first, count, scratch + OUTPUTS);
    } else multiplySubProducts(record, first, count, scratch);
  }
}

/** Addresses of a block's windows and outputs; the last ones again for rows that it lacks. */
function findRows(record: ProductOperation, first: i32, count: i32, scratch: usize): void {
  const width = record.rowsX;
  const height = record.rowsY;
  const columnStep = record.windowColumnStep;
  const isDirect = record.isDirect != 0;
  const outStep = isDirect ? pixelStep(record) : usize(panelsOf(record)) << 5;
  const line = first / width;
  let x = first - line * width;
  let image = line / height;
  let y = line - image * height;
  let window = windowAt(record, image, y, x);
  let out = isDirect ? outputAt(record, image, y, x) : scratch + OUTPUTS;
  let at = scratch + WINDOWS;
  for (let row = 0; row < BLOCK; row++, at += 4) {
    store<u32>(at, u32(window));
    store<u32>(at, u32(out), OUTS - WINDOWS);
    if (row + 1 >= count) continue;
    window += columnStep;
    out += outStep;
    if (++x < width) continue;
    x = 0;
    if (++y == height) {
      y = 0;
      image++;
    }
    window = windowAt(record, image, y, 0);
    if (isDirect) out = outputAt(record, image, y, 0);
  }
}


@inline
function windowAt(record: ProductOperation, image: i32, y: i32, x: i32): usize {
  const inImage = usize(y) * record.windowRowStep + usize(x) * record.windowColumnStep;
  return record.windows + usize(image) * record.windowImageStep + inImage;
}

/** Bytes from the output of a row to that of the next in its line. */
@inline
function pixelStep(record: ProductOperation): usize {
  return usize(record.scaleX * record.filters) << 2;
}

/** Where the output of a row lies, offsets not counted. */
function outputAt(record: ProductOperation, image: i32, y: i32, x: i32): usize {
  const target = entryAt<Image>(record.imageTable, image).targetRow;
  const line = target * record.outHeight + y * record.scaleY;
  const pixel = line * record.outWidth + x * record.scaleX;
  return record.out + (usize(pixel * record.filters) << 2);
}

/** One sub-product, whose windows are packed chunk by chunk. */
function multiplyChunks(record: ProductOperation, subProduct: SubProduct, count: i32, scratch: usize): void {
  const depth = record.runs * record.runLength;
  for (let first = 0; first < depth; first += DEPTH_CHUNK) {
    const some = min(DEPTH_CHUNK, depth - first);
    packRows(record, count, first, some, scratch);
    multiply(record, subProduct, first, 0, some, some, first > 0, count, scratch);
  }
}

/** Sub-products that share windows, packed once. */
function multiplySubProducts(record: ProductOperation, first: i32, count: i32, scratch: usize): void {
  const depth = record.runs * record.runLength;
  packRows(record, count, 0, depth, scratch);
  for (let index = 0; index < record.subProductCount; index++) {
    const subProduct = entryAt<SubProduct>(record.subProducts, index);
    const pieces = subProduct.pieces;
    const pieceLength = subProduct.pieceLength;
    let left = subProduct.first;
    for (let piece = 0; piece < pieces; piece++, left += subProduct.pieceStep) {
      multiply(record, subProduct, piece * pieceLength, left, pieceLength, depth, piece > 0, count, scratch);
    }
    finishBlock(record, subProduct, first, count, scratch + OUTPUTS);
  }
}

/**
 * Multiplies floats `left` to `left` + `some` - 1 of the `packed` ones of each row by the sub-product's right operand from
 * depth `right` on, for all columns; adds to the outputs or begins them.
 */
function multiply(
  record: ProductOperation,
  subProduct: SubProduct,
  right: i32,
  left: i32,
  some: i32,
  packed: i32,
  isAdding: boolean,
  count: i32,
  scratch: usize,
): void {
  const panels = panelsOf(record);
  const panelStep = subProduct.panelStep;
  const tileBytes = usize(packed) * 24;
  const hasBias = record.bias != 0;
  const outOffset = record.isDirect != 0 ? subProductOffset(record, subProduct) : 0;
  let b = subProduct.right + (usize(right) << 5);
  let panel = 0;
  if (joinsPanels()) {
    for (; panel + 1 < panels; panel += 2, b += 2 * panelStep) {
      const column = usize(panel) << 5;
      const offset = outOffset + column;
      let a = scratch + LEFT + usize(left) * 24;
      let outs = scratch + OUTS;
      for (let row = 0; row < count; row += 6, a += tileBytes, outs += 24) {
        const starts = isAdding ? outs : scratch + STARTS;
        const startOffset = isAdding ? offset : hasBias ? column : 0;
        packed6x16(a, b, panelStep, some, starts, startOffset, outs, offset, 32);
      }
    }
  }
  for (; panel < panels; panel++, b += panelStep) {
    const column = usize(panel) << 5;
    const offset = outOffset + column;
    let a = scratch + LEFT + usize(left) * 24;
    let outs = scratch + OUTS;
    for (let row = 0; row < count; row += 6, a += tileBytes, outs += 24) {
      if (isAdding) packedBlock(a, b, some, outs, offset, outs, offset);
      else packedBlock(a, b, some, scratch + STARTS, hasBias ? column : 0, outs, offset);
    }
  }
}

/** Bytes from the output of a row, offsets not counted, to that of a sub-product. */
function subProductOffset(record: ProductOperation, subProduct: SubProduct): usize {
  const pixel = subProduct.offsetY * record.outWidth + subProduct.offsetX;
  return usize(pixel * record.filters) << 2;
}

/** Packs floats `first` to `first` + `some` - 1 of a block's windows, six rows at a time. */
function packRows(record: ProductOperation, count: i32, first: i32, some: i32, scratch: usize): void {
  const runLength = record.runLength;
  const runStep = record.runStep;
  const run = some > 0 ? first / runLength : 0;
  let to = scratch + LEFT;
  let windows = scratch + WINDOWS;
  for (let row = 0; row < count; row += 6, windows += 24, to += usize(some) * 24) {
    packSix(windows, usize(run) * runStep, first - run * runLength, some, runLength, runStep, to);
  }
}

/** Of six windows the next `count` floats, from float `inRun` of the run at `runStart` on. */
function packSix(
  windows: usize,
  runStart: usize,
  inRun: i32,
  count: i32,
  runLength: i32,
  runStep: usize,
  to: usize,
): void {
  while (count > 0) {
    const piece = min(runLength - inRun, count);
    const offset = runStart + (usize(inRun) << 2);
    interleave(
      addressAt(windows, 0) + offset,
      addressAt(windows, 1) + offset,
      addressAt(windows, 2) + offset,
      addressAt(windows, 3) + offset,
      addressAt(windows, 4) + offset,
      addressAt(windows, 5) + offset,
      piece,
      to,
    );
    to += usize(piece) * 24;
    count -= piece;
    inRun = 0;
    runStart += runStep;
  }
}
