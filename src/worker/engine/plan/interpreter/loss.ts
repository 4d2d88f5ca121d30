/** Loss terms, their gradients at the logits and features, and the metrics of a step. */

import { stepScalar, type StepScalar } from '../step-scalars.js';
import type { LogitRows, LossOp, LossOpTerm } from '../operations.js';
import type { SnippetContext } from './snippets.js';
import type { TensorStore, Values } from './store.js';

interface LossContext extends SnippetContext {
  readonly op: LossOp;
  /** By index of the term. */
  readonly weights: readonly number[];
}

function softmax(row: Values): Float64Array {
  const largest = Math.max(...row);
  const powers = Float64Array.from(row, (x) => Math.exp(x - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

function rowOf(tensors: TensorStore, { logits, width, forwardRow }: LogitRows, row: number): Values {
  const first = (forwardRow + row) * width;
  return tensors.get(logits).subarray(first, first + width);
}

function labelOf(tensors: TensorStore, term: { labels: number; labelRow: number }, row: number): number {
  return tensors.get(term.labels)[term.labelRow + row]!;
}

function featureMeans(
  { tensors }: LossContext,
  term: Extract<LossOpTerm, { kind: 'featureMatching' }>,
): Float64Array {
  const { size } = term;
  const meanOf = (of: number, first: number, rows: number, feature: number): number => {
    const features = tensors.get(of);
    let sum = 0;
    for (let row = first; row < first + rows; row++) sum += features[row * size + feature]!;
    return sum / rows;
  };
  return Float64Array.from(
    { length: size },
    (_, feature) =>
      meanOf(term.features, term.forwardRow, term.rows, feature) -
      meanOf(term.against, term.againstRow, term.againstRows, feature),
  );
}

/** Log of the sum of e^x. */
function logSumExp(row: Values): number {
  const largest = Math.max(...row);
  const powers = Float64Array.from(row, (x) => Math.exp(x - largest));
  return largest + Math.log(powers.reduce((sum, power) => sum + power, 0));
}

/** The first column of the largest value. */
function largestOf(row: Values | Float64Array): number {
  return row.indexOf(Math.max(...row));
}

/** Whether the largest probability of a row is above its class's threshold. */
function isConfident(probabilities: Float64Array, thresholds: readonly number[]): boolean {
  const named = largestOf(probabilities);
  return probabilities[named]! > thresholds[named]!;
}

type PseudoLabelTerm = Extract<LossOpTerm, { kind: 'pseudoLabelCrossEntropy' }>;

/** A row's target, [classes]; zeros where it has none. */
function targetOf({ tensors }: LossContext, term: PseudoLabelTerm, row: number): Float64Array {
  const { classes, store, teacher } = term;
  if (store !== null) {
    const first = (store.targetRow + row) * classes;
    const stored = Float64Array.from(tensors.get(store.targets).subarray(first, first + classes));
    if (stored.reduce((sum, share) => sum + share, 0) > 0) return stored;
  }
  const target = new Float64Array(classes);
  if (teacher === null) return target;
  const taught = softmax(rowOf(tensors, { ...term, ...teacher }, row));
  if (!isConfident(taught, teacher.thresholds)) return target;
  if (teacher.isSoft) return taught.slice(0, classes);
  target[largestOf(taught)] = 1;
  return target;
}

/** The value of a row; the mean over rows is the term's. */
function rowValue(context: LossContext, term: Extract<LossOpTerm, LogitRows>, i: number): number {
  const { tensors } = context;
  const row = rowOf(tensors, term, i);
  switch (term.kind) {
    case 'softmaxCrossEntropy':
      return logSumExp(row) - row[labelOf(tensors, term, i)]!;
    case 'sigmoidCrossEntropy':
      return sigmoidCrossEntropy(row[term.column]!, term.target);
    case 'logsumexpCrossEntropy':
      return sigmoidCrossEntropy(logSumExp(row), term.target);
    case 'confidentShare':
      return isConfident(softmax(row), term.thresholds) ? 1 : 0;
    case 'pseudoLabelCrossEntropy': {
      const logSum = logSumExp(row);
      return targetOf(context, term, i).reduce((sum, share, c) => sum + share * (logSum - row[c]!), 0);
    }
    default:
      return term satisfies never;
  }
}

function sigmoidCrossEntropy(x: number, target: 0 | 1): number {
  return Math.max(x, 0) - x * target + Math.log1p(Math.exp(-Math.abs(x)));
}

function termValue(context: LossContext, term: LossOpTerm): number {
  if (term.kind === 'featureMatching') {
    const isSquared = term.distance === 'squared';
    const differences = featureMeans(context, term);
    return differences.reduce((sum, d) => sum + (isSquared ? d * d : Math.abs(d)), 0) / term.size;
  }
  let sum = 0;
  if (term.kind === 'contrastive') {
    const statistics = context.tensors.get(term.statistics);
    for (let i = 0; i < term.rows; i++) sum += statistics[i * 3 + 2]!;
  } else {
    for (let i = 0; i < term.rows; i++) sum += rowValue(context, term, i);
  }
  return sum / term.rows;
}

function addLogitGradient(context: LossContext, index: number, i: number, target: Values): void {
  const { tensors, op, weights } = context;
  const term = op.terms[index]!;
  if (term.kind === 'featureMatching' || term.kind === 'contrastive' || term.kind === 'confidentShare')
    return;
  const scale = weights[index]! / term.rows;
  const row = rowOf(tensors, term, i);
  const add = (column: number, value: number): number => (target[column]! += scale * value);
  switch (term.kind) {
    case 'softmaxCrossEntropy': {
      const label = labelOf(tensors, term, i);
      softmax(row).forEach((share, column) => add(column, share - (column === label ? 1 : 0)));
      break;
    }
    case 'sigmoidCrossEntropy':
      add(term.column, sigmoid(row[term.column]!) - term.target);
      break;
    case 'logsumexpCrossEntropy': {
      const slope = sigmoid(logSumExp(row)) - term.target;
      softmax(row).forEach((share, column) => add(column, slope * share));
      break;
    }
    case 'pseudoLabelCrossEntropy': {
      const targets = targetOf(context, term, i);
      const mass = targets.reduce((sum, share) => sum + share, 0);
      softmax(row).forEach((share, column) => add(column, mass * share - (targets[column] ?? 0)));
      break;
    }
    default:
      term satisfies never;
  }
}

function writeGradients(context: LossContext): void {
  const { op, tensors, weights } = context;
  if (op.head !== null) {
    const { width, segments } = op.head;
    const target = tensors.get(op.head.logitGradient).fill(0);
    for (const { gradientRow, rows, terms } of segments) {
      for (let i = 0; i < rows; i++) {
        const row = target.subarray((gradientRow + i) * width, (gradientRow + i + 1) * width);
        for (const term of terms) addLogitGradient(context, term, i, row);
      }
    }
  }
  if (op.featureGradient === null) return;
  const { size, entries } = op.featureGradient;
  const vectors = tensors.get(op.featureGradient.target).fill(0);
  for (const { gradientSegment, term: index, sign } of entries) {
    const term = op.terms[index]!;
    if (term.kind !== 'featureMatching') continue;
    const rows = sign === 1 ? term.rows : term.againstRows;
    featureMeans(context, term).forEach((difference, feature) => {
      const slope = term.distance === 'squared' ? 2 * difference : Math.sign(difference);
      vectors[gradientSegment * size + feature]! += (weights[index]! * sign * slope) / (size * rows);
    });
  }
}

function accuracyOf(tensors: TensorStore, accuracy: NonNullable<LossOp['accuracy']>): number {
  let correct = 0;
  for (let i = 0; i < accuracy.rows; i++) {
    const row = rowOf(tensors, accuracy, i);
    if (row.indexOf(Math.max(...row)) === labelOf(tensors, accuracy, i)) correct++;
  }
  return correct / accuracy.rows;
}

/** The losses of the step after `step` updates, whose scalars are `stepScalars`. */
export function runLoss(
  context: SnippetContext,
  op: LossOp,
  stepScalars: readonly StepScalar[],
  step: number,
): void {
  const { tensors } = context;
  const scalars = stepScalars.map((scalar) => stepScalar(scalar, step));
  const weights = op.terms.map(({ weight }) =>
    weight.kind === 'constant' ? weight.value : scalars[weight.index]!,
  );
  const all: LossContext = { ...context, op, weights };
  const values = op.terms.map((term) => termValue(all, term));
  const metrics = tensors.get(op.metrics);
  op.terms.forEach(({ metric }, index) => (metrics[metric] = values[index]!));
  for (const { metric, terms } of op.losses) {
    metrics[metric] = terms.reduce((sum, term) => sum + weights[term]! * values[term]!, 0);
  }
  if (op.accuracy !== null) metrics[op.accuracy.metric] = accuracyOf(tensors, op.accuracy);
  writeGradients(all);
  if (op.isFirst) tensors.get(op.scalars).set(scalars);
}
