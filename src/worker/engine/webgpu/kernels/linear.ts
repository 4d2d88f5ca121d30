/**
 * The plan's linear operations as shaders: `product` (a layer forward, or its input gradient),
 * `filterGradient` and `biasGradient`. Joins the text of a tile with the functions that it calls.
 *
 * Bindings: the source's buffers and those of its prologue and the epilogue, the parameters, the target (read_write).
 */

import { sideSize, type Geometry } from '../../plan/geometry.js';
import type { BiasGradientOp, FilterGradientOp, ProductOp } from '../../plan/operations.js';
import {
  isMultipleOfFour,
  type FilterProduct,
  type ForwardProduct,
  type ProductGeometry,
  type Tile,
} from './product.js';
import { registerFilter, registerForward } from './product-register.js';
import { sharedFilter, sharedForward } from './product-shared.js';
import { ifAny, positionsOf } from './positions.js';
import { mainOf, MANY_THREADS, sumFunction, type Reduction } from './reduce.js';
import { pick } from './shader-text.js';
import {
  builderFor,
  PARAMETERS,
  ShaderBuilder,
  type Memory,
  type NumberKind,
  type Shader,
} from './shader.js';
import {
  mapSnippetsText,
  loadText,
  parameterStart,
  segmentFunctions,
  valueType,
  viewFunctions,
  widthOf,
  writeTensor,
} from './view.js';

/** The tiles in use: what a tuner may change, and nothing else. */
export interface Tiles {
  readonly forward: Tile;
  readonly filter: Tile;
  /** For products whose channels are not in fours. */
  readonly narrow: Tile;
}

/** Whether kernels are written for a software adapter: few threads with much work each, and little text. */
export function areForSoftware({ forward }: Tiles): boolean {
  return forward.sharesText;
}

/** Which tile an operation is computed with. */
export function roleOf({ kind, geometry }: ProductOp | FilterGradientOp): keyof Tiles {
  const { large, small } = geometry;
  if (!isMultipleOfFour(large.channels) || !isMultipleOfFour(small.channels)) return 'narrow';
  return kind === 'product' ? 'forward' : 'filter';
}

/**
 * The geometry that a product is computed by. A kernel that lies over the whole large map and a single pixel are a
 * dense layer, whose kernel and maps lie in memory just so: pixels and channels of the large map are the channels of one
 * pixel. Otherwise every output would try all taps for the one that reaches it. Outputs in fours stay in one pixel.
 */
export function denseGeometry(geometry: Geometry): Geometry {
  const { large, small, kernelHeight, kernelWidth, padTop, padLeft } = geometry;
  const isDense =
    small.height * small.width === 1 &&
    padTop + padLeft === 0 &&
    kernelHeight === large.height &&
    kernelWidth === large.width &&
    isMultipleOfFour(large.channels);
  if (!isDense) return geometry;
  const flat = { height: 1, width: 1, channels: sideSize(large) };
  return { large: flat, small, kernelHeight: 1, kernelWidth: 1, stride: 1, padTop: 0, padLeft: 0 };
}

function toProductGeometry({
  large,
  small,
  kernelHeight,
  kernelWidth,
  stride,
  padTop,
  padLeft,
}: Geometry): ProductGeometry {
  return {
    big: [large.height, large.width, large.channels],
    small: [small.height, small.width, small.channels],
    kernel: [kernelHeight, kernelWidth],
    stride,
    padding: [padTop, padLeft],
  };
}

/** How the text of a tile may take its numbers. */
function numbersOf({ sharesText }: Tile, numbers: NumberKind): NumberKind {
  return sharesText ? numbers : 'text';
}

/** A layer's forward pass or input gradient. */
export function productShader(
  operation: ProductOp,
  memory: Memory,
  tiles: Tiles,
  numbers: NumberKind,
): Shader {
  const { direction, segments, source, kernels, epilogue, target, name } = operation;
  const geometry = denseGeometry(operation.geometry);
  const { large, small } = operation.geometry;
  const isGather = direction === 'toSmall';
  const [from, to] = isGather ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  const [fromMap, toMap] = isGather ? [large, small] : [small, large];
  const product: ForwardProduct = {
    form: isGather ? 'gather' : 'scatter',
    geometry: toProductGeometry(geometry),
    segments: segments.map(({ rows }) => rows),
  };
  const width = widthOf(to.channels);
  const role = roleOf(operation);
  const tile = tiles[role];
  const builder = builderFor(memory, numbersOf(tile, numbers), segments.length);
  const { offset } = memory.tensor(target);
  const out = writeTensor(builder, target, width);
  const row = `segment.target_row * ${builder.whole(sideSize(to))} + position * ${builder.whole(to.channels)}`;
  const index = `${builder.whole(offset)} + ${row} + channel`;
  const isShared = role !== 'narrow' && tile.kind === 'shared';
  const { code, widths, workgroups } = (isShared ? sharedForward : registerForward)(builder, product, tile);
  const text = `
${segmentFunctions(builder, segments)}
${viewFunctions(builder, 'load_input', source, from, segments, widths.first, fromMap)}
fn kernel_at(segment: Segment) -> u32 { return ${parameterStart(builder, kernels)}; }
fn load_weight(index: u32) -> ${valueType(widths.second)} { return ${loadText(builder, PARAMETERS, 'index', widths.second)}; }
fn finish_output(position: u32, channel: u32, segment: Segment, value: ${valueType(width)}) -> ${valueType(width)} {
  var x = value;
  ${mapSnippetsText(builder, epilogue, to, toMap, width)}
  return x;
}
fn store_output(position: u32, channel: u32, segment: Segment, value: ${valueType(width)}) {
  ${out.array}[(${index})${width === 4 ? ' / 4u' : ''}] = ${out.stored('value')};
}
${code}`;
  return builder.finish(`product ${name}`, text, workgroups);
}

