/**
 * The matrix product behind convolutions, transposed convolutions and dense layers: what its three
 * forms share. The tiles that compute them are in `product-register.ts` and `product-shared.ts`.
 *
 * A layer joins a *big* map [images, H, W, C] (a convolution's input, a transposed convolution's
 * output) and a *small* one [images, h, w, D] through a kernel [kh, kw, C, D]; dense is 1 x 1.
 *   gather   small[i, y, x, d] = sum over (ky, kx, c) of big[i, y s + ky - t, x s + kx - l, c] K[ky, kx, c, d]
 *   scatter  big[i, Y, X, c] = sum over (ky, kx, d) of small[i, (Y + t - ky) / s, (X + l - kx) / s, d] K[ky, kx, c, d]
 *            where the divisions leave no remainder
 *   filter   K'[ky, kx, c, d] = sum over (i, y, x) of big[i, y s + ky - t, x s + kx - l, c] small[i, y, x, d]
 * Scatter visits only the taps of its output's phase ((Y + t) mod s, (X + l) mod s): a phase is one
 * layer (z) of the dispatch. Every output is accumulated in one order, taps then channels (filter: images, rows,
 * columns of one split), one fused multiply-add a term, whatever the tile: a tile changes no bit.
 */

import type { Divider, Numbers } from './shader.js';

/** The shapes that a product joins; counts of pixels and channels. */
export interface ProductGeometry {
  /** [height, width, channels] */
  readonly big: readonly [number, number, number];
  readonly small: readonly [number, number, number];
  /** [height, width] */
  readonly kernel: readonly [number, number];
  readonly stride: number;
  /** Rows and columns of padding before the big map: t and l above. */
  readonly padding: readonly [number, number];
}

/** A tile: the outputs of one workgroup, and which of them each of its threads computes. */
export interface Tile {
  readonly kind: 'register' | 'shared';
  /** Threads across (columns) and down (rows). */
  readonly threads: readonly [number, number];
  /** Outputs of one thread: rows, and groups of four columns. */
  readonly rows: number;
  readonly columnGroups: number;
  /** Steps along the reduction that a thread of a register tile reads at a time, where the channels allow four. */
  readonly terms: 1 | 4;
  /**
   * Whether shapes may be data, so that layers share one text: for devices that take long to compile. The compiler
   * of a GPU reckons with shapes.
   */
  readonly sharesText: boolean;
}

/**
 * What a tile's text calls is declared beside it. `Segment` is a struct of whatever the callee needs
 * of a segment, made once a thread by `segment_at(index) -> Segment`. Positions count pixels from the
 * segment's first image; channels are the first of those taken. `<name>_start(segment)` is where the first
 * position lies, `<name>(at, channel, position, segment)` what lies from a channel on of the position at
 * `at`: one f32 or a vec4f, as the tile says (`Widths`).
 */
export interface ForwardProduct {
  readonly form: 'gather' | 'scatter';
  readonly geometry: ProductGeometry;
  /**
   * Images of each segment. A workgroup computes rows of one segment only.
   * Declared beside: `load_input` and `load_input_start`; `kernel_at(segment)`, where the kernel begins,
   * and `load_weight(index)`; `finish_output(position, channel, segment, value)`, the value after the epilogue, and
   * `store_output(position, channel, segment, value)`, `vec4f` where the output's channels are a multiple of four, else `f32`.
   */
  readonly segments: readonly number[];
}

/** Filter gradient: a segment is one split of the reduction (split-K), and has an output of its own. */
export interface FilterProduct {
  readonly form: 'filter';
  readonly geometry: ProductGeometry;
  /**
   * Images of each split. Declared beside: `load_big`, `load_big_start`, `load_small`, `load_small_start`;
   * `store_filter(index, segment, value)` with index into [kh, kw, C, D], `vec4f` where D is a
   * multiple of four, else `f32`; with `hasBias` also `store_bias(channel, segment, value)`.
   */
  readonly splits: readonly number[];
  /** Whether there is one row more, whose big map is 1 everywhere: the gradient of a bias on the small map. */
  readonly hasBias: boolean;
}

/** How many channels each of the operands' functions gives at a time: input and weight, or big and small. */
export interface Widths {
  readonly first: 1 | 4;
  readonly second: 1 | 4;
}

