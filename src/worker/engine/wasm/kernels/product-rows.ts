/**
 * Products whose left rows are windows read where they lie: convolutions and transposed convolutions,
 * their input gradients, and matrices. Blocks of rows are dealt out to the threads: a block's windows are packed,
 * multiplied by each part's columns, and go to their place in the output, or gather in scratch on the way there.
 */

import { firstItem, itemAfter } from './claims';
import { interleave } from './interleave';
import {
  IMAGE_TARGET_ROW,
  PART_FIRST,
  PART_OFFSET_X,
  PART_OFFSET_Y,
  PART_PANEL_STEP,
  PART_PIECE,
  PART_PIECES,
  PART_PIECE_STEP,
  PART_RIGHT,
  PART_WORDS,
  ROWS_BIAS,
  ROWS_CHUNK,
  ROWS_FILTERS,
  ROWS_IMAGES,
  ROWS_IS_DIRECT,
  ROWS_LEFT,
  ROWS_LEFT_COLUMN_STEP,
  ROWS_LEFT_IMAGE_STEP,
  ROWS_LEFT_ROW_STEP,
  ROWS_OUT,
  ROWS_OUT_HEIGHT,
  ROWS_OUT_WIDTH,
  ROWS_PARTS,
  ROWS_PART_COUNT,
  ROWS_RUNS,
  ROWS_RUN_LENGTH,
  ROWS_RUN_STEP,
  ROWS_SCALE_X,
  ROWS_SCALE_Y,
  ROWS_TABLE,
  ROWS_X,
  ROWS_Y,
} from './words';
import { packedBlock } from './packed-kernel';
import { finishBlock, panelsOf } from './product-outputs';
import { address, addressAt, imageEntry, int } from './record';
import { clearFloats } from './snippets';

/** Rows of a block: four of the micro-kernel's, so that a panel of the right operand stays near. */
const BLOCK = 24;
/**
 * Where a thread's scratch holds a block's packed rows, addresses of its windows, of its outputs and of what six
 * rows of them begin with, zeros, and outputs that go on from there. Packed rows end with a vector step that
 * may go past them.
 */
const LEFT: usize = 0;
const WINDOWS: usize = BLOCK * ROWS_CHUNK * 4 + 128;
const OUTS: usize = WINDOWS + 128;
const STARTS: usize = OUTS + 128;
const ZEROS: usize = STARTS + 64;
const OUTPUTS: usize = ZEROS + 64;

export function productRows(record: usize, threads: i32, scratch: usize): void {
  const rows = int(record, ROWS_IMAGES) * int(record, ROWS_Y) * int(record, ROWS_X);
  const blocks = (rows + BLOCK - 1) / BLOCK;
  const bias = address(record, ROWS_BIAS);
  clearFloats(scratch + ZEROS, 8);
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
    const parts = address(record, ROWS_PARTS);
    if (int(record, ROWS_RUNS) * int(record, ROWS_RUN_LENGTH) > ROWS_CHUNK) {
      multiplyChunks(record, parts, count, scratch);
      finishBlock(record, parts, first, count, scratch + OUTPUTS);
    } else multiplyParts(record, parts, first, count, scratch);
  }
}

