/**
 * Group norm of each row, forward and backward. A workgroup owns one group of channels of one row; backward, further
 * ones each sum four channels (or one) over a split of the rows, for gamma and beta. Its threads take every 64th
 * vector; their partial sums are added in order.
 *   forward:  mean, variance = mean (x - mean)^2 in two passes; gamma (x - mean) rstd + beta
 *   backward, x' = (x - mean) rstd:  rstd (gamma g - M(gamma g) - x' M(gamma g x')), M the mean over the group
 *
 * Source: Wu and He, "Group normalization" (2018), equations 2 to 6.
 *
 * Bindings: source, and backward raw and statistics, parameters, what the epilogue reads (read); target, forward
 * statistics, backward gradients (read_write).
 */

import { sideSize } from '../../plan/geometry.js';
import type { GroupNormGradientOp, GroupNormOp, OpSegment } from '../../plan/operations.js';
import { MAIN, sumFunction, THREADS, type Reduction } from './reduce.js';
import { pick } from './shader-text.js';
import { builderFor, type Memory, type NumberKind, type Shader, type ShaderBuilder } from './shader.js';
import {
  loadText,
  segmentFunctions,
  snippetsText,
  tensorText,
  valueType,
  widthOf,
  writeTensor,
  type Width,
} from './view.js';

function rowsOf(segments: readonly OpSegment[]): number {
  return segments.reduce((sum, { rows }) => sum + rows, 0);
}

/** Text that finds the `segment` of row `number` of all, and the `row` within it. */
function segmentText(builder: ShaderBuilder, segments: readonly OpSegment[], number: string): string {
  const starts = segments.map((_, index) => rowsOf(segments.slice(0, index)));
  return `var segment_index = 0u;
  for (var index = 1u; index < ${builder.whole(segments.length)}; index++) {
    if (${number} >= ${builder.pick(starts, 'index')}) { segment_index = index; }
  }
  let segment = segment_at(segment_index);
  let row = ${number} - ${builder.pick(starts, 'segment_index')};`;
}

/** Expression of the sum of a value's channels. */
function sumOfChannels(value: string, width: Width): string {
  return width === 4 ? `dot(${value}, vec4f(1))` : value;
}

/** Index into an array of values of a width. */
function indexOf(element: string, width: Width): string {
  return width === 4 ? `(${element}) / 4u` : element;
}

export function groupNormShader(
  operation: GroupNormOp,
  memory: Memory,
  numbers: NumberKind,
  reduction: Reduction,
): Shader {
  const { side, segments, source, norm, statistics, epilogue, target, name } = operation;
  const { channels } = side;
  const perGroup = channels / norm.groups;
  const area = side.height * side.width;
  const builder = builderFor(memory, numbers, segments.length);
  const width = widthOf(perGroup);
  const type = valueType(width);
  const place = memory.tensor(target);
  const out = writeTensor(builder, target, width);
  const ofRows = memory.tensor(statistics);
  const statisticsOut = builder.write(ofRows.buffer, 'f32');
  const vectors = perGroup / width;
  const count = area * vectors;
  const divided = builder.divider('per_position', vectors, count);
  const parameter = (which: 'gamma' | 'beta'): string => {
    const { buffer, offset } = memory.parameter(norm[which]);
    return loadText(builder, buffer, `${builder.whole(offset)} + channel`, width);
  };
  const walk = `let down = ${divided.of('item')};
      let channel = first_channel + (item - down * vectors) * ${width}u;`;
  const element = 'first + down * channels + channel';
  const text = `
${segmentFunctions(builder, segments)}
${sumFunction('f32', THREADS, reduction)}
${MAIN} {
  ${segmentText(builder, segments, 'group.y')}
  ${divided.text}
  let channels = ${builder.whole(channels)};
  let vectors = ${builder.whole(vectors)};
  let first_channel = group.x * vectors * ${width}u;
  let count = ${builder.whole(count)};
  let size = f32(count * ${width}u);
  let forward_row = segment.forward_row + row;
  let first = forward_row * ${builder.whole(sideSize(side))};
  var mean = 0f;
  var variance = 0f;
  // One text for both passes: the sum of x, then that of (x - mean)^2.
  for (var round = 0u; round < 2u; round++) {
    var sum = ${type}(0);
    for (var item = thread; item < count; item += ${THREADS}u) {
      ${walk}
      let deviation = ${tensorText(builder, source, element, width)} - mean;
      sum = fma(deviation, select(deviation, ${type}(1), round == 0u), sum);
    }
    let total = sum_of_threads(${sumOfChannels('sum', width)}, thread) / size;
    if (round == 0u) { mean = total; } else { variance = total; }
  }
  let rstd = 1f / sqrt(variance + ${builder.real(norm.epsilon)});
  if (thread == 0u) {
    let groups = ${builder.whole(norm.groups)};
    let statistics_at = ${builder.whole(ofRows.offset)} + forward_row * 2u * groups + group.x;
    ${statisticsOut}[statistics_at] = mean;
    ${statisticsOut}[statistics_at + groups] = rstd;
  }
  let area = ${builder.whole(area)};
  for (var item = thread; item < count; item += ${THREADS}u) {
    ${walk}
    let position = row * area + down;
    var x = fma((${tensorText(builder, source, element, width)} - mean) * rstd, ${parameter('gamma')}, ${parameter('beta')});
    ${snippetsText(builder, epilogue, side, width)}
    ${out.array}[${indexOf(`${builder.whole(place.offset)} + ${element}`, width)}] = ${out.stored('x')};
  }
}`;
  return builder.finish(`group norm ${name}`, text, [norm.groups, rowsOf(segments), 1]);
}

