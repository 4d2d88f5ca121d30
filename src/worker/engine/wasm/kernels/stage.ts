/**
 * Staging: the left operand of a product with its prologue applied and its zero border written, so that
 * products read windows without asking where the image ends. One pass over an activation; a window
 * is unfolded only where its runs are shorter than a product's loop is worth. Whole images pass late epilogues here.
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
  STAGE_ROW,
  STAGE_TABLE,
  STAGE_SNIPPETS,
  STAGE_SOURCE,
  STAGE_STRIDE,
  STAGE_TARGET,
  STAGE_TOP,
  STAGE_WIDTH,
  STAGE_WINDOWS_X,
  STAGE_WINDOWS_Y,
  STAGE_WINDOW_HEIGHT,
  STAGE_WINDOW_WIDTH,
} from './layout';
import { address, imageEntry, int } from './record';
import { applySnippets, clearFloats, copyFloats, copyPositions } from './snippets';

/** Bytes that a chain is applied to at a time. */
const RUN_BYTES: usize = 8192;

/** Images are dealt out to the threads. */
export function stage(record: usize, threads: i32): void {
  const images = int(record, STAGE_IMAGES);
  const isUnfolding = int(record, STAGE_WINDOW_HEIGHT) > 0;
  for (let image = firstItem(record, images, threads); image < images; image = itemAfter(record, image, images, threads)) {
    if (isUnfolding) unfoldImage(record, image);
    else padImage(record, image);
  }
}

function padImage(record: usize, image: i32): void {
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
    applySnippets(snippets, source, pixelBytes, target, pixelBytes, pixels, channels, entry, position, channels, size);
    source += usize(pixels) * pixelBytes;
    target += usize(pixels) * pixelBytes;
    position += pixels * channels;
    clearFloats(target, right * channels);
    target += usize(right) * pixelBytes;
  }
  memory.fill(target, 0, usize(paddedHeight - top - height) * paddedRowBytes);
}

function unfoldImage(record: usize, image: i32): void {
  const height = int(record, STAGE_HEIGHT);
  const lineFloats = int(record, STAGE_WIDTH) * int(record, STAGE_CHANNELS);
  const windowHeight = int(record, STAGE_WINDOW_HEIGHT);
  const windowsY = int(record, STAGE_WINDOWS_Y);
  const runBytes = usize(int(record, STAGE_WINDOW_WIDTH) * int(record, STAGE_CHANNELS)) << 2;
  const linesBytes = usize(int(record, STAGE_WINDOWS_X) * int(record, STAGE_ROW)) << 2;
  const sourceRow = int(imageEntry(address(record, STAGE_TABLE), image), IMAGE_SOURCE_ROW);
  const source = address(record, STAGE_SOURCE) + (usize(sourceRow * height * lineFloats) << 2);
  const target = address(record, STAGE_TARGET) + usize(image * windowsY) * linesBytes;
  for (let y = 0; y < windowsY; y++) {
    const first = y * int(record, STAGE_STRIDE) - int(record, STAGE_TOP);
    for (let dy = 0; dy < windowHeight; dy++) {
      const line = first + dy;
      const from = line >= 0 && line < height ? source + (usize(line * lineFloats) << 2) : 0;
      unfoldLine(record, from, target + usize(y) * linesBytes + usize(dy) * runBytes);
    }
  }
}

/** One line of the image, or of the border where `from` is 0, to its run of every window in a line of them. */
function unfoldLine(record: usize, from: usize, to: usize): void {
  const width = int(record, STAGE_WIDTH);
  const channels = int(record, STAGE_CHANNELS);
  const windowWidth = int(record, STAGE_WINDOW_WIDTH);
  const windowsX = int(record, STAGE_WINDOWS_X);
  const stride = int(record, STAGE_STRIDE);
  const windowBytes = usize(int(record, STAGE_ROW)) << 2;
  let left = -int(record, STAGE_LEFT);
  for (let x = 0; x < windowsX; ) {
    // Windows inside the image follow each other without a question.
    if (from != 0 && left >= 0 && left + windowWidth <= width) {
      const inside = min(windowsX - x, (width - windowWidth - left) / stride + 1);
      const step = usize(stride * channels) << 2;
      copyRuns(from + (usize(left * channels) << 2), step, to, windowBytes, inside, windowWidth * channels);
      x += inside;
      left += inside * stride;
      to += usize(inside) * windowBytes;
      continue;
    }
    const before = min(windowWidth, max(0, -left));
    const end = from == 0 ? before : max(before, min(windowWidth, width - left));
    clearFloats(to, before * channels);
    copyFloats(from + (usize((left + before) * channels) << 2), to + (usize(before * channels) << 2), (end - before) * channels);
    clearFloats(to + (usize(end * channels) << 2), (windowWidth - end) * channels);
    x++;
    left += stride;
    to += windowBytes;
  }
}

/** `count` runs of `floats` floats. */
function copyRuns(from: usize, step: usize, to: usize, toStep: usize, count: i32, floats: i32): void {
  if (floats < 4 || floats > 8) {
    copyPositions(from, step, to, toStep, count, floats);
    return;
  }
  // Two vectors, which overlap.
  const last = usize(floats - 4) << 2;
  for (; count > 0; count--, from += step, to += toStep) {
    v128.store(to, v128.load(from));
    v128.store(to + last, v128.load(from + last));
  }
}
