/**
 * The `loss` operation of a phase in one workgroup: values of the terms, gradients at the logits and features, and
 * the phase's metrics. The first of a step also leaves which row of the window has its scalars, the last counts the step.
 *   softmax cross-entropy   log sum exp(x - max) + max - x[label];   (softmax(x) - one-hot) / rows
 *   sigmoid cross-entropy   max(x, 0) - t x + log(1 + exp(-|x|));     (sigmoid(x) - t) / rows
 *   feature matching        d = mean f - mean f', mean of d^2;         ±2 d / (size rows)
 * The gradients are multiplied by the terms' weights. The accuracy counts rows whose first largest logit is at the
 * label. A thread takes every 64th row (feature, element); the threads' partial sums are added in order.
 *
 * Bindings: logits, features, labels (read); gradients, control (read_write).
 */

import type { CountCorrectOp, LabelledRows, LossOp, LossOpTerm, TensorId } from '../../plan/operations.js';
import { sumFunction } from './reduce.js';
import { float } from './shader-text.js';
import {
  CONTROL,
  CONTROL_WORDS,
  METRICS_SLOTS,
  WINDOW_STEPS,
  ShaderBuilder,
  type Memory,
  type Shader,
} from './shader.js';

const THREADS = 64;

/** Functions on the rows of one tensor of logits; `name` tells them from those of another. */
interface LogitText {
  readonly text: string;
  readonly logit: (row: string, column: string) => string;
  readonly largestAt: (row: string) => string;
  readonly softmaxSum: (row: string, largest: string) => string;
}

function logitFunctions(builder: ShaderBuilder, id: TensorId, width: number, name: string): LogitText {
  const { buffer, offset } = builder.memory.tensor(id);
  return {
    logit: (row, column) => `logit${name}(${row}, ${column})`,
    largestAt: (row) => `largest_at${name}(${row})`,
    softmaxSum: (row, largest) => `softmax_sum${name}(${row}, ${largest})`,
    text: `
fn logit${name}(row: u32, column: u32) -> f32 {
  return ${builder.read(buffer, 'f32')}[${offset}u + row * ${width}u + column];
}
fn largest_at${name}(row: u32) -> u32 {
  var at = 0u;
  var largest = logit${name}(row, 0u);
  for (var column = 1u; column < ${width}u; column++) {
    let value = logit${name}(row, column);
    if (value > largest) { largest = value; at = column; }
  }
  return at;
}
fn softmax_sum${name}(row: u32, largest: f32) -> f32 {
  var sum = 0f;
  for (var column = 0u; column < ${width}u; column++) { sum += exp(logit${name}(row, column) - largest); }
  return sum;
}
`,
  };
}

/** The functions of every tensor of logits that a loss reads, by tensor. */
function allLogits(
  builder: ShaderBuilder,
  { terms, accuracy, logits, width }: LossOp,
): ReadonlyMap<TensorId, LogitText> {
  const texts = new Map<TensorId, LogitText>();
  const add = (id: TensorId, columns: number): void => {
    if (texts.has(id)) return;
    texts.set(id, logitFunctions(builder, id, columns, texts.size === 0 ? '' : `_${texts.size}`));
  };
  add(logits, width);
  for (const term of terms) if (term.kind !== 'featureMatching') add(term.logits, term.width);
  if (accuracy !== null) add(accuracy.logits, accuracy.width);
  return texts;
}

/** Expression of the label of row `row` of some labelled rows. */
function labelText(
  builder: ShaderBuilder,
  { labels, labelRow }: Pick<LabelledRows, 'labels' | 'labelRow'>,
  row: string,
): string {
  const { buffer, offset } = builder.memory.tensor(labels);
  return `${builder.read(buffer, 'u32')}[${offset + labelRow}u + ${row}]`;
}

type FeatureTerm = Extract<LossOpTerm, { kind: 'featureMatching' }>;

function featureFunction(builder: ShaderBuilder, index: number, term: FeatureTerm): string {
  const mean = (id: TensorId, first: number, rows: number): string => {
    const { buffer, offset } = builder.memory.tensor(id);
    const features = builder.read(buffer, 'f32');
    return `
  sum = 0f;
  for (var row = 0u; row < ${rows}u; row++) { sum += ${features}[${offset + first * term.size}u + row * ${term.size}u + feature]; }`;
  };
  return `
fn difference_${index}(feature: u32) -> f32 {
  var sum: f32;${mean(term.features, term.forwardRow, term.rows)}
  let own = sum / ${float(term.rows)};${mean(term.against, term.againstRow, term.againstRows)}
  return own - sum / ${float(term.againstRows)};
}
`;
}

