/**
 * Batch norm's operations: statistics forward; S1, S2 and the gradients of gamma and beta backward; scale and shift
 * from the running statistics for inference. Where the plan says so, a last pass over the tensor stores it
 * normalised (backward: its gradient), so that products read it as it is.
 *
 * A workgroup owns one group of channels (four, or one) and takes the segments in order, so that running
 * statistics move in the order of the passes and no workgroup waits for another. Each of its threads takes every
 * 256th position (64th on a software adapter); the threads' partial sums are added in one order on every device. For a
 * GPU a thread loads several positions before it uses the first of them.
 *
 * Statistics are those of Chan, Golub, LeVeque ("Algorithms for computing the sample variance",
 * 1983), two passes: the mean, then M2 = sum (x - mean)^2; the running variance takes M2 / (n - 1).
 * Backward, with x' = (y - mean) rstd: S1 = sum g, S2 = sum g x', and the coefficients of
 * p g + q y + r: p = gamma rstd, q = -p rstd S2 / n, r = -p S1 / n - q mean.
 */

import { sideSize } from '../../plan/geometry.js';
import type { NormGradientOp, NormInferenceOp, NormStatisticsOp } from '../../plan/operations.js';
import { ifAny, onlyIf, positionsOf } from './positions.js';
import { mainOf, MANY_THREADS, sumFunction, THREADS, type Reduction } from './reduce.js';
import { float } from './shader-text.js';
import { builderFor, ShaderBuilder, type Memory, type NumberKind, type Shader } from './shader.js';
import {
  snippetsText,
  loadText,
  segmentFunctions,
  tensorText,
  valueType,
  widthOf,
  writeTensor,
  type Width,
} from './view.js';

/** An assignment to the element (or four) at an index of a bound array. */
function assign(name: string, index: string, width: Width, value: string): string {
  return `${name}[(${index})${width === 4 ? ' / 4u' : ''}] = ${value};`;
}

/** A software adapter's threads cost it much at a barrier. */
function threadsOf(isUnrolled: boolean): number {
  return isUnrolled ? MANY_THREADS : THREADS;
}