/** A shader's body, what it calls, and the grid that it is dispatched over. */
export interface TiledShader {
  readonly code: string;
  readonly widths: Widths;
  readonly workgroups: readonly [number, number, number];
}

/** What a form reads, writes and how it walks: the same for every tile. */
export interface Walk {
  readonly input: readonly [number, number, number];
  readonly output: readonly [number, number, number];
  /** Output pixels of one phase along each direction (the larger, where phases differ). */
  readonly phaseSize: readonly [number, number];
  /** Phases along each direction: the stride for scatter, else 1. */
  readonly phases: number;
}

export function walkOf({ form, geometry }: ForwardProduct): Walk {
  const { big, small, stride } = geometry;
  if (form === 'gather') {
    return { input: big, output: small, phaseSize: [small[0], small[1]], phases: 1 };
  }
  const phaseSize = [Math.ceil(big[0] / stride), Math.ceil(big[1] / stride)] as const;
  return { input: small, output: big, phaseSize, phases: stride };
}

export function isMultipleOfFour(count: number): boolean {
  return count % 4 === 0;
}

/** Type of a group of columns: a lone output channel is computed as a scalar. */
export function columnType(channels: number): { readonly type: 'f32' | 'vec4f'; readonly width: 1 | 4 } {
  return channels === 1 ? { type: 'f32', width: 1 } : { type: 'vec4f', width: 4 };
}

/**
 * Text that finds a workgroup's `segment`, `segment_rows`, and `tile_row`, the first of its rows
 * within the segment. Rows are output pixels of a phase.
 */
export function segmentText(
  numbers: Numbers,
  segments: readonly number[],
  rowsPerImage: number,
  tileRows: number,
): string {
  const starts = segments.map((_, index) => segmentTiles(segments.slice(0, index), rowsPerImage, tileRows));
  const rows = segments.map((images) => images * rowsPerImage);
  return `var segment_index = 0u;
  for (var index = 1u; index < ${numbers.whole(segments.length)}; index++) {
    if (group.y >= ${numbers.pick(starts, 'index')}) { segment_index = index; }
  }
  let segment_rows = ${numbers.pick(rows, 'segment_index')};
  let tile_row = (group.y - ${numbers.pick(starts, 'segment_index')}) * ${tileRows}u;
  let segment = segment_at(segment_index);`;
}

/** Workgroups down the rows of all segments. */
export function segmentTiles(segments: readonly number[], rowsPerImage: number, tileRows: number): number {
  return segments.reduce((tiles, images) => tiles + Math.ceil((images * rowsPerImage) / tileRows), 0);
}

/** What the texts of one product share: see `placeText`. */
export interface Placing {
  readonly text: string;
  readonly images: Divider;
  readonly lines: Divider;
}

/**
 * Text that declares the shapes (`input_height`, … ) and the phase (`taps_y`, `taps_x`, of a scatter also where it
 * starts) that a workgroup of the dispatch's layer z computes; and how rows are divided into images and lines.
 */
export function placeText(numbers: Numbers, product: ForwardProduct): Placing {
  const { form, geometry } = product;
  const { input, output, phaseSize } = walkOf(product);
  const [height, width] = phaseSize;
  const [kernelHeight, kernelWidth] = geometry.kernel;
  const [top, left] = geometry.padding;
  const most = Math.max(...product.segments) * height * width;
  const images = numbers.divider('per_image', height * width, most);
  const lines = numbers.divider('per_line', width, height * width);
  const shapes = `${images.text}
  ${lines.text}
  let input_height = ${numbers.whole(input[0])};
  let input_width = ${numbers.whole(input[1])};
  let input_size = ${numbers.signed(input[0] * input[1])};
  let image_size = ${numbers.whole(height * width)};
  let line_size = ${numbers.whole(width)};
  let kernel_width = ${numbers.whole(kernelWidth)};
  let stride = ${numbers.whole(geometry.stride)};
  let top = ${numbers.whole(top)};
  let left = ${numbers.whole(left)};`;
  if (form === 'gather') {
    const taps = `let taps_y = ${numbers.signed(kernelHeight)};\n  let taps_x = i32(kernel_width);`;
    return { text: `${shapes}\n  ${taps}`, images, lines };
  }
  // (Y + t) = phase + s j, so the first Y of a phase is (phase - t) mod s.
  const text = `${shapes}
  let output_height = ${numbers.whole(output[0])};
  let output_width = ${numbers.whole(output[1])};
  let phase_y = group.z / stride;
  let phase_x = group.z - phase_y * stride;
  let taps_y = i32((${numbers.whole(kernelHeight + geometry.stride - 1)} - phase_y) / stride);
  let taps_x = i32((kernel_width + stride - 1u - phase_x) / stride);
  let start_y = (phase_y + ${numbers.whole(geometry.stride - (top % geometry.stride))}) % stride;
  let start_x = (phase_x + ${numbers.whole(geometry.stride - (left % geometry.stride))}) % stride;
  let first_y = (start_y + top - phase_y) / stride;
  let first_x = (start_x + left - phase_x) / stride;`;
  return { text, images, lines };
}

