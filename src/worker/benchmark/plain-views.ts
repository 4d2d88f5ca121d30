/**
 * The views of `model/views.ts` as someone would write them with tfjs: each row's numbers drawn in JavaScript, pixels
 * by plain operations. Of any backend and any images.
 */

import * as tf from '@tensorflow/tfjs-core';
import type { WarpView } from '../../recipe/recipe.js';
import { STROKE, VIEW_GRID } from '../model/views.js';

/** Where the numbers of a group's view come from. */
export interface ViewDraws {
  /** Uniform in [0, 1), of a row; `word` is what `model/views.ts` draws from the word of this number. */
  uniform(row: number, word: number): number;
  /** Of the angle of a row's stroke: mean 0, deviation 1. */
  strokeAngle(row: number): number;
  /** [rows, grid, grid, 2], mean 0, deviation 1. */
  knots(rows: number): tf.Tensor4D;
}

const BACKGROUND = -1;

/** What an image of a row is made by. The map is of pixels from the middle of the image. */
interface RowNumbers {
  readonly xByX: number;
  readonly xByY: number;
  readonly x: number;
  readonly yByX: number;
  readonly yByY: number;
  readonly y: number;
  readonly cutLeft: number;
  readonly cutTop: number;
  readonly ink: number;
  readonly strokeX: number;
  readonly strokeY: number;
  readonly strokeCosine: number;
  readonly strokeSine: number;
  readonly halfLength: number;
  readonly halfWidth: number;
  readonly contrast: number;
  readonly brightness: number;
}

function numbersOf(
  view: WarpView,
  [height, width]: readonly [number, number],
  draws: ViewDraws,
  row: number,
): RowNumbers {
  const u = (word: number): number => draws.uniform(row, word);
  const s = (word: number): number => 2 * u(word) - 1;
  const between = ([low, high]: readonly [number, number], word: number): number =>
    low + (high - low) * u(word);
  const angle = view.rotation * s(0);
  const scale = 1 + view.scale * s(1);
  const shear = view.shear * s(2);
  const aspect = 1 + view.aspect * s(3);
  const [scaleX, scaleY] = [scale * aspect, scale / aspect];
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const size = Math.min(height, width);
  const strokeAngle = STROKE.angle * draws.strokeAngle(row);
  return {
    xByX: cosine * scaleX,
    xByY: (cosine * shear - sine) * scaleY,
    x: (width - 1) / 2 + view.shift * s(4),
    yByX: sine * scaleX,
    yByY: (sine * shear + cosine) * scaleY,
    y: (height - 1) / 2 + view.shift * s(5),
    cutLeft: Math.floor(u(8) * (width - view.cutOut + 1)),
    cutTop: Math.floor(u(9) * (height - view.cutOut + 1)),
    ink: view.stroke !== null && u(10) < view.stroke.probability ? 1 : 0,
    strokeX: between(STROKE.centre, 11) * width,
    strokeY: between(STROKE.centre, 12) * height,
    strokeCosine: Math.cos(strokeAngle),
    strokeSine: Math.sin(strokeAngle),
    halfLength: between(STROKE.halfLength, 14) * size,
    halfWidth: between(STROKE.halfWidth, 15) * size,
    contrast: 1 + view.contrast * s(7),
    brightness: view.brightness * s(6),
  };
}

/** The images at points `x`, `y` [rows, height, width], bilinear. */
function sample(images: tf.Tensor4D, x: tf.Tensor, y: tf.Tensor, outside: WarpView['outside']): tf.Tensor4D {
  const margin = outside === 'background' ? 1 : 0;
  const sides: [number, number] = [margin, margin];
  const padded = margin === 0 ? images : tf.pad(images, [[0, 0], sides, sides, [0, 0]], BACKGROUND);
  const [rows, height, width, channels] = padded.shape;
  const inX = tf.clipByValue(tf.add(x, margin), 0, width - 1);
  const inY = tf.clipByValue(tf.add(y, margin), 0, height - 1);
  const [left, top] = [tf.floor(inX), tf.floor(inY)];
  const [right, bottom] = [tf.minimum(tf.add(left, 1), width - 1), tf.minimum(tf.add(top, 1), height - 1)];
  const [alongX, alongY] = [tf.expandDims(tf.sub(inX, left), 3), tf.expandDims(tf.sub(inY, top), 3)];
  const pixels = tf.reshape(padded, [-1, channels]);
  const firsts = tf.reshape(tf.mul(tf.range(0, rows), height * width), [rows, 1, 1]);
  const at = (pixelY: tf.Tensor, pixelX: tf.Tensor): tf.Tensor => {
    const index = tf.add(tf.add(firsts, tf.mul(pixelY, width)), pixelX);
    return tf.gather(pixels, tf.cast(index, 'int32'));
  };
  const mix = (a: tf.Tensor, b: tf.Tensor, along: tf.Tensor): tf.Tensor =>
    tf.add(a, tf.mul(tf.sub(b, a), along));
  const upper = mix(at(top, left), at(top, right), alongX);
  const lower = mix(at(bottom, left), at(bottom, right), alongX);
  return mix(upper, lower, alongY) as tf.Tensor4D;
}

