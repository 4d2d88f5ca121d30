/**
 * From images as a network sees them to finished pictures that the page only has to paint.
 */

import type { ImageGrid } from '../../protocol/reports.js';
import { NORMALISED_BYTES } from '../data/normalise.js';
import type { Recipe } from '../../recipe/recipe.js';
import { classOfRow } from '../model/draws.js';
import type { Engine } from './engine.js';
import type { Dataset } from '../data/dataset.js';

/** Images in a row of a picture, unless classes decide. */
const COLUMNS = 8;
/** More classes than these have no columns of their own. */
const MOST_COLUMNS = 12;

/** What of a recipe the pictures of its runs depend on. */
type Pictured = Pick<Recipe, 'classes' | 'generator'>;

/** Whether each column has one class: the generator is asked for classes, all in turn, and they are few enough. */
function hasClassColumns({ classes, generator }: Pictured): boolean {
  return generator?.isConditional === true && classes <= MOST_COLUMNS;
}

/**
 * How many images stand in a row of the pictures of a run: where columns have classes, as many as there are classes, or a
 * multiple of that near to 8; else 8.
 */
export function columnsOf(recipe: Pictured): number {
  const { classes } = recipe;
  return hasClassColumns(recipe) ? classes * Math.max(1, Math.round(COLUMNS / classes)) : COLUMNS;
}

/** Generated images shown, from the run's fixed latents: as many rows as columns. */
export function sampleCountOf(recipe: Pictured): number {
  return columnsOf(recipe) ** 2;
}

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

/** The test images of a strip: the first, or of each column's class the first that no column before has. -1 for none. */
function shownTestImages({ test: { count, labels } }: Dataset, recipe: Pictured): number[] {
  const columns = Array.from({ length: columnsOf(recipe) }, (_, column) => column);
  if (!hasClassColumns(recipe)) return columns.map((column) => (column < count ? column : -1));
  const next = new Array<number>(recipe.classes).fill(0);
  return columns.map((column) => {
    const wanted = classOfRow(column, recipe.classes);
    const found = labels.indexOf(wanted, next[wanted]);
    if (found !== -1) next[wanted] = found + 1;
    return found;
  });
}

/**
 * Test images for comparison, a strip as wide as the picture of generated ones, by its classes where that has a column for
 * each; places that too few of them leave are black.
 */
export function realImageGrid(dataset: Dataset, recipe: Pictured): ImageGrid {
  const { test, imageShape } = dataset;
  const size = imageShape[0] * imageShape[1] * imageShape[2];
  const shown = shownTestImages(dataset, recipe);
  const images = new Float32Array(shown.length * size).fill(-1);
  for (const [column, index] of shown.entries()) {
    if (index === -1) continue;
    const bytes = test.images.subarray(index * size, (index + 1) * size);
    images.set(
      Float32Array.from(bytes, (byte) => NORMALISED_BYTES[byte]!),
      column * size,
    );
  }
  return toImageGrid(images, shown.length, shown.length, imageShape);
}
