/**
 * Staging: the left operand of a product with its prologue applied and, where its windows reach beyond the image,
 * a border of zeros. One pass over an activation.
 */

import { firstItem, itemAfter } from '../threads/work-shares';
import { Image, StageOperation } from '../layout';
import { entryAt } from '../common/tables';
import { applySnippets, clearFloats } from '../snippets';

/** Bytes that the prologue is applied to at a time. */
const RUN_BYTES: usize = 8192;

/** Threads share the images out. */
export function stage(record: StageOperation, threads: i32): void {
  const images = record.images;
  for (
    let image = firstItem(record, images, threads);
    image < images;
    image = itemAfter(record, image, images, threads)
  ) {
    stageImage(record, image);
  }
}

function stageImage(record: StageOperation, image: i32): void {
  const height = record.height;
  const width = record.width;
  const channels = record.channels;
  const top = record.top;
  const left = record.left;
  const paddedHeight = record.paddedHeight;
  const paddedWidth = record.paddedWidth;
  const prologue = record.prologue;
  const entry = entryAt<Image>(record.imageTable, image);
  const pixelBytes = usize(channels) << 2;
  const rowBytes = usize(width) * pixelBytes;
  const paddedRowBytes = usize(paddedWidth) * pixelBytes;
  const right = paddedWidth - left - width;
  let source = record.source + usize(entry.sourceRow * height) * rowBytes;
  let target = record.target + usize(image * paddedHeight) * paddedRowBytes;
  const size = height * width * channels;
  let position = 0;
  memory.fill(target, 0, usize(top) * paddedRowBytes);
  target += usize(top) * paddedRowBytes;
  // Without a border between them lines are one run, as long as the L1 cache holds them.
  const most = paddedWidth == width ? max(1, i32(RUN_BYTES / rowBytes)) : 1;
  for (let y = 0; y < height; y += most) {
    const pixels = min(most, height - y) * width;
    clearFloats(target, left * channels);
    target += usize(left) * pixelBytes;
    applySnippets(
      prologue,
      source,
      pixelBytes,
      target,
      pixelBytes,
      pixels,
      channels,
      entry,
      position,
      channels,
      size,
    );
    source += usize(pixels) * pixelBytes;
    target += usize(pixels) * pixelBytes;
    position += pixels * channels;
    clearFloats(target, right * channels);
    target += usize(right) * pixelBytes;
  }
  memory.fill(target, 0, usize(paddedHeight - top - height) * paddedRowBytes);
}
