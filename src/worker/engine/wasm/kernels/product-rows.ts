/**
 * Products whose left rows are windows read where they lie: convolutions and transposed convolutions,
 * their input gradients, and matrices. Blocks of rows are dealt out to the threads; the outputs of a
 * block gather in scratch, pass the epilogue, and go to their place in the output.
 */

import { firstItem, itemAfter } from './claims';
import {
  IMAGE_TARGET_ROW,
  ROWS_FILTERS,
  ROWS_GROUPS_X,
  ROWS_GROUPS_Y,
  ROWS_IMAGES,
  ROWS_LEFT,
  ROWS_LEFT_COLUMN_STEP,
  ROWS_LEFT_IMAGE_STEP,
  ROWS_LEFT_ROW_STEP,
  ROWS_OFFSET_X,
  ROWS_OFFSET_Y,
  ROWS_OUT,
  ROWS_OUT_HEIGHT,
  ROWS_OUT_WIDTH,
  ROWS_PANEL_STEP,
  ROWS_RIGHT,
  ROWS_RUNS,
  ROWS_RUN_LENGTH,
  ROWS_RUN_STEP,
  ROWS_SCALE_X,
  ROWS_SCALE_Y,
  ROWS_TABLE,
  ROWS_SNIPPETS,
  ROWS_X,
  ROWS_Y,
} from './layout';
import { interleave } from './interleave';
import { packedBlock } from './micro-kernel';
import { address, imageEntry, int } from './record';
import { applySnippets, copyPositions, POSITION_SCRATCH } from './snippets';

/** Rows of a block: four of the micro-kernel's, so that a panel of the right operand stays near. */
const BLOCK = 24;
/** Depth that is multiplied at a time: the packed rows and a panel of so much stay in the first-level cache. */
const CHUNK = 256;
/** Where a thread's scratch holds a block's packed rows, addresses of its windows, zeros, and its outputs. */
const LEFT: usize = 0;
const WINDOWS: usize = POSITION_SCRATCH;
const ZEROS: usize = WINDOWS + 128;
const OUTPUTS: usize = ZEROS + 128;
/** Floats of a row's line that are gathered at most, so that a block's lines fit where its packed rows were. */
const WIDEST_LINE = 256;

export function productRows(record: usize, threads: i32, scratch: usize): void {
  const rows = int(record, ROWS_IMAGES) * int(record, ROWS_Y) * int(record, ROWS_X);
  const blocks = (rows + BLOCK - 1) / BLOCK;
  memory.fill(scratch + ZEROS, 0, 32);
  for (let block = firstItem(record, blocks, threads); block < blocks; block = itemAfter(record, block, blocks, threads)) {
    const first = block * BLOCK;
    const count = min(BLOCK, rows - first);
    findWindows(record, first, count, scratch + WINDOWS);
    multiplyBlock(record, count, scratch);
    finishBlock(record, first, count, scratch);
  }
}

/** Addresses of the windows of a block; the last one again for rows that it lacks. */
function findWindows(record: usize, first: i32, count: i32, windows: usize): void {
  const width = int(record, ROWS_X);
  const height = int(record, ROWS_Y);
  const left = address(record, ROWS_LEFT);
  let x = first % width;
  let y = (first / width) % height;
  let image = first / (width * height);
  let window = left;
  for (let row = 0; row < BLOCK; row++) {
    if (row < count) {
      window = left + image * int(record, ROWS_LEFT_IMAGE_STEP);
      window += y * int(record, ROWS_LEFT_ROW_STEP) + x * int(record, ROWS_LEFT_COLUMN_STEP);
      if (++x == width) {
        x = 0;
        if (++y == height) {
          y = 0;
          image++;
        }
      }
    }
    store<u32>(windows + (usize(row) << 2), u32(window));
  }
}

