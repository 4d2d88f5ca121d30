/**
 * Transposed convolutions onto few channels: the rows of a matrix product, one for each position of the small side with
 * what it adds to every output that it reaches, are added up where they overlap. Each image is one thread's, and its
 * rows are gone through in order.
 */

import { firstItem, itemAfter } from './claims';
import {
  IMAGE_TARGET_ROW,
  OVERLAP_CHANNELS,
  OVERLAP_COLUMNS,
  OVERLAP_HEIGHT,
  OVERLAP_IMAGES,
  OVERLAP_LEFT,
  OVERLAP_LINES,
  OVERLAP_ROWS_X,
  OVERLAP_ROWS_Y,
  OVERLAP_SNIPPETS,
  OVERLAP_SOURCE,
  OVERLAP_STRIDE,
  OVERLAP_TABLE,
  OVERLAP_TAPS,
  OVERLAP_TARGET,
  OVERLAP_TOP,
  OVERLAP_WIDTH,
} from './layout';
import { address, imageEntry, int } from './record';
import { FLOAT, VECTOR } from './simd';
import { applySnippets, clearFloats } from './snippets';

/** Images are dealt out to the threads. */
export function overlap(record: usize, threads: i32): void {
  const images = int(record, OVERLAP_IMAGES);
  const pixels = int(record, OVERLAP_HEIGHT) * int(record, OVERLAP_WIDTH);
  const channels = int(record, OVERLAP_CHANNELS);
  const size = pixels * channels;
  const snippets = address(record, OVERLAP_SNIPPETS);
  const step = usize(channels) * FLOAT;
  for (let image = firstItem(record, images, threads); image < images; image = itemAfter(record, image, images, threads)) {
    const entry = imageEntry(address(record, OVERLAP_TABLE), image);
    const target = address(record, OVERLAP_TARGET) + usize(int(entry, IMAGE_TARGET_ROW) * size) * FLOAT;
    clearFloats(target, size);
    addImage(record, image, target);
    if (snippets != 0) applySnippets(snippets, target, step, target, step, pixels, channels, entry, 0, channels, size);
  }
}

function addImage(record: usize, image: i32, target: usize): void {
  const rowsY = int(record, OVERLAP_ROWS_Y);
  const rowsX = int(record, OVERLAP_ROWS_X);
  const lines = int(record, OVERLAP_LINES);
  const height = int(record, OVERLAP_HEIGHT);
  const rowBytes = usize(int(record, OVERLAP_COLUMNS)) * FLOAT;
  const tapsBytes = usize(int(record, OVERLAP_TAPS) * int(record, OVERLAP_CHANNELS)) * FLOAT;
  const lineBytes = usize(int(record, OVERLAP_WIDTH) * int(record, OVERLAP_CHANNELS)) * FLOAT;
  let source = address(record, OVERLAP_SOURCE) + usize(image * rowsY * rowsX) * rowBytes;
  for (let y = 0; y < rowsY; y++, source += usize(rowsX) * rowBytes) {
    const first = y * int(record, OVERLAP_STRIDE) - int(record, OVERLAP_TOP);
    for (let line = max(0, -first); line < lines && first + line < height; line++) {
      addLine(record, source + usize(line) * tapsBytes, rowBytes, target + usize(first + line) * lineBytes);
    }
  }
}

/** Adds one line of the taps of a line of positions. */
function addLine(record: usize, from: usize, fromStep: usize, to: usize): void {
  const rows = int(record, OVERLAP_ROWS_X);
  const channels = int(record, OVERLAP_CHANNELS);
  const taps = int(record, OVERLAP_TAPS);
  const width = int(record, OVERLAP_WIDTH);
  const stride = int(record, OVERLAP_STRIDE);
  let left = -int(record, OVERLAP_LEFT);
  for (let x = 0; x < rows; x++, from += fromStep, left += stride) {
    // The first tap inside the image, and how many are.
    const tap = max(0, -left);
    const inside = min(taps, width - left) - tap;
    addFloats(from + usize(tap * channels) * FLOAT, to + usize((left + tap) * channels) * FLOAT, inside * channels);
  }
}

@inline
function addFloats(from: usize, to: usize, count: i32): void {
  for (; count >= 4; count -= 4, from += VECTOR, to += VECTOR) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
  }
  for (; count > 0; count--, from += FLOAT, to += FLOAT) store<f32>(to, load<f32>(to) + load<f32>(from));
}
