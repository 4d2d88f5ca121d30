/**
 * The `loss` operation in one thread block: values of the terms, gradients at the logits, metrics, the
 * step's Adam scalars; and it counts the step.
 *   softmax cross-entropy   log sum exp(x - max) + max - x[label];   (softmax(x) - one-hot) / rows
 *   sigmoid cross-entropy   max(x, 0) - t x + log(1 + exp(-|x|));     (sigmoid(x) - t) / rows
 *   feature matching        d = mean f - mean f', mean of d^2;         ±2 d / (size rows)
 * The accuracy counts rows whose first largest logit is at the label. A thread takes every 64th row
 * (feature, element), and the threads' sums are added in order.
 *
 * Bindings: logits, features, labels, rates (read); gradients, results, metrics ring, control.
 */

import { METRIC_NAMES, type MetricName } from '../../../../protocol/reports.js';
import type { CountCorrectOp, LossOp, LossOpTerm } from '../../plan/operations.js';
import { sumFunction } from './reduce.js';
import { float } from './shader-text.js';
import {
  CONTROL,
  CONTROL_WORDS,
  METRICS_RING,
  METRICS_SLOTS,
  RATES,
  ShaderBuilder,
  type Memory,
  type Shader,
} from './shader.js';

const THREADS = 64;

/** Declares `logit`, `label`, `largest_at`, `largest`, `softmax_sum`; rows of the logits tensor. */
function rowFunctions(builder: ShaderBuilder, logitsId: number, width: number, labelsId: number): string {
  const logits = builder.memory.tensor(logitsId);
  const labels = builder.memory.tensor(labelsId);
  return `
fn logit(row: u32, column: u32) -> f32 {
  return ${builder.read(logits.buffer, 'f32')}[${logits.offset}u + row * ${width}u + column];
}
fn label(row: u32) -> u32 { return ${builder.read(labels.buffer, 'u32')}[${labels.offset}u + row]; }
fn largest_at(row: u32) -> u32 {
  var at = 0u;
  var largest = logit(row, 0u);
  for (var column = 1u; column < ${width}u; column++) {
    let value = logit(row, column);
    if (value > largest) { largest = value; at = column; }
  }
  return at;
}
`;
}

function softmaxFunction(width: number): string {
  return `
fn softmax_sum(row: u32, largest: f32) -> f32 {
  var sum = 0f;
  for (var column = 0u; column < ${width}u; column++) { sum += exp(logit(row, column) - largest); }
  return sum;
}
`;
}

type FeatureTerm = Extract<LossOpTerm, { kind: 'featureMatching' }>;

function featureFunction(builder: ShaderBuilder, index: number, term: FeatureTerm): string {
  const { buffer, offset } = builder.memory.tensor(term.features);
  const features = builder.read(buffer, 'f32');
  const mean = (first: number, rows: number): string => `
  sum = 0f;
  for (var row = 0u; row < ${rows}u; row++) { sum += ${features}[${offset + first * term.size}u + row * ${term.size}u + feature]; }`;
  return `
fn difference_${index}(feature: u32) -> f32 {
  var sum: f32;${mean(term.forwardRow, term.rows)}
  let own = sum / ${float(term.rows)};${mean(term.againstRow, term.againstRows)}
  return own - sum / ${float(term.againstRows)};
}
`;
}

function termText(term: LossOpTerm, index: number): string {
  if (term.kind === 'featureMatching') {
    return `  sum = 0f;
  for (var feature = thread; feature < ${term.size}u; feature += ${THREADS}u) {
    let difference = difference_${index}(feature);
    sum = fma(difference, difference, sum);
  }
  sums[${index}] = sum / ${float(term.size)};`;
  }
  const value =
    term.kind === 'softmaxCrossEntropy'
      ? `let largest = logit(${term.forwardRow}u + row, largest_at(${term.forwardRow}u + row));
    sum += log(softmax_sum(${term.forwardRow}u + row, largest)) + largest - logit(${term.forwardRow}u + row, label(row));`
      : `let x = logit(${term.forwardRow}u + row, ${term.column}u);
    sum += max(x, 0f) - x * ${float(term.target)} + log(1f + exp(-abs(x)));`;
  return `  sum = 0f;
  for (var row = thread; row < ${term.rows}u; row += ${THREADS}u) {
    ${value}
  }
  sums[${index}] = sum / ${float(term.rows)};`;
}

/** Adds a term's part to `g`, the gradient at (row of the term's pass, column). */
function gradientText(term: LossOpTerm): string {
  switch (term.kind) {
    case 'softmaxCrossEntropy':
      return `{
      let largest = logit(source, largest_at(source));
      let share = exp(logit(source, column) - largest) / softmax_sum(source, largest);
      g += (share - select(0f, 1f, column == label(row))) / ${float(term.rows)};
    }`;
    case 'sigmoidCrossEntropy':
      return `if (column == ${term.column}u) {
      let x = logit(source, column);
      let power = exp(-abs(x));
      g += (select(power, 1f, x >= 0f) / (1f + power) - ${float(term.target)}) / ${float(term.rows)};
    }`;
    case 'featureMatching':
      return '';
    default:
      return term satisfies never;
  }
}