function multiplyBlock(record: usize, count: i32, scratch: usize): void {
  const depth = int(record, ROWS_RUNS) * int(record, ROWS_RUN_LENGTH);
  const columns = int(record, ROWS_GROUPS_Y) * int(record, ROWS_GROUPS_X) * int(record, ROWS_FILTERS);
  const panels = (columns + 7) / 8;
  const outStep = usize(panels) << 5;
  const right = address(record, ROWS_RIGHT);
  const panelStep = address(record, ROWS_PANEL_STEP);
  let first = 0;
  do {
    const some = min(CHUNK, depth - first);
    const sixBytes = usize(some) * 24;
    for (let row = 0; row < count; row += 6) packSix(record, row, first, some, scratch);
    for (let panel = 0; panel < panels; panel++) {
      const b = right + usize(panel) * panelStep + (usize(first) << 5);
      let out = scratch + OUTPUTS + (usize(panel) << 5);
      let a = scratch + LEFT;
      for (let row = 0; row < count; row += 6, a += sixBytes, out += 6 * outStep) {
        if (first == 0) packedBlock(a, b, some, scratch + ZEROS, 0, out, outStep);
        else packedBlock(a, b, some, out, outStep, out, outStep);
      }
    }
    first += some;
  } while (first < depth);
}

/** Packs floats `first` to `first` + `count` - 1 of the windows of rows `row` to `row` + 5 of the block. */
function packSix(record: usize, row: i32, first: i32, count: i32, scratch: usize): void {
  const runLength = int(record, ROWS_RUN_LENGTH);
  const windows = scratch + WINDOWS + (usize(row) << 2);
  let to = scratch + LEFT + usize(row * count) * 4;
  while (count > 0) {
    const run = first / runLength;
    const inRun = first - run * runLength;
    const piece = min(runLength - inRun, count);
    const offset = usize(run) * address(record, ROWS_RUN_STEP) + (usize(inRun) << 2);
    interleave(
      usize(load<u32>(windows)) + offset,
      usize(load<u32>(windows, 4)) + offset,
      usize(load<u32>(windows, 8)) + offset,
      usize(load<u32>(windows, 12)) + offset,
      usize(load<u32>(windows, 16)) + offset,
      usize(load<u32>(windows, 20)) + offset,
      piece,
      to,
    );
    to += usize(piece) * 24;
    first += piece;
    count -= piece;
  }
}

/** Takes a block's rows to their pixels, a run of rows that are neighbours in an image at a time. */
function finishBlock(record: usize, first: i32, count: i32, scratch: usize): void {
  const width = int(record, ROWS_X);
  const height = int(record, ROWS_Y);
  const groups = int(record, ROWS_GROUPS_Y) * int(record, ROWS_GROUPS_X);
  const rowBytes = usize((groups * int(record, ROWS_FILTERS) + 7) / 8) << 5;
  // Where rows are pixels, a run goes on from one line of the image to the next.
  const isWhole =
    groups == 1 &&
    int(record, ROWS_SCALE_X) == 1 &&
    int(record, ROWS_SCALE_Y) == 1 &&
    int(record, ROWS_OUT_WIDTH) == width &&
    int(record, ROWS_OUT_HEIGHT) == height;
  const pixels = int(record, ROWS_GROUPS_X) * int(record, ROWS_FILTERS);
  const isNarrow = groups > 1 && int(record, ROWS_FILTERS) < 4 && pixels <= WIDEST_LINE;
  let row = scratch + OUTPUTS;
  while (count > 0) {
    const line = first / width;
    const image = line / height;
    const x = first - line * width;
    const y = line - image * height;
    const run = min(count, isWhole ? (height - y) * width - x : width - x);
    if (isWhole) finishPixels(record, image, y * width + x, run, row, rowBytes);
    else if (isNarrow) finishLines(record, image, y, x, run, row, rowBytes, scratch);
    else finishGroups(record, image, y, x, run, row, rowBytes);
    row += usize(run) * rowBytes;
    first += run;
    count -= run;
  }
}

/** Address of the output of an image. */
@inline
function outputOf(record: usize, entry: usize, size: i32): usize {
  return address(record, ROWS_OUT) + (usize(int(entry, IMAGE_TARGET_ROW) * size) << 2);
}

