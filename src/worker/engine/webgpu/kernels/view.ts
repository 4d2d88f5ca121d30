/**
 * How an operation's text reads and writes tensors: the segment struct, and the plan's snippets as
 * WGSL. Four neighbouring channels are one vec4f wherever the channels are a multiple of four. What is stored as
 * float16 is float32 from where it is read to where it is written.
 *
 * In every text here `position` counts pixels from the segment's first row, `channel` is the first of
 * the channels taken, and `x` is the value on its way through a prologue or an epilogue.
 */

import { sideSize, type Side } from '../../plan/geometry.js';
import type { Activation, OpSegment, PlanTensor, Snippet, TensorId, View } from '../../plan/operations.js';
import { PARAMETERS, type ElementType, type ShaderBuilder } from './shader.js';

/** Beyond it tanh is 1 in float32; some devices overflow inside for larger arguments. */
const TANH_LIMIT = 10;

/** Channels that one value holds. */
export type Width = 1 | 4;

export function widthOf(channels: number): Width {
  return channels % 4 === 0 ? 4 : 1;
}

export function valueType(width: Width): 'f32' | 'vec4f' {
  return width === 4 ? 'vec4f' : 'f32';
}

/**
 * Declares `Segment` and `segment_at(index)`: first rows of the segment in forward, gradient and
 * target tensors and within its pass, and its indices, of which `index` is that among `segments`.
 */
export function segmentFunctions(
  builder: ShaderBuilder,
  segments: readonly (OpSegment & { readonly split?: number })[],
): string {
  const fields: Record<string, readonly number[]> = {
    forward_row: segments.map(({ forwardRow }) => forwardRow),
    pass_row: segments.map(({ passRow }) => passRow),
    forward_segment: segments.map(({ forwardSegment }) => forwardSegment),
    gradient_row: segments.map(({ gradientRow }) => gradientRow),
    gradient_segment: segments.map(({ gradientSegment }) => gradientSegment),
    target_row: segments.map(({ targetRow }) => targetRow),
    instance: segments.map(({ instance }) => instance),
    split: segments.map(({ split }, index) => split ?? index),
    index: segments.map((_, index) => index),
  };
  return `
struct Segment { ${Object.keys(fields)
    .map((name) => `${name}: u32`)
    .join(', ')} }
fn segment_at(index: u32) -> Segment {
  return Segment(${Object.values(fields)
    .map((values) => builder.pick(values, 'index'))
    .join(', ')});
}
`;
}

/** The element (or the four from it on) at an element index of a buffer. */
export function loadText(builder: ShaderBuilder, buffer: string, index: string, width: Width): string {
  const name = builder.read(buffer, valueType(width));
  return width === 4 ? `${name}[(${index}) / 4u]` : `${name}[${index}]`;
}

/** How a tensor's values of a width lie in its buffer. */
function storedType({ type }: PlanTensor, width: Width): ElementType {
  if (type === 'f16') return width === 4 ? 'vec4h' : 'f16';
  return valueType(width);
}

/** The element (or the four from it on) at an element index of a tensor's buffer. */
function elementText(builder: ShaderBuilder, id: TensorId, index: string, width: Width): string {
  const { buffer, tensor } = builder.memory.tensor(id);
  if (tensor.type !== 'f16') return loadText(builder, buffer, index, width);
  const name = builder.read(buffer, storedType(tensor, width));
  return width === 4 ? `vec4f(${name}[(${index}) / 4u])` : `f32(${name}[${index}])`;
}

/** Element (or four) of a tensor; `index` counts within the tensor. */
export function tensorText(builder: ShaderBuilder, id: TensorId, index: string, width: Width): string {
  const { offset } = builder.memory.tensor(id);
  return elementText(builder, id, `${builder.whole(offset)} + ${index}`, width);
}

/** A tensor bound to be written: its array, and the expression of a value as it is stored. */
export interface WrittenTensor {
  readonly array: string;
  readonly stored: (value: string) => string;
}

/** Binds a tensor to be written by values of a width. Ask before any read of its buffer. */
export function writeTensor(builder: ShaderBuilder, id: TensorId, width: Width): WrittenTensor {
  const { buffer, tensor } = builder.memory.tensor(id);
  const type = storedType(tensor, width);
  const array = builder.write(buffer, type);
  return { array, stored: (value) => (tensor.type === 'f16' ? `${type}(${value})` : value) };
}

/** Where the parameter of the segment's instance begins in the buffer of all parameters. */
export function parameterStart(builder: ShaderBuilder, names: readonly string[]): string {
  return builder.pick(
    names.map((name) => builder.memory.parameter(name).offset),
    'segment.instance',
  );
}

/** Element (or four) of the parameter of the segment's instance; `index` counts within it. */
export function parameterText(
  builder: ShaderBuilder,
  names: readonly string[],
  index: string,
  width: Width,
): string {
  return loadText(builder, PARAMETERS, `${parameterStart(builder, names)} + ${index}`, width);
}

function activationText(builder: ShaderBuilder, activation: Activation, x: string, width: Width): string {
  const type = valueType(width);
  switch (activation.name) {
    case 'relu':
      // As data, one text for both: a slope of 0, whose zeros may have a sign.
      if (!builder.isData) return `max(${x}, ${type}(0))`;
      return activationText(builder, { name: 'leakyRelu', alpha: 0 }, x, width);
    case 'leakyRelu':
      return `select(${x} * ${builder.real(activation.alpha)}, ${x}, ${x} >= ${type}(0))`;
    case 'tanh':
      return `tanh(clamp(${x}, ${type}(-${TANH_LIMIT}), ${type}(${TANH_LIMIT})))`;
    default:
      return activation satisfies never;
  }
}

