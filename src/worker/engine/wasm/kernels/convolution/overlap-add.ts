/**
 * Transposed convolutions onto few channels: the rows of a matrix product, one for each position of the small side with
 * what it adds to every output that it reaches, are added up where they overlap. Each image is one thread's, line
 * after line.
 */

import { firstItem, itemAfter } from '../threads/work-shares';
import { Image, OverlapAddOperation } from '../layout';
import { entryAt } from '../common/tables';
import { FLOAT, paddedBytes, VECTOR } from '../common/simd';
import { applySnippets, clearFloats } from '../snippets';

/** Threads share out the images; `scratch` takes the rows of a line of positions, added up. */
export function overlapAdd(record: OverlapAddOperation, threads: i32, scratch: usize): void {
  const images = record.images;
  const height = record.height;
  const pixels = height * record.width;
  const channels = record.channels;
  const size = pixels * channels;
  const lineBytes = usize(record.width * channels) * FLOAT;
  const epilogue = record.epilogue;
  const step = usize(channels) * FLOAT;
  for (
    let image = firstItem(record, images, threads);
    image < images;
    image = itemAfter(record, image, images, threads)
  ) {
    const entry = entryAt<Image>(record.imageTable, image);
    const target = record.target + usize(entry.targetRow * size) * FLOAT;
    clearFloats(target, size);
    let line = target;
    for (let y = 0; y < height; y++, line += lineBytes) {
      if (addUpLines(record, image, y, scratch)) addToOutput(record, scratch, line);
    }
    if (epilogue != 0)
      applySnippets(epilogue, target, step, target, step, pixels, channels, entry, 0, channels, size);
  }
}

/** Floats of a line of taps; its place in scratch is whole vectors. */
@inline
function tapFloats(record: OverlapAddOperation): i32 {
  return record.taps * record.channels;
}

/**
 * Adds up, for each position of a line, the lines of taps that go to line `outY` of an image. Returns whether there are
 * any. Past a line's taps stands what follows them.
 */
function addUpLines(record: OverlapAddOperation, image: i32, outY: i32, positions: usize): bool {
  const rowsY = record.rowsY;
  const rowsX = record.rowsX;
  const lines = record.lines;
  const stride = record.stride;
  const rowBytes = usize(record.columns) * FLOAT;
  const tapBytes = usize(tapFloats(record)) * FLOAT;
  const padded = paddedBytes(tapFloats(record));
  const source = record.source + usize(image * rowsY * rowsX) * rowBytes;
  const reach = outY + record.top;
  let isFirst = true;
  for (let line = reach % stride; line < lines && line <= reach; line += stride) {
    const y = (reach - line) / stride;
    if (y >= rowsY) continue;
    let from = source + usize(y * rowsX) * rowBytes + usize(line) * tapBytes;
    let to = positions;
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
 * Adds a line of positions, added up, to a line of the output, a float at a time: neighbours overlap, and a vector
 * that several have written would have to wait for all of them.
 */
function addToOutput(record: OverlapAddOperation, positions: usize, to: usize): void {
  const rows = record.rowsX;
  const channels = record.channels;
  const taps = record.taps;
  const width = record.width;
  const stride = record.stride;
  const padded = paddedBytes(tapFloats(record));
  let left = -record.left;
  for (let x = 0; x < rows; x++, positions += padded, left += stride) {
    // The first tap inside the image, and how many are.
    const tap = max(0, -left);
    let from = positions + usize(tap * channels) * FLOAT;
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