/** A kernel's gradient, as split-K partial sums. */
export function filterGradientShader(
  operation: FilterGradientOp,
  memory: Memory,
  tiles: Tiles,
  numbers: NumberKind,
): Shader {
  const { splits, large, small, target, bias, name } = operation;
  const geometry = denseGeometry(operation.geometry);
  const product: FilterProduct = {
    form: 'filter',
    geometry: toProductGeometry(geometry),
    splits: splits.map(({ rows }) => rows),
    hasBias: bias !== null,
  };
  const width = widthOf(geometry.small.channels);
  const role = roleOf(operation);
  const tile = tiles[role];
  const builder = builderFor(memory, numbersOf(tile, numbers), splits.length);
  const { buffer, offset } = memory.tensor(target);
  const stored = builder.write(buffer, valueType(width));
  const biasText = (): string => {
    if (bias === null) return '';
    const { channels } = geometry.small;
    const place = memory.tensor(bias);
    const index = `${builder.whole(place.offset)} + segment.split * ${builder.whole(channels)} + channel`;
    return `
fn store_bias(channel: u32, segment: Segment, value: ${valueType(width)}) {
  ${builder.write(place.buffer, valueType(width))}[(${index})${width === 4 ? ' / 4u' : ''}] = value;
}`;
  };
  const size =
    geometry.kernelHeight * geometry.kernelWidth * geometry.large.channels * geometry.small.channels;
  const isShared = role !== 'narrow' && tile.kind === 'shared';
  const { code, widths, workgroups } = isShared
    ? sharedFilter(product, tile)
    : registerFilter(builder, product, tile);
  const text = `
${segmentFunctions(builder, splits)}
${viewFunctions(builder, 'load_big', large, geometry.large, splits, widths.first, operation.geometry.large)}
${viewFunctions(builder, 'load_small', small, geometry.small, splits, widths.second)}
fn store_filter(index: u32, segment: Segment, value: ${valueType(width)}) {
  ${stored}[(${builder.whole(offset)} + segment.split * ${builder.whole(size)} + index)${width === 4 ? ' / 4u' : ''}] = value;
}${biasText()}
${code}`;
  return builder.finish(`filter gradient ${name}`, text, workgroups);
}

/**
 * A bias' gradient, as split-K partial sums: a workgroup sums one group of channels of one split, each of its
 * threads every 256th position. `isUnrolled`: see `positionsOf`.
 */
export function biasGradientShader(
  operation: BiasGradientOp,
  memory: Memory,
  isUnrolled: boolean,
  reduction: Reduction,
): Shader {
  const { side, splits, source, target, name } = operation;
  const builder = new ShaderBuilder(memory);
  const width = widthOf(side.channels);
  const type = valueType(width);
  const { buffer, offset } = memory.tensor(target);
  const stored = builder.write(buffer, type);
  const counts = splits.map(({ rows }) => rows * side.height * side.width);
  const positions = positionsOf(
    Math.max(...counts),
    MANY_THREADS,
    isUnrolled,
    1,
    (nth, position) =>
      `let x_${nth} = load_source(start_at + ${position} * ${side.channels}u, channel, ${position}, segment);`,
  );
  const text = `
${segmentFunctions(builder, splits)}
${viewFunctions(builder, 'load_source', source, side, splits, width)}
${sumFunction(type, MANY_THREADS, reduction)}
${mainOf(MANY_THREADS)} {
  let channel = group.x * ${width}u;
  let segment = segment_at(group.y);
  let count = ${pick(counts, 'group.y')};
  let start_at = load_source_start(segment);
  ${positions.before}
  var sum = ${type}(0);
  ${positions.each((nth, has) => `sum += ${ifAny(`x_${nth}`, has, type)};`)}
  let total = sum_of_threads(sum, thread);
  if (thread == 0u) {
    ${stored}[(${offset}u + segment.split * ${side.channels}u + channel)${width === 4 ? ' / 4u' : ''}] = total;
  }
}`;
  return builder.finish(`bias gradient ${name}`, text, [side.channels / width, splits.length, 1]);
}