function termText(
  builder: ShaderBuilder,
  texts: ReadonlyMap<TensorId, LogitText>,
  term: LossOpTerm,
  index: number,
): string {
  if (term.kind === 'featureMatching') {
    return `  sum = 0f;
  for (var feature = thread; feature < ${term.size}u; feature += ${THREADS}u) {
    let difference = difference_${index}(feature);
    sum = fma(difference, difference, sum);
  }
  sums[${index}] = sum / ${float(term.size)};`;
  }
  const { logit, largestAt, softmaxSum } = texts.get(term.logits)!;
  const row = `${term.forwardRow}u + row`;
  const value =
    term.kind === 'softmaxCrossEntropy'
      ? `let largest = ${logit(row, largestAt(row))};
    sum += log(${softmaxSum(row, 'largest')}) + largest - ${logit(row, labelText(builder, term, 'row'))};`
      : `let x = ${logit(row, `${term.column}u`)};
    sum += max(x, 0f) - x * ${float(term.target)} + log(1f + exp(-abs(x)));`;
  return `  sum = 0f;
  for (var row = thread; row < ${term.rows}u; row += ${THREADS}u) {
    ${value}
  }
  sums[${index}] = sum / ${float(term.rows)};`;
}

/** A factor of a term's weight in front of an expression; a weight of 1 is none. */
function weighted(term: LossOpTerm, expression: string): string {
  if (term.weight.kind === 'scalar') return `scalar(step, ${term.weight.index}u) * ${expression}`;
  return term.weight.value === 1 ? expression : `${float(term.weight.value)} * ${expression}`;
}

/** Adds a term's part to `g`, the gradient at (row of the term's pass, column). */
function gradientText(
  builder: ShaderBuilder,
  texts: ReadonlyMap<TensorId, LogitText>,
  term: LossOpTerm,
): string {
  switch (term.kind) {
    case 'softmaxCrossEntropy': {
      const { logit, largestAt, softmaxSum } = texts.get(term.logits)!;
      const hit = `select(0f, 1f, column == ${labelText(builder, term, 'row')})`;
      return `{
      let largest = ${logit('source', largestAt('source'))};
      let share = exp(${logit('source', 'column')} - largest) / ${softmaxSum('source', 'largest')};
      g += ${weighted(term, `(share - ${hit})`)} / ${float(term.rows)};
    }`;
    }
    case 'sigmoidCrossEntropy': {
      const { logit } = texts.get(term.logits)!;
      const slope = `(select(power, 1f, x >= 0f) / (1f + power) - ${float(term.target)})`;
      return `if (column == ${term.column}u) {
      let x = ${logit('source', 'column')};
      let power = exp(-abs(x));
      g += ${weighted(term, slope)} / ${float(term.rows)};
    }`;
    }
    case 'featureMatching':
      return '';
    default:
      return term satisfies never;
  }
}

/** The gradient that the rows of each segment share at the matched features. */
function featureGradientTexts(
  { terms, segments, featureGradient }: LossOp,
  vectors: string,
  first: number,
): readonly string[] {
  if (featureGradient === null) return [];
  const { size, entries } = featureGradient;
  return segments.map((_, index) => {
    const parts = entries
      .filter(({ gradientSegment }) => gradientSegment === index)
      .map(({ term: at, sign }) => {
        const term = terms[at] as FeatureTerm;
        const rows = sign === 1 ? term.rows : term.againstRows;
        return `${weighted(term, `difference_${at}(feature)`)} * ${float((sign * 2) / (size * rows))}`;
      });
    return `
  for (var feature = thread; feature < ${size}u; feature += ${THREADS}u) {
    ${vectors}[${first + index * size}u + feature] = ${parts.length === 0 ? '0f' : parts.join(' + ')};
  }`;
  });
}

