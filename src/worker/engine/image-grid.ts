/**
 * From images as a network sees them to finished pictures that the page only has to paint.
 */

import type { ImageGrid } from '../../protocol/reports.js';
import { NORMALISED_BYTES } from '../data/normalise.js';
import type { Engine } from './engine.js';
import type { Dataset } from '../data/dataset.js';

/** Generated images shown, from the run's fixed latents. */
export const SAMPLE_COUNT = 64;
export const SAMPLE_COLUMNS = 8;

/** Test images shown for comparison: a strip as wide as the generated grid. */
const REAL_COUNT = 8;

/** Byte of a value in [-1, 1]; the inverse of the notebook's byte / 127.5 - 1. Values outside are clamped. */
export function toByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round((value + 1) * 127.5)));
}

/** Throws where images of so many channels cannot be shown. */
export function checkChannels(channels: number): void {
  if (channels === 1 || channels === 3) return;
  throw new Error(`Images of ${channels} channels cannot be shown; one (grey) or three (RGB) can.`);
}

/** Everything about a picture of `count` tiled images of [height, width, channels] but its bytes. */
export function imageGridLayout(
  count: number,
  columns: number,
  [height, width]: readonly [number, number, number],
): Omit<ImageGrid, 'rgba'> {
  const rows = Math.ceil(count / columns);
  return {
    width: columns * width,
    height: rows * height,
    columns,
    rows,
    cellWidth: width,
    cellHeight: height,
  };
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
  imageShape: readonly [number, number, number],
): ImageGrid {
  const [height, width, channels] = imageShape;
  checkChannels(channels);
  if (images.length !== count * height * width * channels) {
    throw new Error(`${images.length} values are not ${count} images of ${height} x ${width} x ${channels}.`);
  }
  const layout = imageGridLayout(count, columns, imageShape);
  const rgba = new Uint8ClampedArray(layout.height * layout.width * 4);
  for (let alpha = 3; alpha < rgba.length; alpha += 4) rgba[alpha] = 255;
  let source = 0;
  for (let image = 0; image < count; image++) {
    const top = Math.floor(image / columns) * height;
    const left = (image % columns) * width;
    for (let y = 0; y < height; y++) {
      let target = ((top + y) * layout.width + left) * 4;
      for (let x = 0; x < width; x++, target += 4, source += channels) {
        for (let colour = 0; colour < 3; colour++) {
          rgba[target + colour] = toByte(images[source + (channels === 3 ? colour : 0)]!);
        }
      }
    }
  }
  return { ...layout, rgba };
}

/**
 * The generator's images of `count` latents as a picture: made by the engine where it can, else from
 * the values that it generates. See `Engine.generate` for the latents.
 */
export async function generateImageGrid(
  engine: Engine,
  latents: Float32Array<ArrayBuffer>,
  count: number,
  columns: number,
  imageShape: Dataset['imageShape'],
): Promise<ImageGrid> {
  if (engine.generateGrid !== undefined) return engine.generateGrid(latents, count, columns);
  return toImageGrid(await engine.generate(latents, count), count, columns, imageShape);
}

/** The first test images of a data set as a strip; places that too few of them leave are black. */
export function realImageGrid({ test, imageShape }: Dataset): ImageGrid {
  const count = Math.min(REAL_COUNT, test.count);
  const size = imageShape[0] * imageShape[1] * imageShape[2];
  const images = Float32Array.from(test.images.subarray(0, count * size), (byte) => NORMALISED_BYTES[byte]!);
  return toImageGrid(images, count, REAL_COUNT, imageShape);
}