/** Addresses of a block's windows and outputs; the last ones again for rows that it lacks. */
function findRows(record: usize, first: i32, count: i32, scratch: usize): void {
  const width = int(record, ROWS_X);
  const height = int(record, ROWS_Y);
  const columnStep = address(record, ROWS_LEFT_COLUMN_STEP);
  const isDirect = int(record, ROWS_IS_DIRECT) != 0;
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
function windowAt(record: usize, image: i32, y: i32, x: i32): usize {
  const inImage = y * int(record, ROWS_LEFT_ROW_STEP) + x * int(record, ROWS_LEFT_COLUMN_STEP);
  return address(record, ROWS_LEFT) + image * int(record, ROWS_LEFT_IMAGE_STEP) + inImage;
}

/** Bytes from the output of a row to that of the next in its line. */
@inline
function pixelStep(record: usize): usize {
  return usize(int(record, ROWS_SCALE_X) * int(record, ROWS_FILTERS)) << 2;
}

/** Where the output of a row lies, offsets not counted. */
function outputAt(record: usize, image: i32, y: i32, x: i32): usize {
  const target = int(imageEntry(address(record, ROWS_TABLE), image), IMAGE_TARGET_ROW);
  const line = target * int(record, ROWS_OUT_HEIGHT) + y * int(record, ROWS_SCALE_Y);
  const pixel = line * int(record, ROWS_OUT_WIDTH) + x * int(record, ROWS_SCALE_X);
  return address(record, ROWS_OUT) + (usize(pixel * int(record, ROWS_FILTERS)) << 2);
}

/** One part, whose windows are packed chunk by chunk. */
function multiplyChunks(record: usize, part: usize, count: i32, scratch: usize): void {
  const depth = int(record, ROWS_RUNS) * int(record, ROWS_RUN_LENGTH);
  for (let first = 0; first < depth; first += ROWS_CHUNK) {
    const some = min(ROWS_CHUNK, depth - first);
    packRows(record, count, first, some, scratch);
    multiply(record, part, first, 0, some, some, first > 0, count, scratch);
  }
}

/** Parts that share windows, packed once. */
function multiplyParts(record: usize, part: usize, first: i32, count: i32, scratch: usize): void {
  const depth = int(record, ROWS_RUNS) * int(record, ROWS_RUN_LENGTH);
  packRows(record, count, 0, depth, scratch);
  for (let parts = int(record, ROWS_PART_COUNT); parts > 0; parts--, part += PART_WORDS << 2) {
    const pieces = int(part, PART_PIECES);
    const depthOfPiece = int(part, PART_PIECE);
    let left = int(part, PART_FIRST);
    for (let piece = 0; piece < pieces; piece++, left += int(part, PART_PIECE_STEP)) {
      multiply(record, part, piece * depthOfPiece, left, depthOfPiece, depth, piece > 0, count, scratch);
    }
    finishBlock(record, part, first, count, scratch + OUTPUTS);
  }
}

/**
 * Multiplies floats `left` to `left` + `some` - 1 of the `packed` ones of each row by the part's right operand from depth
 * `right` on, for all columns; adds to the outputs or begins them.
 */
function multiply(
  record: usize,
  part: usize,
  right: i32,
  left: i32,
  some: i32,
  packed: i32,
  isAdding: boolean,
  count: i32,
  scratch: usize,
): void {
  const panels = panelsOf(record);
  const panelStep = address(part, PART_PANEL_STEP);
  const sixBytes = usize(packed) * 24;
  const hasBias = int(record, ROWS_BIAS) != 0;
  const outOffset = int(record, ROWS_IS_DIRECT) != 0 ? partOffset(record, part) : 0;
  let b = address(part, PART_RIGHT) + (usize(right) << 5);
  for (let panel = 0; panel < panels; panel++, b += panelStep) {
    const column = usize(panel) << 5;
    const offset = outOffset + column;
    let a = scratch + LEFT + usize(left) * 24;
    let outs = scratch + OUTS;
    for (let row = 0; row < count; row += 6, a += sixBytes, outs += 24) {
      if (isAdding) packedBlock(a, b, some, outs, offset, outs, offset);
      else packedBlock(a, b, some, scratch + STARTS, hasBias ? column : 0, outs, offset);
    }
  }
}

/** Bytes from the output of a row, offsets not counted, to that of a part. */
function partOffset(record: usize, part: usize): usize {
  const pixel = int(part, PART_OFFSET_Y) * int(record, ROWS_OUT_WIDTH) + int(part, PART_OFFSET_X);
  return usize(pixel * int(record, ROWS_FILTERS)) << 2;
}

/** Packs floats `first` to `first` + `some` - 1 of a block's windows, six rows at a time. */
function packRows(record: usize, count: i32, first: i32, some: i32, scratch: usize): void {
  const runLength = int(record, ROWS_RUN_LENGTH);
  const runStep = address(record, ROWS_RUN_STEP);
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
