/**
 * Views of images as `src/worker/model/views.ts` describes them, in its words: the warp with bilinear sampling, the
 * cut-out, the stroke, the tone. Along a line the place that is sampled moves by equal steps from one knot to the next; steps
 * are added up in fixed point, 32 bits on either side. The image is copied with a border of two pixels first:
 * outside it everything is as at the border.
 */

import { firstItem, itemAfter } from './threads/work-shares';
import { DrawViewsOperation, Run } from './layout';
import { BLOCKS, BLOCKS_BYTES, philoxBlocks, wordToNormal } from './common/random';
import { imageIndex } from './draw';

/** Random words of a row, and calls that give them. */
const VIEW_WORDS = 68;
const CALLS = 3;
/** Knots along each direction. */
const KNOTS = 5;
/** Where a thread's scratch holds random words, displacements of all knots and of those of a line, and an image. */
const GRID: usize = 384;
const LINE: usize = GRID + KNOTS * KNOTS * 16;
const IMAGE: usize = 1024;
/** 1 in fixed point. */
const ONE: f64 = 4294967296;
/** Pixels around an image. */
const BORDER = 2;

/** Words as numbers, `words` at the row's own. */
@inline
function unit(words: usize, index: i32): f64 {
  return f64(load<u32>(words + (usize(index) << 2)) >>> 8) * 5.9604644775390625e-8;
}


@inline
function signed(words: usize, index: i32): f64 {
  return 2 * unit(words, index) - 1;
}


@inline
function normal(words: usize, index: i32): f64 {
  return f64(wordToNormal(load<u32>(words + (usize(index) << 2))));
}

/** Index in [0, bound). */
@inline
function indexOf(words: usize, index: i32, bound: i32): i32 {
  return i32((u64(load<u32>(words + (usize(index) << 2))) * u64(bound)) >> 32);
}

/** Taylor's polynomials, within 1e-8 for angles up to 1.4. */
function sine(angle: f64): f64 {
  const x = angle * angle;
  return (
    angle * (1 - (x / 6) * (1 - (x / 20) * (1 - (x / 42) * (1 - (x / 72) * (1 - (x / 110) * (1 - x / 156))))))
  );
}

function cosine(angle: f64): f64 {
  const x = angle * angle;
  return 1 - (x / 2) * (1 - (x / 12) * (1 - (x / 30) * (1 - (x / 56) * (1 - (x / 90) * (1 - x / 132)))));
}

/** Threads share out the rows. */
export function drawViews(record: DrawViewsOperation, threads: i32, run: Run, scratch: usize): void {
  const rows = record.rows;
  const image = scratch + IMAGE;
  for (let row = firstItem(record, rows, threads); row < rows; row = itemAfter(record, row, rows, threads)) {
    const index = imageIndex(record.stream, record.pool, record.bound, row, run, scratch);
    padImage(record, index, image);
    const first = row * VIEW_WORDS;
    for (let call = 0; call < CALLS; call++) {
      const block = (first >> 2) + call * BLOCKS;
      const to = scratch + usize(call) * BLOCKS_BYTES;
      philoxBlocks(block, run.step, record.viewStream, run.key0, run.key1, to);
    }
    drawView(record, row, scratch, image);
  }
}

/** Copies an image, as floats, with its border. */
function padImage(record: DrawViewsOperation, index: u32, to: usize): void {
  const height = record.height;
  const width = record.width;
  const channels = record.channels;
  const isEdge = record.isEdge != 0;
  const table = record.byteTable;
  const lineBytes = usize(width * channels);
  const source = record.source + usize(index) * usize(height) * lineBytes;
  const border = usize(BORDER * channels);
  for (let y = -BORDER; y < height + BORDER; y++) {
    if (!isEdge && (y < 0 || y >= height)) {
      to = fill(to, border + lineBytes + border);
      continue;
    }
    const line = source + usize(min(max(y, 0), height - 1)) * lineBytes;
    const end = line + lineBytes;
    to = isEdge ? repeat(table, line, channels, to) : fill(to, border);
    for (let from = line; from < end; from++, to += 4) {
      store<f32>(to, load<f32>(table + (usize(load<u8>(from)) << 2)));
    }
    to = isEdge ? repeat(table, end - usize(channels), channels, to) : fill(to, border);
  }
}

/** Background; returns where it ends. */
function fill(to: usize, count: usize): usize {
  const end = to + (count << 2);
  for (; to < end; to += 4) store<f32>(to, -1);
  return end;
}