export function lossShader(operation: LossOp, memory: Memory): Shader {
  const { width, terms, losses, accuracy, segments, logitGradient, featureGradient } = operation;
  const builder = new ShaderBuilder(memory);
  const gradient = memory.tensor(logitGradient);
  const gradients = builder.write(gradient.buffer, 'f32');
  const shared = featureGradient === null ? null : memory.tensor(featureGradient.target);
  const vectors = shared === null ? '' : builder.write(shared.buffer, 'f32');
  const control = builder.write(CONTROL, 'u32');
  const { metrics, scalars: scalarCount, ring, window } = memory.control;
  const metric = (index: number, value: string): string =>
    `    ${control}[slot + ${index}u] = bitcast<u32>(${value});`;
  const texts = allLogits(builder, operation);
  const segmentTexts = segments.map(
    ({ rows, forwardRow, gradientRow, terms: own }) => `
  for (var item = thread; item < ${rows * width}u; item += ${THREADS}u) {
    let row = item / ${width}u;
    let column = item % ${width}u;
    let source = ${forwardRow}u + row;
    var g = 0f;
    ${own.map((index) => gradientText(builder, texts, terms[index]!)).join('\n    ')}
    ${gradients}[${gradient.offset + gradientRow * width}u + item] = g;
  }`,
  );
  const featureTexts = featureGradientTexts(operation, vectors, shared?.offset ?? 0);
  const functions = terms.map((term, index) =>
    term.kind === 'featureMatching' ? featureFunction(builder, index, term) : '',
  );
  const termTexts = terms.map((term, index) => termText(builder, texts, term, index));
  const accuracyText =
    accuracy === null
      ? ''
      : `  sum = 0f;
  for (var row = thread; row < ${accuracy.rows}u; row += ${THREADS}u) {
    let is_correct = ${texts.get(accuracy.logits)!.largestAt(`${accuracy.forwardRow}u + row`)} == ${labelText(builder, accuracy, 'row')};
    sum += select(0f, 1f, is_correct);
  }
  sums[${terms.length}] = sum / ${float(accuracy.rows)};`;
  const count = terms.length + (accuracy === null ? 0 : 1);
  const lossText = (own: readonly number[]): string =>
    own.map((index) => weighted(terms[index]!, `sums[${index}]`)).join(' + ');
  const text = `${sumFunction('f32', THREADS)}${[...texts.values()].map((each) => each.text).join('')}${functions.join('')}
fn scalar_row(step: u32) -> u32 {
  return min(step - ${control}[${CONTROL_WORDS.windowStart}], ${WINDOW_STEPS - 1}u);
}
fn scalar(step: u32, index: u32) -> f32 {
  return bitcast<f32>(${control}[${window}u + scalar_row(step) * ${scalarCount}u + index]);
}
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  let step = ${control}[${CONTROL_WORDS.step}];
  var sums: array<f32, ${count}>;
  var sum: f32;
${termTexts.join('\n')}
${accuracyText}
  for (var i = 0u; i < ${count}u; i++) { sums[i] = sum_of_threads(sums[i], thread); }
${segmentTexts.join('')}${featureTexts.join('')}
  if (thread == 0u) {
    let slot = ${ring}u + (step % ${METRICS_SLOTS}u) * ${metrics}u;
${terms.map(({ metric: at }, index) => metric(at, `sums[${index}]`)).join('\n')}
${losses.map(({ metric: at, terms: own }) => metric(at, lossText(own))).join('\n')}
${accuracy === null ? '' : metric(accuracy.metric, `sums[${terms.length}]`)}
    ${operation.isFirst ? `${control}[${CONTROL_WORDS.scalarRow}] = scalar_row(step);` : ''}
    ${operation.isLast ? `${control}[${CONTROL_WORDS.step}] = step + 1u;` : ''}
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
  const { text: functions, largestAt } = logitFunctions(builder, logits, width, '');
  const text = `${sumFunction('f32', THREADS)}${functions}
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0f;
  let rows = min(${control}[${CONTROL_WORDS.rows}], ${operation.rows}u);
  for (var row = thread; row < rows; row += ${THREADS}u) {
    sum += select(0f, 1f, ${largestAt('row')} == ${labelText(builder, { labels, labelRow: 0 }, 'row')});
  }
  let correct = sum_of_threads(sum, thread);
  if (thread == 0u) { ${out}[${place.offset}u] = u32(correct); }
}`;
  return builder.finish(`count ${operation.name}`, text, [1, 1, 1]);
}
