/**
 * What the views of a recipe do to an image: the one description, in plain TypeScript, which the kernels of
 * the other engines follow. Integers and uniforms come from the streams with the same bits everywhere; pixels agree
 * within rounding.
 *
 * Every row has `VIEW_WORDS` random words of its own, whatever its view uses of them. u(i) is word i as a uniform in
 * [0, 1), s(i) = 2 u(i) - 1, z(i) the same word as a normal (`wordToNormal`).
 *
 * | word | use |
 * |---|---|
 * | 0, 1, 2, 3 | rotation, scale, shear, aspect: the view's amount times s |
 * | 4, 5 | shift along x, along y |
 * | 6, 7 | brightness, contrast |
 * | 8, 9 | left column, top row of the cut-out |
 * | 10 | a stroke is drawn where u is below its probability |
 * | 11, 12, 13, 14, 15 | its centre along x, along y, angle, half length, half width |
 * | 16 + 2 k, 17 + 2 k | displacement along x, along y at knot k of the grid, row by row |
 */

import type { WarpView } from '../../recipe/recipe.js';
import { wordToIndex, wordToNormal, wordToUniform } from '../random/philox.js';

/** Knots along each direction, over the whole image. */
export const VIEW_GRID = 5;
/** Random words of a row: 16, two for each knot, and 2 that fill the last block. */
export const VIEW_WORDS = 68;

/** Shapes of strokes, as shares of the smaller side of the image: 6 to 22, 3 to 6 and 0.8 to 1.6 pixels of 28. */
export const STROKE = {
  centre: [6 / 28, 22 / 28],
  halfLength: [3 / 28, 6 / 28],
  halfWidth: [0.8 / 28, 1.6 / 28],
  /** Standard deviation of the angle from level, in radians. */
  angle: 0.4,
} as const;

const BACKGROUND = -1;

type Words = Uint32Array;

/** A point of the image as x, y. */
type Point = readonly [number, number];

function between([low, high]: readonly [number, number], u: number): number {
  return low + (high - low) * u;
}

/** Where the warp of a row samples the image for an output pixel. */
export function warpOf(
  view: WarpView,
  words: Words,
  [height, width]: readonly number[],
): (x: number, y: number) => Point {
  const s = (word: number): number => 2 * wordToUniform(words[word]!) - 1;
  const angle = view.rotation * s(0);
  const scale = 1 + view.scale * s(1);
  const shear = view.shear * s(2);
  const aspect = 1 + view.aspect * s(3);
  const [shiftX, shiftY] = [view.shift * s(4), view.shift * s(5)];
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const [scaleX, scaleY] = [scale * aspect, scale / aspect];
  const [centreX, centreY] = [(width! - 1) / 2, (height! - 1) / 2];
  const displacementAt = displacementOf(view, words, height!, width!);
  return (x, y) => {
    const stretchedY = (y - centreY) * scaleY;
    const stretchedX = (x - centreX) * scaleX + shear * stretchedY;
    const [movedX, movedY] = displacementAt(x, y);
    return [
      cosine * stretchedX - sine * stretchedY + centreX + shiftX + movedX,
      sine * stretchedX + cosine * stretchedY + centreY + shiftY + movedY,
    ];
  };
}

/** Displacement between the knots, bilinear. */
function displacementOf(
  { displacement }: WarpView,
  words: Words,
  height: number,
  width: number,
): (x: number, y: number) => Point {
  if (displacement === 0) return () => [0, 0];
  const last = VIEW_GRID - 1;
  return (x, y) => {
    const gridX = (x * last) / Math.max(1, width - 1);
    const gridY = (y * last) / Math.max(1, height - 1);
    const left = Math.min(last - 1, Math.floor(gridX));
    const top = Math.min(last - 1, Math.floor(gridY));
    const [alongX, alongY] = [gridX - left, gridY - top];
    const at = (row: number, column: number, direction: 0 | 1): number =>
      wordToNormal(words[16 + 2 * (row * VIEW_GRID + column) + direction]!);
    const component = (direction: 0 | 1): number =>
      displacement *
      ((1 - alongY) * ((1 - alongX) * at(top, left, direction) + alongX * at(top, left + 1, direction)) +
        alongY * ((1 - alongX) * at(top + 1, left, direction) + alongX * at(top + 1, left + 1, direction)));
    return [component(0), component(1)];
  };
}

