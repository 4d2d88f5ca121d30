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
  ROWS_SCALE,
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

/** Epilogue of a block's rows, then each row's groups to their pixels. */
function finishBlock(record: usize, first: i32, count: i32, scratch: usize): void {
  const filters = int(record, ROWS_FILTERS);
  const groupsY = int(record, ROWS_GROUPS_Y);
  const groupsX = int(record, ROWS_GROUPS_X);
  const width = int(record, ROWS_X);
  const height = int(record, ROWS_Y);
  const outHeight = int(record, ROWS_OUT_HEIGHT);
  const outWidth = int(record, ROWS_OUT_WIDTH);
  const scale = int(record, ROWS_SCALE);
  const offsetY = int(record, ROWS_OFFSET_Y);
  const offsetX = int(record, ROWS_OFFSET_X);
  const snippets = address(record, ROWS_SNIPPETS);
  const table = address(record, ROWS_TABLE);
  const target = address(record, ROWS_OUT);
  const rowBytes = usize((groupsY * groupsX * filters + 7) / 8) << 5;
  const groupBytes = usize(filters) << 2;
  const size = outHeight * outWidth * filters;
  // Snippets work on whole vectors and would touch the next group.
  const isCopied = snippets != 0 && groupsY * groupsX > 1;
  let x = first % width;
  let y = (first / width) % height;
  let image = first / (width * height);
  let row = scratch + OUTPUTS;
  for (; count > 0; count--, row += rowBytes) {
    const entry = imageEntry(table, image);
    const out = target + (usize(int(entry, IMAGE_TARGET_ROW) * size) << 2);
    let values = row;
    for (let groupY = 0; groupY < groupsY; groupY++) {
      const outY = y * scale + offsetY + groupY;
      for (let groupX = 0; groupX < groupsX; groupX++, values += groupBytes) {
        const outX = x * scale + offsetX + groupX;
        if (outY < 0 || outX < 0 || outY >= outHeight || outX >= outWidth) continue;
        const position = (outY * outWidth + outX) * filters;
        let from = values;
        if (isCopied) {
          from = scratch;
          copyFloats(values, from, filters);
        }
        if (snippets != 0) applySnippets(snippets, from, filters, entry, position, size);
        copyFloats(from, out + (usize(position) << 2), filters);
      }
    }
    if (++x == width) {
      x = 0;
      if (++y == height) {
        y = 0;
        image++;
      }
    }
  }
}
