/**
 * What becomes of a product's outputs: they go to their pixels, where the micro-kernel has not put them there,
 * and pass the epilogue.
 */

import {
  IMAGE_TARGET_ROW,
  PART_OFFSET_X,
  PART_OFFSET_Y,
  ROWS_FILTERS,
  ROWS_IS_DIRECT,
  ROWS_OUT,
  ROWS_OUT_HEIGHT,
  ROWS_OUT_WIDTH,
  ROWS_SCALE_X,
  ROWS_SCALE_Y,
  ROWS_SNIPPETS,
  ROWS_TABLE,
  ROWS_X,
  ROWS_Y,
} from './words';
import { address, imageEntry, int } from './record';
import { applySnippets } from './snippets';

/** Panels of eight columns of a product. */
@inline
export function panelsOf(record: usize): i32 {
  return (int(record, ROWS_FILTERS) + 7) / 8;
}

/**
 * Takes a block's rows, the first of them at `values`, to their pixels if they are not there yet, and applies the
 * epilogue to them, a run at a time.
 */
export function finishBlock(record: usize, part: usize, first: i32, count: i32, values: usize): void {
  if (int(record, ROWS_IS_DIRECT) != 0 && int(record, ROWS_SNIPPETS) == 0) return;
  const width = int(record, ROWS_X);
  const height = int(record, ROWS_Y);
  const filters = int(record, ROWS_FILTERS);
  const rowBytes = usize(panelsOf(record)) << 5;
  const columnStride = int(record, ROWS_SCALE_X) * filters;
  const lineStride = int(record, ROWS_SCALE_Y) * int(record, ROWS_OUT_WIDTH) * filters;
  // Rows that are all at one distance are a run, whatever line they are in.
  const isRunning = width == 1 || lineStride == columnStride * width;
  const stride = width == 1 ? lineStride : columnStride;
  const line = first / width;
  let image = line / height;
  let y = line - image * height;
  let x = first - line * width;
  while (count > 0) {
    const run = min(count, isRunning ? (height - y) * width - x : width - x);
    finishPixels(record, part, image, y, x, run, stride, values, rowBytes);
    values += usize(run) * rowBytes;
    count -= run;
    // Unless the block ends here, so does the line, and with a run over lines the image.
    x = 0;
    y = isRunning ? height : y + 1;
    if (y == height) {
      y = 0;
      image++;
    }
  }
}

/** A run of rows, `stride` elements apart. */
function finishPixels(
  record: usize,
  part: usize,
  image: i32,
  y: i32,
  x: i32,
  count: i32,
  stride: i32,
  values: usize,
  step: usize,
): void {
  const filters = int(record, ROWS_FILTERS);
  const outWidth = int(record, ROWS_OUT_WIDTH);
  const size = int(record, ROWS_OUT_HEIGHT) * outWidth * filters;
  const outY = y * int(record, ROWS_SCALE_Y) + int(part, PART_OFFSET_Y);
  const outX = x * int(record, ROWS_SCALE_X) + int(part, PART_OFFSET_X);
  const position = (outY * outWidth + outX) * filters;
  const entry = imageEntry(address(record, ROWS_TABLE), image);
  const out = address(record, ROWS_OUT) + (usize(int(entry, IMAGE_TARGET_ROW) * size + position) << 2);
  const outStep = usize(stride) << 2;
  if (int(record, ROWS_IS_DIRECT) != 0) {
    values = out;
    step = outStep;
  }
  applySnippets(
    address(record, ROWS_SNIPPETS),
    values,
    step,
    out,
    outStep,
    count,
    filters,
    entry,
    position,
    stride,
    size,
  );
}