/** Images [rows, height, width, channels] in [-1, 1] as a view shows them. Tidying is the caller's. */
export function showImages(view: WarpView, images: tf.Tensor4D, draws: ViewDraws): tf.Tensor4D {
  const [rows, height, width] = images.shape;
  const numbers = Array.from({ length: rows }, (_, row) => numbersOf(view, [height, width], draws, row));
  const column = (name: keyof RowNumbers): tf.Tensor =>
    tf.tensor(
      numbers.map((own) => own[name]),
      [rows, 1, 1],
    );
  const x = tf.reshape(tf.range(0, width), [1, 1, width]);
  const y = tf.reshape(tf.range(0, height), [1, height, 1]);
  const [fromX, fromY] = [tf.sub(x, (width - 1) / 2), tf.sub(y, (height - 1) / 2)];
  const mapped = (byX: tf.Tensor, byY: tf.Tensor, shift: tf.Tensor): tf.Tensor =>
    tf.add(tf.add(tf.mul(fromX, byX), tf.mul(fromY, byY)), shift);
  let atX = mapped(column('xByX'), column('xByY'), column('x'));
  let atY = mapped(column('yByX'), column('yByY'), column('y'));
  if (view.displacement > 0) {
    const knots = tf.mul<tf.Tensor4D>(draws.knots(rows), view.displacement);
    const [movedX, movedY] = tf.unstack(tf.image.resizeBilinear(knots, [height, width], true), 3);
    atX = tf.add(atX, movedX!);
    atY = tf.add(atY, movedY!);
  }
  let shown: tf.Tensor = sample(images, atX, atY, view.outside);
  if (view.cutOut > 0) {
    const within = (position: tf.Tensor, first: tf.Tensor): tf.Tensor =>
      tf.logicalAnd(tf.greaterEqual(position, first), tf.less(position, tf.add(first, view.cutOut)));
    const isCut = tf.logicalAnd(within(x, column('cutLeft')), within(y, column('cutTop')));
    const kept = tf.expandDims(tf.sub(1, tf.cast(isCut, 'float32')), 3);
    const filling = view.outside === 'background' ? BACKGROUND : 0;
    shown = tf.add(tf.mul(tf.sub(shown, filling), kept), filling);
  }
  if (view.stroke !== null) {
    const [offX, offY] = [tf.sub(x, column('strokeX')), tf.sub(y, column('strokeY'))];
    const [cosine, sine] = [column('strokeCosine'), column('strokeSine')];
    const halfLength = column('halfLength');
    const projected = tf.add(tf.mul(offX, cosine), tf.mul(offY, sine));
    const along = tf.maximum(tf.minimum(projected, halfLength), tf.neg(halfLength));
    const distance = tf.sqrt(
      tf.add(tf.square(tf.sub(offX, tf.mul(along, cosine))), tf.square(tf.sub(offY, tf.mul(along, sine)))),
    );
    const ink = tf.clipByValue(tf.sub(tf.add(column('halfWidth'), 0.5), distance), 0, 1);
    const drawn = tf.sub(tf.mul(tf.mul(ink, column('ink')), 2), 1);
    shown = tf.maximum(shown, tf.expandDims(drawn, 3));
  }
  if (view.brightness !== 0 || view.contrast !== 0) {
    const [contrast, brightness] = [column('contrast'), column('brightness')].map((own) =>
      tf.expandDims(own, 3),
    );
    shown = tf.clipByValue(tf.add(tf.mul(shown, contrast!), brightness!), -1, 1);
  }
  return shown as tf.Tensor4D;
}

/** Numbers of JavaScript's and tfjs' own. */
export const ownViewDraws: ViewDraws = {
  uniform: () => Math.random(),
  strokeAngle: () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()),
  knots: (rows) => tf.randomNormal([rows, VIEW_GRID, VIEW_GRID, 2]),
};
