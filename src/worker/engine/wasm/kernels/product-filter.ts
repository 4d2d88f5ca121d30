/**
 * Gradients of kernels: windows of the staged left operand, transposed, times the packed gradient of
 * the output (or, for a transposed convolution, the roles swapped). The depth is every window of
 * every image; six rows of it are packed for a chunk at a time, next to the sums. Panels of rows are
 * dealt out to the threads, so that every sum is one thread's, in order.
 */

import {
  FILTER_FILTERS,
  FILTER_IMAGES,
  FILTER_LEFT,
  FILTER_LEFT_COLUMN_STEP,
  FILTER_LEFT_IMAGE_STEP,
  FILTER_LEFT_ROW_STEP,
  FILTER_OUT,
  FILTER_PANELS,
  FILTER_RIGHT,
  FILTER_RUNS,
  FILTER_RUN_LENGTH,
  FILTER_RUN_STEP,
  FILTER_X,
  FILTER_Y,
} from './layout';
import { packedBlock } from './micro-packed';
import { address, int } from './record';
import { FLOAT, shareStart, VECTOR } from './simd';
import { copyFloats } from './snippets';

/** Depth of a chunk: six packed rows and a panel of the right operand fit the first-level cache. */
const CHUNK = 384;
const LEFT: usize = 0;
const SUMS: usize = 16384;

export function productFilter(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const runLength = int(record, FILTER_RUN_LENGTH);
  const perRun = (runLength + 5) / 6;
  const panels = (int(record, FILTER_FILTERS) + 7) / 8;
  const together = int(record, FILTER_PANELS);
  const parts = (panels + together - 1) / together;
  const tasks = int(record, FILTER_RUNS) * perRun * parts;
  const end = shareStart(tasks, thread + 1, threads);
  for (let task = shareStart(tasks, thread, threads); task < end; task++) {
    const rowTask = task / parts;
    const firstPanel = (task - rowTask * parts) * together;
    const piece = rowTask / perRun;
    const first = (rowTask - piece * perRun) * 6;
    sumTask(record, piece, first, min(6, runLength - first), firstPanel, min(together, panels - firstPanel), scratch);
  }
}

function sumTask(
  record: usize,
  piece: i32,
  first: i32,
  rows: i32,
  firstPanel: i32,
  panels: i32,
  scratch: usize,
): void {
  const width = int(record, FILTER_X);
  const height = int(record, FILTER_Y);
  const depth = int(record, FILTER_IMAGES) * height * width;
  const right = address(record, FILTER_RIGHT);
  const left = address(record, FILTER_LEFT) + piece * int(record, FILTER_RUN_STEP) + (usize(first) << 2);
  memory.fill(scratch + SUMS, 0, usize(panels * 6) << 5);
  for (let start = 0; start < depth; start += CHUNK) {
    const count = min(CHUNK, depth - start);
    packLeft(record, left, start, count, scratch + LEFT);
    for (let panel = 0; panel < panels; panel++) {
      const sums = scratch + SUMS + (usize(panel * 6) << 5);
      const b = right + (usize((firstPanel + panel) * depth + start) << 5);
      packedBlock(scratch + LEFT, b, count, sums, 2 * VECTOR, sums, 2 * VECTOR);
    }
  }
  storeSums(record, piece * int(record, FILTER_RUN_LENGTH) + first, rows, firstPanel, panels, scratch);
}

/** Six neighbouring floats of windows start .. start + count - 1. */
function packLeft(record: usize, left: usize, start: i32, count: i32, to: usize): void {
  const width = int(record, FILTER_X);
  const height = int(record, FILTER_Y);
  const imageStep = int(record, FILTER_LEFT_IMAGE_STEP);
  const rowStep = int(record, FILTER_LEFT_ROW_STEP);
  const columnStep = int(record, FILTER_LEFT_COLUMN_STEP);
  let x = start % width;
  let y = (start / width) % height;
  let image = start / (width * height);
  while (count > 0) {
    let from = left + image * imageStep + y * rowStep + x * columnStep;
    const pieces = min(width - x, count);
    for (let i = 0; i < pieces; i++) {
      v128.store(to, v128.load(from));
      store<u64>(to, load<u64>(from, VECTOR), VECTOR);
      from += columnStep;
      to += 6 * FLOAT;
    }
    count -= pieces;
    x = 0;
    if (++y == height) {
      y = 0;
      image++;
    }
  }
}

function storeSums(record: usize, firstRow: i32, rows: i32, firstPanel: i32, panels: i32, scratch: usize): void {
  const filters = int(record, FILTER_FILTERS);
  const columns = filters - firstPanel * 8;
  for (let row = 0; row < rows; row++) {
    let out = address(record, FILTER_OUT) + (usize((firstRow + row) * filters + firstPanel * 8) << 2);
    let sums = scratch + SUMS + (usize(row) << 5);
    for (let panel = 0; panel < panels; panel++) {
      copyFloats(sums, out, min(8, columns - panel * 8));
      out += 2 * VECTOR;
      sums += 12 * VECTOR;
    }
  }
}