/** `isUnrolled`: see `positionsOf`. */
export function normStatisticsShader(
  operation: NormStatisticsOp,
  memory: Memory,
  numbers: NumberKind,
  isUnrolled: boolean,
  reduction: Reduction,
): Shader {
  const { side, segments, source, norm, updatesRunning, target, applied, name } = operation;
  const { channels } = side;
  const builder = builderFor(memory, numbers, segments.length);
  const width = widthOf(channels);
  const type = valueType(width);
  const statistics = memory.tensor(target);
  const out = builder.write(statistics.buffer, type);
  const gamma = memory.parameter(norm.gamma);
  if (updatesRunning) builder.write(gamma.buffer, type);
  const parameter = (which: 'gamma' | 'beta' | 'movingMean' | 'movingVariance'): string =>
    loadText(
      builder,
      gamma.buffer,
      `${builder.whole(memory.parameter(norm[which]).offset)} + channel`,
      width,
    );
  const row = (which: number): string => `statistics_at + ${which}u * channels`;
  const element = (position: string): string => `first + ${position} * channels`;
  const counts = segments.map(({ rows }) => rows * side.height * side.width);
  const threads = threadsOf(isUnrolled);
  const positions = positionsOf(
    Math.max(...counts),
    threads,
    isUnrolled,
    1,
    (nth, position) => `let x_${nth} = ${tensorText(builder, source, element(position), width)};`,
  );
  const storeApplied = (): string => {
    if (applied === null) return '';
    const place = memory.tensor(applied.target);
    const normalised = writeTensor(builder, applied.target, width);
    const snippets = snippetsText(builder, applied.epilogue.slice(1), side, width);
    return positions.each(
      (nth, has) => `{
      let position = position_${nth};
      var x = fma(x_${nth}, scale, shift);
      ${snippets}
      ${onlyIf(has, assign(normalised.array, `${builder.whole(place.offset)} + ${element('position')}`, width, normalised.stored('x')))}
    }`,
    );
  };
  const text = `
${segmentFunctions(builder, segments)}
${sumFunction(type, threads, reduction)}
${mainOf(threads)} {
  let channel = group.x * ${width}u;
  let channels = ${builder.whole(channels)};
  let gamma = ${parameter('gamma')};
  let beta = ${parameter('beta')};
  ${updatesRunning ? `var moving_mean = ${parameter('movingMean')};\n  var moving_variance = ${parameter('movingVariance')};\n  let keep = ${builder.real(norm.momentum)};\n  let take = ${builder.real(1 - norm.momentum)};` : ''}
  for (var index = 0u; index < ${builder.whole(segments.length)}; index++) {
    let segment = segment_at(index);
    let count = ${builder.pick(counts, 'index')};
    let first = segment.forward_row * ${builder.whole(sideSize(side))} + channel;
    let statistics_at = ${builder.whole(statistics.offset)} + segment.forward_segment * 4u * channels + channel;
    ${positions.before}
    var mean = ${type}(0);
    var m2 = ${type}(0);
    // One text for both passes: the sum of x, then that of (x - mean)^2.
    for (var round = 0u; round < 2u; round++) {
      var sum = ${type}(0);
      ${positions.each(
        (nth, has) => `let deviation_${nth} = x_${nth} - mean;
      sum = fma(deviation_${nth}, ${ifAny(`select(deviation_${nth}, ${type}(1), round == 0u)`, has, type)}, sum);`,
      )}
      let total = sum_of_threads(sum, thread);
      if (round == 0u) { mean = total / f32(count); } else { m2 = total; }
    }
    let rstd = ${type}(1) / sqrt(m2 / f32(count) + ${builder.real(norm.epsilon)});
    let scale = gamma * rstd;
    let shift = beta - mean * scale;
    if (thread == 0u) {
      ${assign(out, row(0), width, 'mean')}
      ${assign(out, row(1), width, 'rstd')}
      ${assign(out, row(2), width, 'scale')}
      ${assign(out, row(3), width, 'shift')}
    }
    ${storeApplied()}
    ${
      updatesRunning
        ? `// TensorFlow keeps the unbiased variance, and the biased one where there is a single value.
    moving_mean = moving_mean * keep + mean * take;
    moving_variance = moving_variance * keep + m2 / f32(max(count, 2u) - 1u) * take;`
        : ''
    }
  }
  ${
    updatesRunning
      ? `if (thread == 0u) {
    ${assign(builder.read(gamma.buffer, type), `${builder.whole(memory.parameter(norm.movingMean).offset)} + channel`, width, 'moving_mean')}
    ${assign(builder.read(gamma.buffer, type), `${builder.whole(memory.parameter(norm.movingVariance).offset)} + channel`, width, 'moving_variance')}
  }`
      : ''
  }
}`;
  return builder.finish(`norm statistics ${name}`, text, [channels / width, 1, 1]);
}

export function normInferenceShader(operation: NormInferenceOp, memory: Memory): Shader {
  const { channels, norm, target, name } = operation;
  const builder = new ShaderBuilder(memory);
  const { buffer, offset } = memory.tensor(target);
  const out = builder.write(buffer, 'f32');
  const parameter = (which: 'gamma' | 'beta' | 'movingMean' | 'movingVariance'): string => {
    const place = memory.parameter(norm[which]);
    return loadText(builder, place.buffer, `${place.offset}u + channel`, 1);
  };
  const text = `
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= ${channels}u) { return; }
  let mean = ${parameter('movingMean')};
  let rstd = 1f / sqrt(${parameter('movingVariance')} + ${float(norm.epsilon)});
  let scale = ${parameter('gamma')} * rstd;
  ${out}[${offset}u + channel] = mean;
  ${out}[${offset + channels}u + channel] = rstd;
  ${out}[${offset + 2 * channels}u + channel] = scale;
  ${out}[${offset + 3 * channels}u + channel] = ${parameter('beta')} - mean * scale;
}`;
  return builder.finish(`norm inference ${name}`, text, [Math.ceil(channels / THREADS), 1, 1]);
}

