/**
 * Products whose left rows are windows read where they lie: convolutions and transposed convolutions,
 * their input gradients, and matrices. Blocks of rows are dealt out to the threads; the outputs of a
 * block gather in scratch, pass the epilogue, and go to their place in the output.
 */

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
import { rowsBlock } from './micro-rows';
import { address, imageEntry, int } from './record';
import { applySnippets, copyFloats, POSITION_SCRATCH } from './snippets';
import { shareStart } from './simd';

/** Rows of a block: four of the micro-kernel's, so that a panel of the right operand stays near. */
const BLOCK = 24;
/** Where a thread's scratch holds the addresses of a block's windows, zeros, and the block's outputs. */
const WINDOWS: usize = POSITION_SCRATCH;
/** Floats of a row's line that are gathered at most: a block's worth of them lie where one position may. */
const WIDEST_LINE = 256;
const ZEROS: usize = WINDOWS + 128;
const OUTPUTS: usize = ZEROS + 128;

export function productRows(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const rows = int(record, ROWS_IMAGES) * int(record, ROWS_Y) * int(record, ROWS_X);
  const blocks = (rows + BLOCK - 1) / BLOCK;
  const end = shareStart(blocks, thread + 1, threads);
  memory.fill(scratch + ZEROS, 0, 32);
  for (let block = shareStart(blocks, thread, threads); block < end; block++) {
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
  const runs = int(record, ROWS_RUNS);
  const runLength = int(record, ROWS_RUN_LENGTH);
  const runStep = address(record, ROWS_RUN_STEP);
  const columns = int(record, ROWS_GROUPS_Y) * int(record, ROWS_GROUPS_X) * int(record, ROWS_FILTERS);
  const panels = (columns + 7) / 8;
  const outStep = usize(panels) << 5;
  const right = address(record, ROWS_RIGHT);
  const runBytes = usize(runLength) << 5;
  for (let panel = 0; panel < panels; panel++) {
    const panelRight = right + usize(panel * runs) * runBytes;
    for (let row = 0; row < count; row += 6) {
      const windows = scratch + WINDOWS + (usize(row) << 2);
      const out = scratch + OUTPUTS + usize(row) * outStep + (usize(panel) << 5);
      let b = panelRight;
      let offset: usize = 0;
      let start = scratch + ZEROS;
      let startStep: usize = 0;
      for (let piece = 0; piece < runs; piece++) {
        rowsBlock(
          usize(load<u32>(windows)) + offset,
          usize(load<u32>(windows, 4)) + offset,
          usize(load<u32>(windows, 8)) + offset,
          usize(load<u32>(windows, 12)) + offset,
          usize(load<u32>(windows, 16)) + offset,
          usize(load<u32>(windows, 20)) + offset,
          b,
          runLength,
          start,
          startStep,
          out,
          outStep,
        );
        start = out;
        startStep = outStep;
        b += runBytes;
        offset += runStep;
      }
    }
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
  if (snippets != 0) applySnippets(snippets, values, count, step, filters, entry, position, filters, size);
  const out = outputOf(record, entry, size) + (usize(position) << 2);
  copyPositions(values, step, out, usize(filters) << 2, count, filters);
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
      if (snippets != 0) applySnippets(snippets, at, inside, step, filters, entry, position, stride, size);
      copyPositions(at, step, target + (usize(position) << 2), usize(stride) << 2, inside, filters);
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
    if (snippets != 0) applySnippets(snippets, at, inside, pixelBytes, filters, entry, position, filters, size);
    copyFloats(at, target + (usize(position) << 2), inside * filters);
  }
}

/** Copies `count` pieces of `floats` floats from and to places that are so many bytes apart. */
function copyPositions(from: usize, fromStep: usize, to: usize, toStep: usize, count: i32, floats: i32): void {
  const bytes = usize(floats) << 2;
  if (fromStep == bytes && toStep == bytes) {
    copyFloats(from, to, count * floats);
    return;
  }
  for (; count > 0; count--, from += fromStep, to += toStep) copyFloats(from, to, floats);
}
