/**
 * The `loss` operation of a phase. The first workgroup computes values of the terms and the phase's metrics, and the last
 * loss of a step counts the step there; the others share the gradients at the logits and features. l is the logsumexp of
 * a row's logits, t a target, sigma the sigmoid.
 *   softmax cross-entropy     l - x[label];                                    softmax(x) - one-hot
 *   sigmoid cross-entropy     max(x, 0) - t x + log(1 + exp(-|x|));            sigma(x) - t
 *   logsumexp cross-entropy   the same of l;                                   (sigma(l) - t) softmax(x)
 *   pseudo-label              -sum over c of t_c (x_c - l);                    softmax(x) sum t - t_c
 *   confident share           1 where the largest probability is high;         none
 *   contrastive               the losses of a `contrastive` operation;         an operation of its own
 *   feature matching          d = mean f - mean f', mean of d^2 (|d|);         +-2 d / size (sign d / size)
 * Values are means over rows, and gradients divided by rows and multiplied by the terms' weights. The accuracy counts
 * rows whose first largest logit is at the label. A thread takes every 256th row (feature, element).
 *
 * Bindings: logits, features, labels and targets, statistics (read); gradients, control (read_write).
 */

import type { CountCorrectOp, LabelledRows, LossOp, LossOpTerm, TensorId } from '../../plan/operations.js';
import { MANY_THREADS, sumFunction, type Reduction } from './reduce.js';
import { scalarFunction, weightText } from './scalars.js';
import { constantArray, float, lines } from './shader-text.js';
import { CONTROL, CONTROL_WORDS, METRICS_SLOTS, ShaderBuilder, type Memory, type Shader } from './shader.js';

const THREADS = MANY_THREADS;
/** Terms begin with different threads, so that a GPU computes several of them side by side: it runs so many together. */
const TOGETHER = 64;
/** Values that the threads add up at a time. */
const PACK = 4;