export function lossShader(operation: LossOp, memory: Memory): Shader {
  const { logits, width, labels, terms, losses, accuracy, segments, logitGradient, featureGradient } =
    operation;
  const builder = new ShaderBuilder(memory);
  const gradient = memory.tensor(logitGradient);
  const gradients = builder.write(gradient.buffer, 'f32');
  const shared = featureGradient === null ? null : memory.tensor(featureGradient.target);
  const vectors = shared === null ? '' : builder.write(shared.buffer, 'f32');
  const scalars = memory.tensor(operation.scalars);
  const results = builder.write(scalars.buffer, 'f32');
  const ring = builder.write(METRICS_RING, 'f32');
  const control = builder.write(CONTROL, 'u32');
  const rates = builder.read(RATES, 'f32');
  const optimisers = operation.optimisers.length;
  const lastRate = memory.sizeOf(RATES) / optimisers - 1;
  const metric = (name: MetricName, value: string): string =>
    `    ${ring}[slot + ${METRIC_NAMES.indexOf(name)}u] = ${value};`;
  const segmentTexts = segments.map(
    ({ rows, forwardRow, gradientRow, terms: own }) => `
  for (var item = thread; item < ${rows * width}u; item += ${THREADS}u) {
    let row = item / ${width}u;
    let column = item % ${width}u;
    let source = ${forwardRow}u + row;
    var g = 0f;
    ${own.map((index) => gradientText(terms[index]!)).join('\n    ')}
    ${gradients}[${gradient.offset + gradientRow * width}u + item] = g;
  }`,
  );
  const featureTexts =
    featureGradient === null
      ? []
      : segments.map((_, index) => {
          const entries = featureGradient.entries.filter(({ gradientSegment }) => gradientSegment === index);
          const parts = entries.map(({ term: at, sign }) => {
            const term = terms[at] as FeatureTerm;
            const rows = sign === 1 ? term.rows : term.againstRows;
            return `difference_${at}(feature) * ${float((sign * 2) / (featureGradient.size * rows))}`;
          });
          return `
  for (var feature = thread; feature < ${featureGradient.size}u; feature += ${THREADS}u) {
    ${vectors}[${shared!.offset + index * featureGradient.size}u + feature] = ${parts.length === 0 ? '0f' : parts.join(' + ')};
  }`;
        });
  const text = `${sumFunction('f32', THREADS)}${rowFunctions(builder, logits, width, labels)}${softmaxFunction(width)}
${terms.map((term, index) => (term.kind === 'featureMatching' ? featureFunction(builder, index, term) : '')).join('')}
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  let step = ${control}[${CONTROL_WORDS.step}];
  var sums: array<f32, ${terms.length + 1}>;
  var sum: f32;
${terms.map(termText).join('\n')}
  sum = 0f;
  for (var row = thread; row < ${accuracy.rows}u; row += ${THREADS}u) {
    sum += select(0f, 1f, largest_at(${accuracy.forwardRow}u + row) == label(row));
  }
  sums[${terms.length}] = sum / ${float(accuracy.rows)};
  for (var i = 0u; i <= ${terms.length}u; i++) { sums[i] = sum_of_threads(sums[i], thread); }
${segmentTexts.join('')}${featureTexts.join('')}
  if (thread == 0u) {
    let slot = (step % ${METRICS_SLOTS}u) * ${METRIC_NAMES.length}u;
${terms.map(({ name }, index) => metric(name, `sums[${index}]`)).join('\n')}
${losses.map(({ name, terms: own }) => metric(name, own.map((index) => `sums[${index}]`).join(' + '))).join('\n')}
${metric('trainAccuracy', `sums[${terms.length}]`)}
    let rate = min(step - ${control}[${CONTROL_WORDS.firstRate}], ${lastRate}u) * ${optimisers}u;
    for (var i = 0u; i < ${optimisers}u; i++) { ${results}[${scalars.offset}u + i] = ${rates}[rate + i]; }
    ${control}[${CONTROL_WORDS.step}] = step + 1u;
  }
}`;
  return builder.finish(`loss ${operation.name}`, text, [1, 1, 1]);
}

/** How many of the first `rows` (control buffer) logits have their largest value at the label. */
export function countCorrectShader(operation: CountCorrectOp, memory: Memory): Shader {
  const { logits, width, labels, target } = operation;
  const builder = new ShaderBuilder(memory);
  const place = memory.tensor(target);
  const out = builder.write(place.buffer, 'u32');
  const control = builder.read(CONTROL, 'u32');
  const text = `${sumFunction('f32', THREADS)}${rowFunctions(builder, logits, width, labels)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0f;
  let rows = min(${control}[${CONTROL_WORDS.rows}], ${operation.rows}u);
  for (var row = thread; row < rows; row += ${THREADS}u) {
    sum += select(0f, 1f, largest_at(row) == label(row));
  }
  let correct = sum_of_threads(sum, thread);
  if (thread == 0u) { ${out}[${place.offset}u] = u32(correct); }
}`;
  return builder.finish(`count ${operation.name}`, text, [1, 1, 1]);
}
