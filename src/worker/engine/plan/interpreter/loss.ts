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

function termValue(context: LossContext, term: LossOpTerm): number {
  if (term.kind === 'featureMatching') {
    const differences = featureMeans(context, term);
    return differences.reduce((sum, difference) => sum + difference * difference, 0) / term.size;
  }
  const { tensors } = context;
  let sum = 0;
  for (let i = 0; i < term.rows; i++) {
    const row = rowOf(tensors, term, i);
    if (term.kind === 'softmaxCrossEntropy') {
      const largest = Math.max(...row);
      const powers = Float64Array.from(row, (x) => Math.exp(x - largest));
      const total = powers.reduce((all, power) => all + power, 0);
      sum += Math.log(total) + largest - row[labelOf(tensors, term, i)]!;
    } else {
      const x = row[term.column]!;
      sum += Math.max(x, 0) - x * term.target + Math.log1p(Math.exp(-Math.abs(x)));
    }
  }
  return sum / term.rows;
}

function addLogitGradient(
  { tensors, op, weights }: LossContext,
  index: number,
  i: number,
  target: Values,
): void {
  const term = op.terms[index]!;
  const weight = weights[index]!;
  if (term.kind === 'featureMatching') return;
  const row = rowOf(tensors, term, i);
  if (term.kind === 'softmaxCrossEntropy') {
    const label = labelOf(tensors, term, i);
    softmax(row).forEach(
      (share, column) => (target[column]! += (weight * (share - (column === label ? 1 : 0))) / term.rows),
    );
  } else {
    target[term.column]! += (weight * (sigmoid(row[term.column]!) - term.target)) / term.rows;
  }
}

function writeGradients(context: LossContext): void {
  const { op, tensors, weights } = context;
  const target = tensors.get(op.logitGradient).fill(0);
  for (const { gradientRow, rows, terms } of op.segments) {
    for (let i = 0; i < rows; i++) {
      const row = target.subarray((gradientRow + i) * op.width, (gradientRow + i + 1) * op.width);
      for (const term of terms) addLogitGradient(context, term, i, row);
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
      vectors[gradientSegment * size + feature]! += (weights[index]! * sign * 2 * difference) / (size * rows);
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