export function groupNormGradientShader(
  operation: GroupNormGradientOp,
  memory: Memory,
  numbers: NumberKind,
  reduction: Reduction,
): Shader {
  const { side, segments, source, raw, statistics, norm, target, gradient, name } = operation;
  const splits = gradient === null ? [] : operation.splits;
  const { channels } = side;
  const perGroup = channels / norm.groups;
  const area = side.height * side.width;
  const builder = builderFor(memory, numbers, Math.max(segments.length, splits.length));
  const width = widthOf(perGroup);
  const type = valueType(width);
  const sums = width === 4 ? 'mat2x4f' : 'vec2f';
  const place = memory.tensor(target);
  const stored = builder.write(place.buffer, type);
  const vectors = perGroup / width;
  const mostItems = Math.max(area * vectors, ...splits.map(({ rows }) => rows * area));
  const perPosition = builder.divider('per_position', vectors, area * vectors);
  const perRow = builder.divider('per_row', area, mostItems);
  const perGroupOf = builder.divider('per_group', perGroup, channels);
  const statistic = (which: number): string =>
    tensorText(
      builder,
      statistics,
      `((forward_row + ${perRow.of('down')}) * 2u + ${which}u) * groups + ${perGroupOf.of('channel')}`,
      1,
    );
  const gamma = memory.parameter(norm.gamma);
  const gammaText = loadText(builder, gamma.buffer, `${builder.whole(gamma.offset)} + channel`, width);
  const element = (row: string): string => `${row} * row_size + down * channels + channel`;
  /** The element of the loop: its place, g (times gamma, for the target's sake) and x'. */
  const walk = (isSplit: string): string => `let down = select(${perPosition.of('item')}, item, ${isSplit});
    let channel = first_channel + select((item - down * vectors) * ${width}u, 0u, ${isSplit});
    let g = ${tensorText(builder, source, element('gradient_row'), width)} * select(${gammaText}, ${type}(1), ${isSplit});
    let normalised = (${tensorText(builder, raw, element('forward_row'), width)} - ${statistic(0)}) * ${statistic(1)};`;
  const rowGroups = rowsOf(segments) * norm.groups;
  const columns = channels / width;
  const splitText = (): string => {
    if (gradient === null) return '';
    const ofParameters = memory.tensor(gradient);
    const out = builder.write(ofParameters.buffer, type);
    const at = `${builder.whole(ofParameters.offset)} + split * 2u * channels + first_channel`;
    return `
  if (is_split) {
    if (thread == 0u) {
      let split = ${pickOf(builder, splits, 'split', 'split_index')};
      ${out}[${indexOf(at, width)}] = total[1];
      ${out}[${indexOf(`${at} + channels`, width)}] = total[0];
    }
    return;
  }`;
  };
  const splitStart = `
  let split_index = ${splits.length === 0 ? '0u' : `(group.x - min(group.x, row_groups)) / columns`};
  let is_split = group.x >= row_groups;
  if (is_split) {
    first_channel = ((group.x - row_groups) - split_index * columns) * ${width}u;
    forward_row = ${pickOf(builder, splits, 'forwardRow', 'split_index')};
    gradient_row = ${pickOf(builder, splits, 'gradientRow', 'split_index')};
    count = ${pickOf(builder, splits, 'rows', 'split_index')} * area;
  }`;
  const text = `
${segmentFunctions(builder, segments)}
${sumFunction(sums, THREADS, reduction)}
${MAIN} {
  let groups = ${builder.whole(norm.groups)};
  let row_groups = ${builder.whole(rowGroups)};
  let columns = ${builder.whole(columns)};
  let channels = ${builder.whole(channels)};
  let row_size = ${builder.whole(sideSize(side))};
  let area = ${builder.whole(area)};
  let vectors = ${builder.whole(vectors)};
  ${perPosition.text}
  ${perRow.text}
  ${perGroupOf.text}
  let number = min(group.x, row_groups - 1u) / groups;
  ${segmentText(builder, segments, 'number')}
  var first_channel = (group.x - number * groups) * vectors * ${width}u;
  var forward_row = segment.forward_row + row;
  var gradient_row = segment.gradient_row + row;
  var count = area * vectors;
  ${splitStart}
  var own = ${sums}();
  for (var item = thread; item < count; item += ${THREADS}u) {
    ${walk('is_split')}
    own[0] += g;
    own[1] = fma(g, normalised, own[1]);
  }
  let total = sum_of_threads(own, thread);
  ${splitText()}
  let size = f32(count * ${width}u);
  let mean_g = ${sumOfChannels('total[0]', width)} / size;
  let mean_product = ${sumOfChannels('total[1]', width)} / size;
  for (var item = thread; item < count; item += ${THREADS}u) {
    ${walk('false')}
    let x = ${statistic(1)} * (g - mean_g - normalised * mean_product);
    ${stored}[${indexOf(`${builder.whole(place.offset)} + ${element('gradient_row')}`, width)}] = x;
  }
}`;
  return builder.finish(`group norm gradient ${name}`, text, [rowGroups + splits.length * columns, 1, 1]);
}

/** A number of each split by its index; 0 where there are none. */
function pickOf(
  builder: ShaderBuilder,
  splits: GroupNormGradientOp['splits'],
  field: 'split' | 'forwardRow' | 'gradientRow' | 'rows',
  index: string,
): string {
  const values = splits.map((split) => split[field]);
  if (values.length === 0) return '0u';
  return builder.isData ? builder.pick(values, index) : pick(values, index);
}