/** The four pixels around a point with their weights, and the value of a channel there. */
function sample(
  image: ArrayLike<number>,
  [height, width, channels]: readonly number[],
  outside: WarpView['outside'],
  [x, y]: Point,
  channel: number,
): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [alongX, alongY] = [x - left, y - top];
  const pixel = (column: number, row: number): number => {
    const isInside = column >= 0 && column < width! && row >= 0 && row < height!;
    if (!isInside && outside === 'background') return BACKGROUND;
    const ownColumn = Math.min(Math.max(column, 0), width! - 1);
    const ownRow = Math.min(Math.max(row, 0), height! - 1);
    return image[(ownRow * width! + ownColumn) * channels! + channel]!;
  };
  const upper = (1 - alongX) * pixel(left, top) + alongX * pixel(left + 1, top);
  const lower = (1 - alongX) * pixel(left, top + 1) + alongX * pixel(left + 1, top + 1);
  return (1 - alongY) * upper + alongY * lower;
}

/** Ink, 0 to 1, of the stroke of a row at a pixel; null where it has none. */
export function strokeOf(
  { stroke }: WarpView,
  words: Words,
  [height, width]: readonly number[],
): ((x: number, y: number) => number) | null {
  const u = (word: number): number => wordToUniform(words[word]!);
  if (stroke === null || !(u(10) < stroke.probability)) return null;
  const size = Math.min(height!, width!);
  const centreX = between(STROKE.centre, u(11)) * width!;
  const centreY = between(STROKE.centre, u(12)) * height!;
  const angle = STROKE.angle * wordToNormal(words[13]!);
  const halfLength = between(STROKE.halfLength, u(14)) * size;
  const halfWidth = between(STROKE.halfWidth, u(15)) * size;
  const [alongX, alongY] = [Math.cos(angle), Math.sin(angle)];
  return (x, y) => {
    const [fromX, fromY] = [x - centreX, y - centreY];
    const along = Math.min(Math.max(fromX * alongX + fromY * alongY, -halfLength), halfLength);
    const distance = Math.hypot(fromX - along * alongX, fromY - along * alongY);
    return Math.min(Math.max(halfWidth + 0.5 - distance, 0), 1);
  };
}

/**
 * One image [height, width, channels] in [-1, 1] as a view shows it, into `out`: the warp, then the cut-out
 * (background, or the middle of the range where the edge goes on), then the stroke (the larger of image and ink, on every
 * channel), then contrast and brightness (x (1 + contrast) + brightness, kept within [-1, 1]).
 * `words`: the row's own.
 */
export function applyView(
  view: WarpView,
  words: Words,
  image: ArrayLike<number>,
  shape: readonly [number, number, number],
  out: Float32Array,
): void {
  const [height, width, channels] = shape;
  const warp = warpOf(view, words, shape);
  const stroke = strokeOf(view, words, shape);
  const s = (word: number): number => 2 * wordToUniform(words[word]!) - 1;
  const [brightness, contrast] = [view.brightness * s(6), 1 + view.contrast * s(7)];
  const changesTone = view.brightness !== 0 || view.contrast !== 0;
  const { cutOut } = view;
  const cutLeft = wordToIndex(words[8]!, width - cutOut + 1);
  const cutTop = wordToIndex(words[9]!, height - cutOut + 1);
  const filling = view.outside === 'background' ? BACKGROUND : 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const point = warp(x, y);
      const isCut = x >= cutLeft && x < cutLeft + cutOut && y >= cutTop && y < cutTop + cutOut;
      const ink = stroke === null ? BACKGROUND : 2 * stroke(x, y) - 1;
      for (let channel = 0; channel < channels; channel++) {
        const sampled = isCut ? filling : sample(image, shape, view.outside, point, channel);
        const value = Math.max(sampled, ink);
        out[(y * width + x) * channels + channel] = changesTone
          ? Math.min(Math.max(value * contrast + brightness, -1), 1)
          : value;
      }
    }
  }
}
