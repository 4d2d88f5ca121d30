/**
 * From images as a network sees them to finished pictures that the page only has to paint.
 */

import type { ImageGrid } from '../protocol.js';
import { NORMALISED_BYTES } from './data/normalise.js';
import type { Dataset } from './engine/engine.js';

/** Generated images shown, from the run's fixed latents. */
export const SAMPLE_COUNT = 64;
export const SAMPLE_COLUMNS = 8;

/** Test images shown for comparison: a strip as wide as the generated grid. */
const REAL_COUNT = 8;

/** Byte of a value in [-1, 1]; the inverse of the notebook's byte / 127.5 - 1. Values outside are clamped. */
function toByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round((value + 1) * 127.5)));
}

/**
 * Tiles images row by row into one opaque RGBA picture without gaps; cells left over are black.
 * `images` is [count, height, width, channels] float32 in [-1, 1] with one channel (grey) or three.
 * Throws where the length or the channels do not fit.
 */
export function toImageGrid(
  images: Float32Array,
  count: number,
  columns: number,
  [height, width, channels]: readonly [number, number, number],
): ImageGrid {
  if (channels !== 1 && channels !== 3) {
    throw new Error(`Images of ${channels} channels cannot be shown; one (grey) or three (RGB) can.`);
  }
  if (images.length !== count * height * width * channels) {
    throw new Error(`${images.length} values are not ${count} images of ${height} x ${width} x ${channels}.`);
  }
  const rows = Math.ceil(count / columns);
  const gridWidth = columns * width;
  const rgba = new Uint8ClampedArray(rows * height * gridWidth * 4);
  for (let alpha = 3; alpha < rgba.length; alpha += 4) rgba[alpha] = 255;
  let source = 0;
  for (let image = 0; image < count; image++) {
    const top = Math.floor(image / columns) * height;
    const left = (image % columns) * width;
    for (let y = 0; y < height; y++) {
      let target = ((top + y) * gridWidth + left) * 4;
      for (let x = 0; x < width; x++, target += 4, source += channels) {
        for (let colour = 0; colour < 3; colour++) {
          rgba[target + colour] = toByte(images[source + (channels === 3 ? colour : 0)]!);
        }
      }
    }
  }
  return {
    width: gridWidth,
    height: rows * height,
    rgba,
    columns,
    rows,
    cellWidth: width,
    cellHeight: height,
  };
}

/** The first test images of a data set as a strip. */
export function realImageGrid({ test, imageShape }: Dataset): ImageGrid {
  const count = Math.min(REAL_COUNT, test.count);
  const size = imageShape[0] * imageShape[1] * imageShape[2];
  const images = Float32Array.from(test.images.subarray(0, count * size), (byte) => NORMALISED_BYTES[byte]!);
  return toImageGrid(images, count, count, imageShape);
}