/** Rows that are pixels `pixel` … of an image. */
function finishPixels(record: usize, image: i32, pixel: i32, count: i32, values: usize, step: usize): void {
  const filters = int(record, ROWS_FILTERS);
  const size = int(record, ROWS_OUT_HEIGHT) * int(record, ROWS_OUT_WIDTH) * filters;
  const snippets = address(record, ROWS_SNIPPETS);
  const entry = imageEntry(address(record, ROWS_TABLE), image);
  const position = pixel * filters;
  const out = outputOf(record, entry, size) + (usize(position) << 2);
  applySnippets(snippets, values, step, out, usize(filters) << 2, count, filters, entry, position, filters, size);
}

/** Rows with groups, a group at a time: its pixels lie `scale` apart. */
function finishGroups(record: usize, image: i32, y: i32, x: i32, count: i32, values: usize, step: usize): void {
  const filters = int(record, ROWS_FILTERS);
  const groupsY = int(record, ROWS_GROUPS_Y);
  const groupsX = int(record, ROWS_GROUPS_X);
  const outHeight = int(record, ROWS_OUT_HEIGHT);
  const outWidth = int(record, ROWS_OUT_WIDTH);
  const scale = int(record, ROWS_SCALE_X);
  const size = outHeight * outWidth * filters;
  const snippets = address(record, ROWS_SNIPPETS);
  const entry = imageEntry(address(record, ROWS_TABLE), image);
  const target = outputOf(record, entry, size);
  const stride = scale * filters;
  for (let groupY = 0; groupY < groupsY; groupY++) {
    const outY = y * int(record, ROWS_SCALE_Y) + int(record, ROWS_OFFSET_Y) + groupY;
    if (outY < 0 || outY >= outHeight) continue;
    for (let groupX = 0; groupX < groupsX; groupX++) {
      const left = x * scale + int(record, ROWS_OFFSET_X) + groupX;
      // The first row whose pixel lies in the image, and how many do.
      const skipped = left < 0 ? (scale - 1 - left) / scale : 0;
      const inside = left < outWidth ? min(count, (outWidth - 1 - left) / scale + 1) - skipped : 0;
      if (inside <= 0) continue;
      const at = values + usize(skipped) * step + (usize((groupY * groupsX + groupX) * filters) << 2);
      const position = (outY * outWidth + left + skipped * scale) * filters;
      const out = target + (usize(position) << 2);
      applySnippets(snippets, at, step, out, usize(stride) << 2, inside, filters, entry, position, stride, size);
    }
  }
}

/** Rows with groups of less than a vector: their pixels gather to a line of the image first. */
function finishLines(
  record: usize,
  image: i32,
  y: i32,
  x: i32,
  count: i32,
  values: usize,
  step: usize,
  line: usize,
): void {
  const filters = int(record, ROWS_FILTERS);
  const groupsY = int(record, ROWS_GROUPS_Y);
  const groupsX = int(record, ROWS_GROUPS_X);
  const outHeight = int(record, ROWS_OUT_HEIGHT);
  const outWidth = int(record, ROWS_OUT_WIDTH);
  const size = outHeight * outWidth * filters;
  const snippets = address(record, ROWS_SNIPPETS);
  const entry = imageEntry(address(record, ROWS_TABLE), image);
  const target = outputOf(record, entry, size);
  const pixelBytes = usize(filters) << 2;
  const left = x * groupsX + int(record, ROWS_OFFSET_X);
  const skipped = max(0, -left);
  const inside = min(count * groupsX, outWidth - left) - skipped;
  if (inside <= 0) return;
  for (let groupY = 0; groupY < groupsY; groupY++) {
    const outY = y * int(record, ROWS_SCALE_Y) + int(record, ROWS_OFFSET_Y) + groupY;
    if (outY < 0 || outY >= outHeight) continue;
    const from = values + usize(groupY * groupsX) * pixelBytes;
    copyPositions(from, step, line, usize(groupsX) * pixelBytes, count, groupsX * filters);
    const at = line + usize(skipped) * pixelBytes;
    const position = (outY * outWidth + left + skipped) * filters;
    const out = target + (usize(position) << 2);
    applySnippets(snippets, at, pixelBytes, out, pixelBytes, inside, filters, entry, position, filters, size);
  }
}