/** `isUnrolled`: see `positionsOf`. */
export function normGradientShader(
  operation: NormGradientOp,
  memory: Memory,
  numbers: NumberKind,
  isUnrolled: boolean,
  reduction: Reduction,
): Shader {
  const { side, segments, source, raw, statistics, norm, coefficients, gradient, applied, name } = operation;
  const { channels } = side;
  const builder = builderFor(memory, numbers, segments.length);
  const width = widthOf(channels);
  const type = valueType(width);
  const place = memory.tensor(coefficients);
  const out = builder.write(place.buffer, type);
  const ofParameters = gradient === null ? null : memory.tensor(gradient);
  const ofParametersOut = ofParameters === null ? '' : builder.write(ofParameters.buffer, type);
  const gamma = memory.parameter(norm.gamma);
  // S1 and S2 beside each other, so that the threads add up once.
  const sums = width === 4 ? 'mat2x4f' : 'vec2f';
  const gradientElement = (position: string): string => `gradient_first + ${position} * channels`;
  const counts = segments.map(({ rows }) => rows * side.height * side.width);
  const threads = threadsOf(isUnrolled);
  const positions = positionsOf(
    Math.max(...counts),
    threads,
    isUnrolled,
    2,
    (nth, position) => `let g_${nth} = ${tensorText(builder, source, gradientElement(position), width)};
      let y_${nth} = ${tensorText(builder, raw, `raw_first + ${position} * channels`, width)};`,
  );
  const statistic = (which: number): string =>
    tensorText(builder, statistics, `(segment.forward_segment * 4u + ${which}u) * channels + channel`, width);
  const storeApplied = (): string => {
    if (applied === null) return '';
    const appliedPlace = memory.tensor(applied);
    const stored = builder.write(appliedPlace.buffer, type);
    return positions.each((nth, has) =>
      onlyIf(
        has,
        assign(
          stored,
          `${builder.whole(appliedPlace.offset)} + ${gradientElement(`position_${nth}`)}`,
          width,
          `fma(p, g_${nth}, fma(q, y_${nth}, r))`,
        ),
      ),
    );
  };
  const row = (which: number): string => `coefficients_at + ${which}u * channels`;
  const text = `
${segmentFunctions(builder, segments)}
${sumFunction(sums, threads, reduction)}
${mainOf(threads)} {
  let channel = group.x * ${width}u;
  let channels = ${builder.whole(channels)};
  let gamma = ${loadText(builder, gamma.buffer, `${builder.whole(gamma.offset)} + channel`, width)};
  var gamma_gradient = ${type}(0);
  var beta_gradient = ${type}(0);
  for (var index = 0u; index < ${builder.whole(segments.length)}; index++) {
    let segment = segment_at(index);
    let count = ${builder.pick(counts, 'index')};
    let row_size = ${builder.whole(sideSize(side))};
    let gradient_first = segment.gradient_row * row_size + channel;
    let raw_first = segment.forward_row * row_size + channel;
    let coefficients_at = ${builder.whole(place.offset)} + segment.gradient_segment * 3u * channels + channel;
    let mean = ${statistic(0)};
    let rstd = ${statistic(1)};
    ${positions.before}
    var sum = ${type}(0);
    var product = ${type}(0);
    ${positions.each((nth, has) => {
      const g = ifAny(`g_${nth}`, has, type);
      return `sum += ${g};
      product = fma(${g}, (y_${nth} - mean) * rstd, product);`;
    })}
    let total = sum_of_threads(${sums}(sum, product), thread);
    let s1 = total[0];
    let s2 = total[1];
    let p = gamma * rstd;
    let q = -p * rstd * s2 / f32(count);
    let r = -p * s1 / f32(count) - q * mean;
    if (thread == 0u) {
      ${assign(out, row(0), width, 'p')}
      ${assign(out, row(1), width, 'q')}
      ${assign(out, row(2), width, 'r')}
    }
    ${storeApplied()}
    if (${builder.pick(
      segments.map(({ trains }) => (trains ? 1 : 0)),
      'index',
    )} == 1u) {
      gamma_gradient += s2;
      beta_gradient += s1;
    }
  }
  ${
    ofParameters === null
      ? ''
      : `if (thread == 0u) {
    ${assign(ofParametersOut, `${builder.whole(ofParameters.offset)} + channel`, width, 'gamma_gradient')}
    ${assign(ofParametersOut, `${builder.whole(ofParameters.offset)} + channels + channel`, width, 'beta_gradient')}
  }`
  }
}`;
  return builder.finish(`norm gradient ${name}`, text, [channels / width, 1, 1]);
}
