/**
 * Tiles images into one RGBA picture, a thread a pixel, four bytes a word (red lowest): what
 * `toImageGrid` of engine/image-grid.ts does on the host, byte for byte.
 *
 * A device may round (value + 1) * 127.5 otherwise than the host does, so nothing is computed: the byte
 * of a value is the largest b with value >= LEAST[b], found by bisection. Values outside [-1, 1] are
 * clamped by that, and one that is no number is black, as on the host.
 *
 * Bindings: the images' buffer (read), the picture (read_write).
 */

import { checkChannels, toByte } from '../../image-grid.js';
import { constantArray } from './shader-text.js';
import { ShaderBuilder, type BufferKey, type Memory, type Place, type Shader } from './shader.js';

/** uint32 [height of the picture, width]. */
export const IMAGE_GRID: BufferKey = 'image grid';

const BLOCK = 8;

export interface ImageGridOp {
  /** float32 [at least count, height, width, channels] in [-1, 1] */
  readonly images: Place;
  readonly count: number;
  readonly columns: number;
  readonly imageShape: readonly [number, number, number];
}

/** The float32 whose bits, read as a number with the sign apart, are `order`: grows with it. */
function floatAt(order: number): number {
  const word = Uint32Array.of(order < 0 ? (0x80000000 | -order) >>> 0 : order);
  return new Float32Array(word.buffer)[0]!;
}

/** Largest float32 order that is finite. */
const MOST = 0x7f7fffff;

/** The smallest float32 that is shown as `byte` or brighter. */
function leastOf(byte: number): number {
  let [below, reached] = [-MOST, MOST];
  while (reached - below > 1) {
    const middle = Math.floor((below + reached) / 2);
    if (toByte(floatAt(middle)) >= byte) reached = middle;
    else below = middle;
  }
  return floatAt(reached);
}

/** The smallest float32 of each byte; byte 0 has none, and its place is never asked for. */
export function leastValues(): readonly number[] {
  return [-1, ...Array.from({ length: 255 }, (_, index) => leastOf(index + 1))];
}

/** Throws where the images have neither one channel nor three. */
export function imageGridShader({ images, count, columns, imageShape }: ImageGridOp, memory: Memory): Shader {
  const [height, width, channels] = imageShape;
  checkChannels(channels);
  const builder = new ShaderBuilder(memory);
  const picture = builder.write(IMAGE_GRID, 'u32');
  const values = builder.read(images.buffer, 'f32');
  const gridWidth = columns * width;
  const gridHeight = Math.ceil(count / columns) * height;
  const byte = (channel: number): string => `byte_of(${values}[value + ${channel}u])`;
  const colour =
    channels === 1 ? `${byte(0)} * 0x010101u` : `${byte(0)} | (${byte(1)} << 8u) | (${byte(2)} << 16u)`;
  const text = `
${constantArray('LEAST', leastValues())}
fn byte_of(value: f32) -> u32 {
  var byte = 0u;
  for (var step = 128u; step > 0u; step >>= 1u) {
    byte = select(byte, byte + step, value >= LEAST[byte + step]);
  }
  return byte;
}
@compute @workgroup_size(${BLOCK}, ${BLOCK})
fn main(@builtin(global_invocation_id) at: vec3u) {
  if ((at.x >= ${gridWidth}u) | (at.y >= ${gridHeight}u)) { return; }
  let image = at.y / ${height}u * ${columns}u + at.x / ${width}u;
  var colour = 0u;
  if (image < ${count}u) {
    let pixel = (image * ${height}u + at.y % ${height}u) * ${width}u + at.x % ${width}u;
    let value = ${images.offset}u + pixel * ${channels}u;
    colour = ${colour};
  }
  ${picture}[at.y * ${gridWidth}u + at.x] = colour | 0xff000000u;
}`;
  return builder.finish('image grid', text, [Math.ceil(gridWidth / BLOCK), Math.ceil(gridHeight / BLOCK), 1]);
}
