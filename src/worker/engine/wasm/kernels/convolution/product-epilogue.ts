/**
 * What becomes of a product's outputs: they go to their pixels, where the micro-kernel has not put them there,
 * and pass the epilogue.
 */

import { Image, ProductOperation, SubProduct } from '../layout';
import { entryAt } from '../common/tables';
import { applySnippets } from '../snippets';

/** Panels of eight columns of a product. */
@inline
export function panelsOf(record: ProductOperation): i32 {
  return (record.filters + 7) / 8;
}

/**
 * Takes a block's rows, the first of them at `values`, to their pixels if they are not there yet, and applies the
 * epilogue to them, a run at a time.
 */
export function finishBlock(
  record: ProductOperation,
  subProduct: SubProduct,
  first: i32,
  count: i32,
  values: usize,
): void {
  if (record.isDirect != 0 && record.epilogue == 0) return;
  const width = record.rowsX;
  const height = record.rowsY;
  const filters = record.filters;
  const rowBytes = usize(panelsOf(record)) << 5;
  const columnStride = record.scaleX * filters;
  const lineStride = record.scaleY * record.outWidth * filters;
  const isColumn = width == 1;
  const stride = isColumn ? lineStride : columnStride;
  const line = first / width;
  let image = line / height;
  let y = line - image * height;
  let x = first - line * width;
  while (count > 0) {
    const run = min(count, isColumn ? height - y : width - x);
    finishPixels(record, subProduct, image, y, x, run, stride, values, rowBytes);
    values += usize(run) * rowBytes;
    count -= run;
    // Unless the block ends here, so does the line or the column.
    x = 0;
    y = isColumn ? height : y + 1;
    if (y == height) {
      y = 0;
      image++;
    }
  }
}

/** A run of rows, `stride` elements apart. */
function finishPixels(
  record: ProductOperation,
  subProduct: SubProduct,
  image: i32,
  y: i32,
  x: i32,
  count: i32,
  stride: i32,
  values: usize,
  step: usize,
): void {
  const filters = record.filters;
  const outWidth = record.outWidth;
  const size = record.outHeight * outWidth * filters;
  const outY = y * record.scaleY + subProduct.offsetY;
  const outX = x * record.scaleX + subProduct.offsetX;
  const position = (outY * outWidth + outX) * filters;
  const entry = entryAt<Image>(record.imageTable, image);
  const out = record.out + (usize(entry.targetRow * size + position) << 2);
  const outStep = usize(stride) << 2;
  if (record.isDirect != 0) {
    values = out;
    step = outStep;
  }
  applySnippets(record.epilogue, values, step, out, outStep, count, filters, entry, position, stride, size);
}