/**
 * Text that places one row of a tile: `output_<name>` (its pixel, wrong where
 * `is_row_<name>` is false), `base_<name>` (the image's first input pixel), `y_<name>` and `x_<name>` (input
 * pixel of tap 0). `row` is the row within the segment.
 */
export function rowText(
  { form }: ForwardProduct,
  { images, lines }: Placing,
  name: string,
  row: string,
): string {
  const place = `let row_${name} = min(${row}, segment_rows - 1u);
  let image_${name} = ${images.of(`row_${name}`)};
  let place_${name} = row_${name} - image_${name} * image_size;
  let down_${name} = ${lines.of(`place_${name}`)};
  let across_${name} = place_${name} - down_${name} * line_size;
  let base_${name} = i32(image_${name}) * input_size;`;
  if (form === 'gather') {
    return `${place}
  let is_row_${name} = ${row} < segment_rows;
  let output_${name} = row_${name};
  let y_${name} = i32(down_${name} * stride) - i32(top);
  let x_${name} = i32(across_${name} * stride) - i32(left);`;
  }
  return `${place}
  let out_y_${name} = down_${name} * stride + start_y;
  let out_x_${name} = across_${name} * stride + start_x;
  let is_row_${name} = (${row} < segment_rows) & (out_y_${name} < output_height) & (out_x_${name} < output_width);
  let output_${name} = (image_${name} * output_height + out_y_${name}) * output_width + out_x_${name};
  let y_${name} = i32(down_${name} + first_y);
  let x_${name} = i32(across_${name} + first_x);`;
}

/**
 * Expression: whether signed (y, x) lies in [0, height) x [0, width), which are expressions of u32. Without `&&`, whose branches
 * made SwiftShader's compiler take a minute for eight rows instead of a quarter of a second.
 */
export function insideText(y: string, x: string, height: string, width: string): string {
  return `((u32(${y}) < ${height}) & (u32(${x}) < ${width}))`;
}

/**
 * Text that finds, for the loop's tap, the input pixel of a row placed by `rowText`: `is_inside_<name>`,
 * and `pixel_<name>` (pixel 0 where it is outside).
 */
export function tapText({ form }: ForwardProduct, name: string): string {
  return `let in_y_${name} = ${tapPosition(form, `y_${name}`, 'tap_y')};
      let in_x_${name} = ${tapPosition(form, `x_${name}`, 'tap_x')};
      let is_inside_${name} = ${insideText(`in_y_${name}`, `in_x_${name}`, 'input_height', 'input_width')};
      let pixel_${name} = select(0u, u32(base_${name} + in_y_${name} * i32(input_width) + in_x_${name}), is_inside_${name});`;
}

/** Expression of the input row (or column) that a tap reads: `start` is `y_<name>`, `tap` the loop's. */
export function tapPosition(form: ForwardProduct['form'], start: string, tap: string): string {
  return form === 'gather' ? `${start} + ${tap}` : `${start} - ${tap}`;
}

/** Expression of the kernel's tap [ky * kw + kx] of the loop's `tap_y`, `tap_x`. */
export function kernelTap({ form }: ForwardProduct): string {
  if (form === 'gather') return `(u32(tap_y) * kernel_width + u32(tap_x))`;
  return `((phase_y + u32(tap_y) * stride) * kernel_width + phase_x + u32(tap_x) * stride)`;
}