function derivativeText(builder: ShaderBuilder, activation: Activation, at: string, width: Width): string {
  const type = valueType(width);
  switch (activation.name) {
    case 'relu':
      return `select(${type}(0), ${type}(1), ${at} > ${type}(0))`;
    case 'leakyRelu':
      return `select(${type}(${builder.real(activation.alpha)}), ${type}(1), ${at} > ${type}(0))`;
    case 'tanh':
      return `(${type}(1) - ${at} * ${at})`;
    default:
      return activation satisfies never;
  }
}

/** Statements that apply a prologue or an epilogue to the variable `x`, an element of the map `side`. */
export function snippetsText(
  builder: ShaderBuilder,
  snippets: readonly Snippet[],
  side: Side,
  width: Width,
  x = 'x',
): string {
  const rowSize = builder.whole(sideSize(side));
  const channels = builder.whole(side.channels);
  const type = valueType(width);
  const element = `position * ${channels} + channel`;
  const forwardElement = `segment.forward_row * ${rowSize} + ${element}`;
  const text = snippets.map((snippet, index): string => {
    switch (snippet.kind) {
      case 'affine': {
        const row = (which: number): string =>
          tensorText(
            builder,
            snippet.statistics,
            `(segment.forward_segment * 4u + ${which}u) * ${channels} + channel`,
            width,
          );
        return `${x} = fma(${x}, ${row(2)}, ${row(3)});`;
      }
      case 'bias':
        return `${x} += ${parameterText(builder, snippet.parameters, 'channel', width)};`;
      case 'activation':
        return `${x} = ${activationText(builder, snippet.activation, x, width)};`;
      case 'mask': {
        const { buffer, offset } = builder.memory.tensor(snippet.bits);
        const bits = builder.read(buffer, 'u32');
        const word = `${builder.whole(offset)} + ${builder.pick(snippet.offsets, 'segment.forward_segment')}`;
        const kept =
          width === 4
            ? `((vec4u(bits_${index}) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u)) == vec4u(1u)`
            : `(bits_${index} & 1u) == 1u`;
        return `let bit_${index} = segment.pass_row * ${rowSize} + ${element};
  let bits_${index} = ${bits}[${word} + (bit_${index} >> 5u)] >> (bit_${index} & 31u);
  ${x} = select(${type}(0), ${x} * ${builder.real(snippet.scale)}, ${kept});`;
      }
      case 'normGradient': {
        const row = (which: number): string =>
          tensorText(
            builder,
            snippet.coefficients,
            `(segment.gradient_segment * 3u + ${which}u) * ${channels} + channel`,
            width,
          );
        const raw = tensorText(builder, snippet.raw, forwardElement, width);
        return `${x} = fma(${row(0)}, ${x}, fma(${row(1)}, ${raw}, ${row(2)}));`;
      }
      case 'activationGradient': {
        const inner = `at_${index}`;
        const at = tensorText(builder, snippet.at, forwardElement, width);
        return `{
    var ${inner} = ${at};
    ${snippetsText(builder, snippet.prologue, side, width, inner)}
    ${x} *= ${derivativeText(builder, snippet.activation, inner, width)};
  }`;
      }
      case 'noise':
        return `${x} = fma(${tensorText(builder, snippet.values, forwardElement, width)}, ${type}(${builder.real(snippet.deviation)}), ${x});`;
      case 'segmentVector': {
        const vector = `segment.gradient_segment * ${rowSize} + (${element}) % ${rowSize}`;
        return `${x} += ${tensorText(builder, snippet.vectors, vector, width)};`;
      }
      default:
        return snippet satisfies never;
    }
  });
  return text.join('\n  ');
}

/** The same where positions and channels are counted in `side`, a view of the `map` with fewer pixels of more channels. */
export function mapSnippetsText(
  builder: ShaderBuilder,
  snippets: readonly Snippet[],
  side: Side,
  map: Side,
  width: Width,
): string {
  const text = snippetsText(builder, snippets, map, width);
  if (text === '' || side.channels === map.channels) return text;
  const pixels = side.channels / map.channels;
  return `{
    let position = position * ${pixels}u + channel / ${map.channels}u;
    let channel = channel % ${map.channels}u;
    ${text}
  }`;
}

function sourceRow({ forwardRow, gradientRow }: OpSegment, { rows }: View): number {
  return rows === 'forward' ? forwardRow : gradientRow;
}

/**
 * Functions that give a view's elements: `<name>_start(segment)`, where the segment's first position lies,
 * and `<name>(at, channel, position, segment)`, the element (or the four) from a channel on of the position that lies
 * at `at`: a loop carries that along; only the prologue needs `position`. Both count in `side`; `map` is what they are of.
 */
export function viewFunctions(
  builder: ShaderBuilder,
  name: string,
  view: View,
  side: Side,
  segments: readonly OpSegment[],
  width: Width,
  map: Side = side,
): string {
  const { offset } = builder.memory.tensor(view.tensor);
  const starts = segments.map((segment) => offset + sourceRow(segment, view) * sideSize(side));
  return `
fn ${name}_start(segment: Segment) -> u32 {
  return ${builder.pick(starts, 'segment.index')};
}
fn ${name}(at: u32, channel: u32, position: u32, segment: Segment) -> ${valueType(width)} {
  var x = ${elementText(builder, view.tensor, 'at + channel', width)};
  ${mapSnippetsText(builder, view.prologue, side, map, width)}
  return x;
}
`;
}