/** A pixel for each one of the border; returns where they end. */
function repeat(table: usize, pixel: usize, channels: i32, to: usize): usize {
  for (let i = 0; i < BORDER; i++) {
    for (let channel = 0; channel < channels; channel++, to += 4) {
      store<f32>(to, load<f32>(table + (usize(load<u8>(pixel + usize(channel))) << 2)));
    }
  }
  return to;
}


@inline
function between(from: f64, to: f64, share: f64): f64 {
  return (1 - share) * from + share * to;
}

/** Displacements of the five knots along a line of the image. */
function findLine(record: DrawViewsOperation, y: i32, scratch: usize): void {
  const place = f64(y * (KNOTS - 1)) / f64(max(1, record.height - 1));
  const top = min(KNOTS - 2, i32(place));
  const share = place - f64(top);
  let upper = scratch + GRID + usize(top * KNOTS) * 16;
  for (let at = scratch + LINE; at < scratch + LINE + KNOTS * 16; at += 8, upper += 8) {
    store<f64>(at, between(load<f64>(upper), load<f64>(upper + KNOTS * 16), share));
  }
}

function drawView(record: DrawViewsOperation, row: i32, scratch: usize, image: usize): void {
  const words = scratch;
  const height = record.height;
  const width = record.width;
  const channels = record.channels;
  const angle = f64(record.rotation) * signed(words, 0);
  const scale = 1 + f64(record.scale) * signed(words, 1);
  const shear = f64(record.shear) * signed(words, 2);
  const aspect = 1 + f64(record.aspect) * signed(words, 3);
  const sin = sine(angle);
  const cos = cosine(angle);
  const scaleX = scale * aspect;
  const scaleY = scale / aspect;
  const centreX = f64(width - 1) / 2;
  const centreY = f64(height - 1) / 2;
  const toX = centreX + f64(record.shift) * signed(words, 4);
  const toY = centreY + f64(record.shift) * signed(words, 5);
  const displacement = f64(record.displacement);
  if (displacement != 0) {
    for (let i = 0; i < 2 * KNOTS * KNOTS; i++) {
      store<f64>(scratch + GRID + (usize(i) << 3), displacement * normal(words, 16 + i));
    }
  }
  const pixelBytes = usize(channels) << 2;
  const lineBytes = usize(width) * pixelBytes;
  const target = record.target + usize(row * height) * lineBytes;
  let to = target;
  const stepX = cos * scaleX;
  const stepY = sin * scaleX;
  for (let y = 0; y < height; y++, to += lineBytes) {
    const stretchedY = (f64(y) - centreY) * scaleY;
    const stretchedX = shear * stretchedY - centreX * scaleX;
    const fromX = cos * stretchedX - sin * stretchedY + toX + f64(BORDER);
    const fromY = sin * stretchedX + cos * stretchedY + toY + f64(BORDER);
    if (displacement == 0) {
      sampleRun(record, image, fromX, fromY, stepX, stepY, width, to);
      continue;
    }
    findLine(record, y, scratch);
    const last = max(1, width - 1);
    const knots = f64(KNOTS - 1) / f64(last);
    let x = 0;
    for (let knot = 0; knot < KNOTS - 1; knot++) {
      // The last pixel is the last knot's.
      const end = knot == KNOTS - 2 ? width : min(width, ((knot + 1) * last + KNOTS - 2) / (KNOTS - 1));
      if (end <= x) continue;
      const at = scratch + LINE + (usize(knot) << 4);
      const perX = load<f64>(at, 16) - load<f64>(at);
      const perY = load<f64>(at, 24) - load<f64>(at, 8);
      const share = f64(x) * knots - f64(knot);
      const firstX = fromX + stepX * f64(x) + (load<f64>(at) + share * perX);
      const firstY = fromY + stepY * f64(x) + (load<f64>(at, 8) + share * perY);
      const run = to + usize(x) * pixelBytes;
      sampleRun(record, image, firstX, firstY, stepX + perX * knots, stepY + perY * knots, end - x, run);
      x = end;
    }
  }
  if (record.cutOut > 0) cut(record, words, target);
  if (i32(load<u32>(words + 40) >>> 8) < record.strokeLimit) drawStroke(record, words, target);
  if (record.brightness != 0 || record.contrast != 0) {
    const contrast = f32(1 + f64(record.contrast) * signed(words, 7));
    const brightness = f32(f64(record.brightness) * signed(words, 6));
    changeTone(target, usize(height) * lineBytes, contrast, brightness);
  }
}

/** Bits behind the point as a share of a pixel. */
@inline
function shareOf(place: i64): f32 {
  return f32(i32(u32(place) >>> 8)) * <f32>5.9604644775390625e-8;
}