type TermOf<K extends LossOpTerm['kind']> = Extract<LossOpTerm, { kind: K }>;
type PseudoTerm = TermOf<'pseudoLabelCrossEntropy'>;

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
  { terms, accuracy, head }: LossOp,
): ReadonlyMap<TensorId, LogitText> {
  const texts = new Map<TensorId, LogitText>();
  const add = ({ logits, width }: { readonly logits: TensorId; readonly width: number }): void => {
    if (texts.has(logits)) return;
    texts.set(logits, logitFunctions(builder, logits, width, texts.size === 0 ? '' : `_${texts.size}`));
  };
  if (head !== null) add(head);
  for (const term of terms) {
    if ('logits' in term) add(term);
    if (term.kind === 'pseudoLabelCrossEntropy' && term.teacher !== null) add(term.teacher);
  }
  if (accuracy !== null) add(accuracy);
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

function featureFunction(builder: ShaderBuilder, index: number, term: TermOf<'featureMatching'>): string {
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

/** Declares `threshold_<index>(class)`: above it a probability is trusted; no probability is above that of no class. */
function thresholdFunction(index: number, thresholds: readonly number[]): string {
  if (thresholds.every((threshold) => threshold === thresholds[0])) {
    const { length } = thresholds;
    return `
fn threshold_${index}(at: u32) -> f32 { return select(2f, ${float(thresholds[0]!)}, at < ${length}u); }
`;
  }
  return `
${constantArray(`THRESHOLDS_${index}`, [...thresholds, 2])}
fn threshold_${index}(at: u32) -> f32 { return THRESHOLDS_${index}[min(at, ${thresholds.length}u)]; }
`;
}

/**
 * Declares `source_<index>(row)`, where a row's target comes from (0: none, 1: the store, 2: the teacher);
 * `target_<index>(row, column, source)`; and `mass_<index>(row, source)`, the sum of a row's targets. Rows count within
 * the term.
 */
function targetFunctions(
  builder: ShaderBuilder,
  texts: ReadonlyMap<TensorId, LogitText>,
  index: number,
  { classes, teacher, store }: PseudoTerm,
): string {
  const stored = (column: string): string => {
    if (store === null) return '0f';
    const { buffer, offset, tensor } = builder.memory.tensor(store.targets);
    const at = `${offset + store.targetRow * classes}u + row * ${classes}u + ${column}`;
    // Among the draws as words, as the labels beside them: one binding for both.
    if (tensor.storage === 'draws') return `bitcast<f32>(${builder.read(buffer, 'u32')}[${at}])`;
    return `${builder.read(buffer, 'f32')}[${at}]`;
  };
  const storeSource =
    store === null
      ? ''
      : `
  var sum = 0f;
  for (var column = 0u; column < ${classes}u; column++) { sum += ${stored('column')}; }
  if (sum > 0f) { return 1u; }`;
  const teacherText = (): {
    readonly source: string;
    readonly target: string;
    readonly functions: string;
  } => {
    if (teacher === null) return { source: 'return 0u;', target: 'return 0f;', functions: '' };
    const { logit, largestAt, softmaxSum } = texts.get(teacher.logits)!;
    const row = `${teacher.forwardRow}u + row`;
    const sum = softmaxSum(row, 'largest');
    const target = teacher.isSoft
      ? `let largest = ${logit(row, largestAt(row))};
  return exp(${logit(row, 'column')} - largest) / ${sum};`
      : `return select(0f, 1f, column == ${largestAt(row)});`;
    return {
      source: `let at = ${largestAt(row)};
  let largest = ${logit(row, 'at')};
  return select(0u, 2u, 1f / ${sum} > threshold_${index}(at));`,
      target,
      functions: thresholdFunction(index, teacher.thresholds),
    };
  };
  const { source, target, functions } = teacherText();
  return `${functions}
fn source_${index}(row: u32) -> u32 {${storeSource}
  ${source}
}
fn target_${index}(row: u32, column: u32, source: u32) -> f32 {
  if ((source == 0u) | (column >= ${classes}u)) { return 0f; }
  ${store === null ? '' : `if (source == 1u) { return ${stored('column')}; }`}
  ${target}
}
fn mass_${index}(row: u32, source: u32) -> f32 {
  var sum = 0f;
  for (var column = 0u; column < ${classes}u; column++) { sum += target_${index}(row, column, source); }
  return sum;
}
`;
}

/** Functions that the texts of a term call. */
function termFunctions(
  builder: ShaderBuilder,
  texts: ReadonlyMap<TensorId, LogitText>,
  term: LossOpTerm,
  index: number,
): string {
  switch (term.kind) {
    case 'featureMatching':
      return featureFunction(builder, index, term);
    case 'pseudoLabelCrossEntropy':
      return targetFunctions(builder, texts, index, term);
    case 'confidentShare':
      return thresholdFunction(index, term.thresholds);
    default:
      return '';
  }
}

/** The first row that a thread takes of the `index`th of the values. */
function firstOf(index: number): string {
  const shift = (index * TOGETHER) % THREADS;
  return shift === 0 ? 'thread' : `(thread + ${THREADS - shift}u) % ${THREADS}u`;
}

/** Where the `index`th of the values is. */
function sumName(index: number): string {
  return `sums_${Math.floor(index / PACK)}.${'xyzw'[index % PACK]!}`;
}

/** The sum of a term's values over a thread's rows, of how many it is the mean, and the statements that add a row's. */
function sumOver(count: number, name: string, statements: string, index: number): string {
  return `  sum = 0f;
  for (var ${name} = ${firstOf(index)}; ${name} < ${count}u; ${name} += ${THREADS}u) {
    ${statements}
  }
  ${sumName(index)} = sum / ${float(count)};`;
}

/** Cross-entropy of a logit `x` against a constant, and its derivative, whose `power` is exp(-|x|). */
const sigmoidLoss = (target: 0 | 1): string => `max(x, 0f) - x * ${float(target)} + log(1f + exp(-abs(x)))`;
const sigmoidSlope = (target: 0 | 1): string =>
  `(select(power, 1f, x >= 0f) / (1f + power) - ${float(target)})`;

function termText(
  builder: ShaderBuilder,
  texts: ReadonlyMap<TensorId, LogitText>,
  term: LossOpTerm,
  index: number,
): string {
  switch (term.kind) {
    case 'featureMatching': {
      const add = term.distance === 'squared' ? 'fma(difference, difference, sum)' : 'sum + abs(difference)';
      const statements = `let difference = difference_${index}(feature);
    sum = ${add};`;
      return sumOver(term.size, 'feature', statements, index);
    }
    case 'contrastive': {
      const { buffer, offset, tensor } = builder.memory.tensor(term.statistics);
      const loss = `${builder.read(buffer, 'f32')}[${offset + 2}u + row * 3u]`;
      return sumOver(tensor.shape[0]!, 'row', `sum += ${loss};`, index);
    }
    case 'softmaxCrossEntropy':
    case 'sigmoidCrossEntropy':
    case 'logsumexpCrossEntropy':
    case 'pseudoLabelCrossEntropy':
    case 'confidentShare':
      return sumOver(term.rows, 'row', rowText(builder, texts.get(term.logits)!, term, index), index);
    default:
      return term satisfies never;
  }
}

/** Statements that add to `sum` the value of `row` of a term's rows. */
function rowText(
  builder: ShaderBuilder,
  { logit, largestAt, softmaxSum }: LogitText,
  term: Exclude<LossOpTerm, TermOf<'featureMatching'> | TermOf<'contrastive'>>,
  index: number,
): string {
  const row = `${term.forwardRow}u + row`;
  switch (term.kind) {
    case 'softmaxCrossEntropy':
      return `let largest = ${logit(row, largestAt(row))};
    sum += log(${softmaxSum(row, 'largest')}) + largest - ${logit(row, labelText(builder, term, 'row'))};`;
    case 'sigmoidCrossEntropy':
      return `let x = ${logit(row, `${term.column}u`)};
    sum += ${sigmoidLoss(term.target)};`;
    case 'logsumexpCrossEntropy':
      return `let largest = ${logit(row, largestAt(row))};
    let x = log(${softmaxSum(row, 'largest')}) + largest;
    sum += ${sigmoidLoss(term.target)};`;
    case 'pseudoLabelCrossEntropy':
      return `let source = source_${index}(row);
    let largest = ${logit(row, largestAt(row))};
    let total = log(${softmaxSum(row, 'largest')}) + largest;
    if (source > 0u) {
      for (var column = 0u; column < ${term.classes}u; column++) {
        sum = fma(target_${index}(row, column, source), total - ${logit(row, 'column')}, sum);
      }
    }`;
    case 'confidentShare':
      return `let at = ${largestAt(row)};
    let largest = ${logit(row, 'at')};
    sum += select(0f, 1f, 1f / ${softmaxSum(row, 'largest')} > threshold_${index}(at));`;
    default:
      return term satisfies never;
  }
}

/** A factor of a term's weight in front of an expression; a weight of 1 is none. */
function weighted({ weight }: LossOpTerm, expression: string): string {
  if (weight.kind === 'constant' && weight.value === 1) return expression;
  return `${weightText(weight)} * ${expression}`;
}

/** Adds a term's part to `g`, the gradient at (row of the term's pass, column). */
function gradientText(
  builder: ShaderBuilder,
  texts: ReadonlyMap<TensorId, LogitText>,
  term: LossOpTerm,
  index: number,
): string {
  const shareText = ({ logit, largestAt, softmaxSum }: LogitText): string => `
      let largest = ${logit('source', largestAt('source'))};
      let sum = ${softmaxSum('source', 'largest')};
      let share = exp(${logit('source', 'column')} - largest) / sum;`;
  switch (term.kind) {
    case 'softmaxCrossEntropy': {
      const hit = `select(0f, 1f, column == ${labelText(builder, term, 'row')})`;
      return `{${shareText(texts.get(term.logits)!)}
      g += ${weighted(term, `(share - ${hit})`)} / ${float(term.rows)};
    }`;
    }
    case 'sigmoidCrossEntropy': {
      const { logit } = texts.get(term.logits)!;
      return `if (column == ${term.column}u) {
      let x = ${logit('source', 'column')};
      let power = exp(-abs(x));
      g += ${weighted(term, sigmoidSlope(term.target))} / ${float(term.rows)};
    }`;
    }
    case 'logsumexpCrossEntropy':
      return `{${shareText(texts.get(term.logits)!)}
      let x = log(sum) + largest;
      let power = exp(-abs(x));
      g += ${weighted(term, `${sigmoidSlope(term.target)} * share`)} / ${float(term.rows)};
    }`;
    case 'pseudoLabelCrossEntropy':
      return `{
      let origin = source_${index}(row);
      if (origin > 0u) {${shareText(texts.get(term.logits)!)}
      let pull = share * mass_${index}(row, origin) - target_${index}(row, column, origin);
      g += ${weighted(term, 'pull')} / ${float(term.rows)};
      }
    }`;
    case 'confidentShare':
    case 'contrastive':
    case 'featureMatching':
      return '';
    default:
      return term satisfies never;
  }
}

/** The gradient that the rows of each segment share at the matched features. */
function featureGradientTexts(
  { terms, featureGradient }: LossOp,
  vectors: string,
  first: number,
  segments: number,
): readonly string[] {
  if (featureGradient === null) return [];
  const { size, entries } = featureGradient;
  return Array.from({ length: segments }, (_, index) => {
    const parts = entries
      .filter(({ gradientSegment }) => gradientSegment === index)
      .map(({ term: at, sign }) => {
        const term = terms[at] as TermOf<'featureMatching'>;
        const rows = sign === 1 ? term.rows : term.againstRows;
        const isSquared = term.distance === 'squared';
        const difference = isSquared ? `difference_${at}(feature)` : `sign(difference_${at}(feature))`;
        return `${weighted(term, difference)} * ${float((sign * (isSquared ? 2 : 1)) / (size * rows))}`;
      });
    return `
  for (var feature = first; feature < ${size}u; feature += stride) {
    ${vectors}[${first + index * size}u + feature] = ${parts.length === 0 ? '0f' : parts.join(' + ')};
  }`;
  });
}

interface GradientText {
  /** Statements that compute every `stride`th element from `first` on. */
  readonly text: string;
  readonly elements: number;
}

function gradientsText(
  builder: ShaderBuilder,
  texts: ReadonlyMap<TensorId, LogitText>,
  operation: LossOp,
): GradientText {
  const { terms, head, featureGradient } = operation;
  const { memory } = builder;
  let elements = 0;
  const parts: string[] = [];
  if (head !== null) {
    const { width, segments, logitGradient } = head;
    const { buffer, offset } = memory.tensor(logitGradient);
    const gradients = builder.write(buffer, 'f32');
    for (const { rows, forwardRow, gradientRow, terms: own } of segments) {
      elements += rows * width;
      parts.push(`
  for (var item = first; item < ${rows * width}u; item += stride) {
    let row = item / ${width}u;
    let column = item % ${width}u;
    let source = ${forwardRow}u + row;
    var g = 0f;
    ${own.map((index) => gradientText(builder, texts, terms[index]!, index)).join('\n    ')}
    ${gradients}[${offset + gradientRow * width}u + item] = g;
  }`);
    }
  }
  if (featureGradient !== null) {
    const { buffer, offset, tensor } = memory.tensor(featureGradient.target);
    const vectors = builder.write(buffer, 'f32');
    const segments = tensor.shape[0]!;
    elements += segments * featureGradient.size;
    parts.push(...featureGradientTexts(operation, vectors, offset, segments));
  }
  return { text: parts.join(''), elements };
}

export function lossShader(operation: LossOp, memory: Memory, reduction: Reduction): Shader {
  const { terms, losses, accuracy, isLast, name } = operation;
  const builder = new ShaderBuilder(memory);
  // What is written is bound before anything is read.
  const control = builder.write(CONTROL, 'u32');
  bindTargets(builder, operation);
  const texts = allLogits(builder, operation);
  const gradients = gradientsText(builder, texts, operation);
  const { metrics, ring } = memory.control;
  const metric = (index: number, value: string): string =>
    `    ${control}[slot + ${index}u] = bitcast<u32>(${value});`;
  const functions = terms.map((term, index) => termFunctions(builder, texts, term, index));
  const termTexts = terms.map((term, index) => termText(builder, texts, term, index));
  const accuracyText =
    accuracy === null
      ? ''
      : `${sumOver(
          accuracy.rows,
          'row',
          `let is_correct = ${texts.get(accuracy.logits)!.largestAt(`${accuracy.forwardRow}u + row`)} == ${labelText(builder, accuracy, 'row')};
    sum += select(0f, 1f, is_correct);`,
          terms.length,
        )}`;
  const packs = Math.ceil((terms.length + (accuracy === null ? 0 : 1)) / PACK);
  const lossText = (own: readonly number[]): string =>
    own.map((index) => weighted(terms[index]!, sumName(index))).join(' + ');
  const groups = Math.ceil(gradients.elements / THREADS);
  const gradientCall =
    groups === 0
      ? ''
      : `
  if (group.x > 0u) {
    write_gradients((group.x - 1u) * ${THREADS}u + thread);
    return;
  }`;
  const weights = terms.map(({ weight }) => weight);
  const text = `${sumFunction('vec4f', THREADS, reduction)}${scalarFunction(builder, weights)}${[...texts.values()].map((each) => each.text).join('')}${functions.join('')}
${groups === 0 ? '' : `fn write_gradients(first: u32) {\n  let stride = ${groups * THREADS}u;${gradients.text}\n}`}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {${gradientCall}
  let step = ${control}[${CONTROL_WORDS.step}];
${lines(packs, (pack) => `  var sums_${pack} = vec4f(0);`)}
  var sum: f32;
${termTexts.join('\n')}
${accuracyText}
${lines(packs, (pack) => `  sums_${pack} = sum_of_threads(sums_${pack}, thread);`)}
  if (thread == 0u) {
    let slot = ${ring}u + (step % ${METRICS_SLOTS}u) * ${metrics}u;
${terms.map(({ metric: at }, index) => metric(at, sumName(index))).join('\n')}
${losses.map(({ metric: at, terms: own }) => metric(at, lossText(own))).join('\n')}
${accuracy === null ? '' : metric(accuracy.metric, sumName(terms.length))}
    ${isLast ? `${control}[${CONTROL_WORDS.step}] = step + 1u;` : ''}
  }
}`;
  return builder.finish(`loss ${name}`, text, [1 + groups, 1, 1]);
}

/** Binds what a loss writes. */
function bindTargets(builder: ShaderBuilder, { head, featureGradient }: LossOp): void {
  const targets = [head?.logitGradient ?? null, featureGradient?.target ?? null];
  for (const id of targets) if (id !== null) builder.write(builder.memory.tensor(id).buffer, 'f32');
}

/** How many of the first `rows` (control buffer) logits have their largest value at the label. */
export function countCorrectShader(operation: CountCorrectOp, memory: Memory, reduction: Reduction): Shader {
  const { logits, width, labels, target } = operation;
  const builder = new ShaderBuilder(memory);
  const place = memory.tensor(target);
  const out = builder.write(place.buffer, 'u32');
  const control = builder.read(CONTROL, 'u32');
  const { text: functions, largestAt } = logitFunctions(builder, logits, width, '');
  const text = `${sumFunction('f32', THREADS, reduction)}${functions}
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
