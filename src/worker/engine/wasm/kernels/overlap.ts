/**
 * Transposed convolutions onto few channels: the rows of a matrix product, one for each position of the small side with
 * what it adds to every output that it reaches, are added up where they overlap. Each image is one thread's, line
 * after line.
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
} from './words';
import { address, imageEntry, int } from './record';
import { FLOAT, paddedBytes, VECTOR } from './simd';
import { applySnippets, clearFloats } from './snippets';

/** Images are dealt out to the threads; `scratch` takes the sums of a line of positions. */
export function overlap(record: usize, threads: i32, scratch: usize): void {
  const images = int(record, OVERLAP_IMAGES);
  const height = int(record, OVERLAP_HEIGHT);
  const pixels = height * int(record, OVERLAP_WIDTH);
  const channels = int(record, OVERLAP_CHANNELS);
  const size = pixels * channels;
  const lineBytes = usize(int(record, OVERLAP_WIDTH) * channels) * FLOAT;
  const snippets = address(record, OVERLAP_SNIPPETS);
  const step = usize(channels) * FLOAT;
  for (
    let image = firstItem(record, images, threads);
    image < images;
    image = itemAfter(record, image, images, threads)
  ) {
    const entry = imageEntry(address(record, OVERLAP_TABLE), image);
    const target = address(record, OVERLAP_TARGET) + usize(int(entry, IMAGE_TARGET_ROW) * size) * FLOAT;
    clearFloats(target, size);
    let line = target;
    for (let y = 0; y < height; y++, line += lineBytes) {
      if (sumLines(record, image, y, scratch)) addLine(record, scratch, line);
    }
    if (snippets != 0)
      applySnippets(snippets, target, step, target, step, pixels, channels, entry, 0, channels, size);
  }
}

/** Floats of a line of taps; its place in the sums is whole vectors. */
@inline
function tapFloats(record: usize): i32 {
  return int(record, OVERLAP_TAPS) * int(record, OVERLAP_CHANNELS);
}

/**
 * Sums, for each position of a line, the lines of taps that go to line `outY` of an image. Returns whether there are
 * any. Past a line's taps stands what follows them.
 */
function sumLines(record: usize, image: i32, outY: i32, sums: usize): bool {
  const rowsY = int(record, OVERLAP_ROWS_Y);
  const rowsX = int(record, OVERLAP_ROWS_X);
  const lines = int(record, OVERLAP_LINES);
  const stride = int(record, OVERLAP_STRIDE);
  const rowBytes = usize(int(record, OVERLAP_COLUMNS)) * FLOAT;
  const tapBytes = usize(tapFloats(record)) * FLOAT;
  const padded = paddedBytes(tapFloats(record));
  const source = address(record, OVERLAP_SOURCE) + usize(image * rowsY * rowsX) * rowBytes;
  const reach = outY + int(record, OVERLAP_TOP);
  let isFirst = true;
  for (let line = reach % stride; line < lines && line <= reach; line += stride) {
    const y = (reach - line) / stride;
    if (y >= rowsY) continue;
    let from = source + usize(y * rowsX) * rowBytes + usize(line) * tapBytes;
    let to = sums;
    for (let x = 0; x < rowsX; x++, from += rowBytes, to += padded) {
      for (let offset: usize = 0; offset < padded; offset += VECTOR) {
        const added = v128.load(from + offset);
        v128.store(to + offset, isFirst ? added : f32x4.add(v128.load(to + offset), added));
      }
    }
    isFirst = false;
  }
  return !isFirst;
}

/**
 * Adds the sums of a line of positions to a line of the output, a float at a time: neighbours overlap, and a vector
 * that several have written would have to wait for all of them.
 */
function addLine(record: usize, sums: usize, to: usize): void {
  const rows = int(record, OVERLAP_ROWS_X);
  const channels = int(record, OVERLAP_CHANNELS);
  const taps = int(record, OVERLAP_TAPS);
  const width = int(record, OVERLAP_WIDTH);
  const stride = int(record, OVERLAP_STRIDE);
  const padded = paddedBytes(tapFloats(record));
  let left = -int(record, OVERLAP_LEFT);
  for (let x = 0; x < rows; x++, sums += padded, left += stride) {
    // The first tap inside the image, and how many are.
    const tap = max(0, -left);
    let from = sums + usize(tap * channels) * FLOAT;
    let at = to + usize((left + tap) * channels) * FLOAT;
    for (
      let count = (min(taps, width - left) - tap) * channels;
      count > 0;
      count--, from += FLOAT, at += FLOAT
    ) {
      store<f32>(at, load<f32>(at) + load<f32>(from));
    }
  }
}