@inline
function clamp(place: i64, most: i64): i64 {
  const above = place < 0 ? 0 : place;
  return above > most ? most : above;
}

/** Samples `count` pixels of a line, the first at a place of the image with its border, each a step after the one before. */
function sampleRun(
  record: DrawViewsOperation,
  image: usize,
  fromX: f64,
  fromY: f64,
  stepX: f64,
  stepY: f64,
  count: i32,
  to: usize,
): void {
  const channels = record.channels;
  const pixelBytes = usize(channels) << 2;
  const lineBytes = usize(record.width + 2 * BORDER) * pixelBytes;
  const mostX = i64(record.width + BORDER) << 32;
  const mostY = i64(record.height + BORDER) << 32;
  const byX = i64(stepX * ONE);
  const byY = i64(stepY * ONE);
  let x = i64(fromX * ONE);
  let y = i64(fromY * ONE);
  for (; count > 0; count--, x += byX, y += byY) {
    const ownX = clamp(x, mostX);
    const ownY = clamp(y, mostY);
    const alongX = shareOf(ownX);
    const alongY = shareOf(ownY);
    let at = image + usize(ownY >> 32) * lineBytes + usize(ownX >> 32) * pixelBytes;
    for (let channel = 0; channel < channels; channel++, at += 4, to += 4) {
      const next = at + pixelBytes;
      const upper = load<f32>(at) + alongX * (load<f32>(next) - load<f32>(at));
      const below = at + lineBytes;
      const lower = load<f32>(below) + alongX * (load<f32>(next + lineBytes) - load<f32>(below));
      store<f32>(to, upper + alongY * (lower - upper));
    }
  }
}

/** Fills the cut-out: with background, or with the middle of the range where the edge goes on. */
function cut(record: DrawViewsOperation, words: usize, to: usize): void {
  const width = record.width;
  const side = record.cutOut;
  const left = indexOf(words, 8, width - side + 1);
  const top = indexOf(words, 9, record.height - side + 1);
  const filling: f32 = record.isEdge != 0 ? 0 : -1;
  const pixelBytes = usize(record.channels) << 2;
  for (let y = top; y < top + side; y++) {
    const line = to + usize(y * width + left) * pixelBytes;
    const end = line + usize(side) * pixelBytes;
    for (let at = line; at < end; at += 4) store<f32>(at, filling);
  }
}

/** The larger of image and ink, on every channel; further away there is no ink. */
function drawStroke(record: DrawViewsOperation, words: usize, to: usize): void {
  const height = record.height;
  const width = record.width;
  const channels = record.channels;
  const size = f64(min(height, width)) / 28;
  const centreX = ((6 + 16 * unit(words, 11)) / 28) * f64(width);
  const centreY = ((6 + 16 * unit(words, 12)) / 28) * f64(height);
  const angle = 0.4 * normal(words, 13);
  const halfLength = (3 + 3 * unit(words, 14)) * size;
  const reach = (0.8 + 0.8 * unit(words, 15)) * size + 0.5;
  const alongX = cosine(angle);
  const alongY = sine(angle);
  const mostX = halfLength * abs<f64>(alongX) + reach;
  const mostY = halfLength * abs<f64>(alongY) + reach;
  const left = max(0, i32(centreX - mostX));
  const right = min(width - 1, i32(centreX + mostX));
  const bottom = min(height - 1, i32(centreY + mostY));
  for (let y = max(0, i32(centreY - mostY)); y <= bottom; y++) {
    const fromY = f64(y) - centreY;
    let at = to + (usize((y * width + left) * channels) << 2);
    for (let x = left; x <= right; x++) {
      const fromX = f64(x) - centreX;
      const along = min(max(fromX * alongX + fromY * alongY, -halfLength), halfLength);
      const acrossX = fromX - along * alongX;
      const acrossY = fromY - along * alongY;
      const distance = sqrt<f64>(acrossX * acrossX + acrossY * acrossY);
      const ink = f32(2 * min(max(reach - distance, 0), 1) - 1);
      for (let channel = 0; channel < channels; channel++, at += 4) store<f32>(at, max(load<f32>(at), ink));
    }
  }
}

/** x contrast + brightness, kept within [-1, 1]. */
function changeTone(at: usize, bytes: usize, contrast: f32, brightness: f32): void {
  for (const end = at + bytes; at < end; at += 4) {
    store<f32>(at, min<f32>(max<f32>(load<f32>(at) * contrast + brightness, -1), 1));
  }
}
