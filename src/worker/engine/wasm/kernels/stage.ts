/**
 * Staging: the left operand of a product with its prologue applied and, where its windows reach beyond the image,
 * a border of zeros. One pass over an activation.
 */

import { firstItem, itemAfter } from './claims';
import {
  IMAGE_SOURCE_ROW,
  STAGE_CHANNELS,
  STAGE_HEIGHT,
  STAGE_IMAGES,
  STAGE_LEFT,
  STAGE_PADDED_HEIGHT,
  STAGE_PADDED_WIDTH,
  STAGE_TABLE,
  STAGE_SNIPPETS,
  STAGE_SOURCE,
  STAGE_TARGET,
  STAGE_TOP,
  STAGE_WIDTH,
} from './words';
import { address, imageEntry, int } from './record';
import { applySnippets, clearFloats } from './snippets';

/** Bytes that a chain is applied to at a time. */
const RUN_BYTES: usize = 8192;

/** Images are dealt out to the threads. */
export function stage(record: usize, threads: i32): void {
  const images = int(record, STAGE_IMAGES);
  for (
    let image = firstItem(record, images, threads);
    image < images;
    image = itemAfter(record, image, images, threads)
  ) {
    stageImage(record, image);
  }
}

function stageImage(record: usize, image: i32): void {
  const height = int(record, STAGE_HEIGHT);
  const width = int(record, STAGE_WIDTH);
  const channels = int(record, STAGE_CHANNELS);
  const top = int(record, STAGE_TOP);
  const left = int(record, STAGE_LEFT);
  const paddedHeight = int(record, STAGE_PADDED_HEIGHT);
  const paddedWidth = int(record, STAGE_PADDED_WIDTH);
  const snippets = address(record, STAGE_SNIPPETS);
  const entry = imageEntry(address(record, STAGE_TABLE), image);
  const pixelBytes = usize(channels) << 2;
  const rowBytes = usize(width) * pixelBytes;
  const paddedRowBytes = usize(paddedWidth) * pixelBytes;
  const right = paddedWidth - left - width;
  let source = address(record, STAGE_SOURCE) + usize(int(entry, IMAGE_SOURCE_ROW) * height) * rowBytes;
  let target = address(record, STAGE_TARGET) + usize(image * paddedHeight) * paddedRowBytes;
  const size = height * width * channels;
  let position = 0;
  memory.fill(target, 0, usize(top) * paddedRowBytes);
  target += usize(top) * paddedRowBytes;
  // Without a border between them lines are one run, as long as the first-level cache holds them.
  const most = paddedWidth == width ? max(1, i32(RUN_BYTES / rowBytes)) : 1;
  for (let y = 0; y < height; y += most) {
    const pixels = min(most, height - y) * width;
    clearFloats(target, left * channels);
    target += usize(left) * pixelBytes;
    applySnippets(
      snippets,
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
