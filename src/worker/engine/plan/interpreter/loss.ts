/** Loss terms, their gradients at the logits and features, and the metrics of a step. */

import { METRIC_NAMES } from '../../../../protocol/reports.js';
import { adamScalar } from '../adam-scalar.js';
import type { LossOp, LossOpTerm } from '../operations.js';
import type { ChainContext } from './chain.js';
import type { Values } from './store.js';

interface LossContext extends ChainContext {
  readonly op: LossOp;
  readonly logits: Values;
  readonly labels: Values;
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

function rowOf({ op, logits }: LossContext, row: number): Values {
  return logits.subarray(row * op.width, (row + 1) * op.width);
}

function featureMeans(
  context: LossContext,
  term: Extract<LossOpTerm, { kind: 'featureMatching' }>,
): Float64Array {
  const features = context.tensors.get(term.features);
  const meanOf = (first: number, rows: number, feature: number): number => {
    let sum = 0;
    for (let row = first; row < first + rows; row++) sum += features[row * term.size + feature]!;
    return sum / rows;
  };
  return Float64Array.from(
    { length: term.size },
    (_, feature) =>
      meanOf(term.forwardRow, term.rows, feature) - meanOf(term.againstRow, term.againstRows, feature),
  );
}

function termValue(context: LossContext, term: LossOpTerm): number {
  if (term.kind === 'featureMatching') {
    const differences = featureMeans(context, term);
    return differences.reduce((sum, difference) => sum + difference * difference, 0) / term.size;
  }
  let sum = 0;
  for (let i = 0; i < term.rows; i++) {
    const row = rowOf(context, term.forwardRow + i);
    if (term.kind === 'softmaxCrossEntropy') {
      const largest = Math.max(...row);
      const powers = Float64Array.from(row, (x) => Math.exp(x - largest));
      sum += Math.log(powers.reduce((total, power) => total + power, 0)) + largest - row[context.labels[i]!]!;
    } else {
      const x = row[term.column]!;
      sum += Math.max(x, 0) - x * term.target + Math.log1p(Math.exp(-Math.abs(x)));
    }
  }
  return sum / term.rows;
}

function addLogitGradient(context: LossContext, term: LossOpTerm, i: number, target: Values): void {
  if (term.kind === 'featureMatching') return;
  const row = rowOf(context, term.forwardRow + i);
  if (term.kind === 'softmaxCrossEntropy') {
    const label = context.labels[i]!;
    softmax(row).forEach(
      (share, column) => (target[column]! += (share - (column === label ? 1 : 0)) / term.rows),
    );
  } else {
    target[term.column]! += (sigmoid(row[term.column]!) - term.target) / term.rows;
  }
}

function writeGradients(context: LossContext): void {
  const { op, tensors } = context;
  const target = tensors.get(op.logitGradient).fill(0);
  for (const { gradientRow, rows, terms } of op.segments) {
    for (let i = 0; i < rows; i++) {
      const row = target.subarray((gradientRow + i) * op.width, (gradientRow + i + 1) * op.width);
      for (const term of terms) addLogitGradient(context, op.terms[term]!, i, row);
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
      vectors[gradientSegment * size + feature]! += (sign * 2 * difference) / (size * rows);
    });
  }
}

function accuracyOf(context: LossContext): number {
  const { forwardRow, rows } = context.op.accuracy;
  let correct = 0;
  for (let i = 0; i < rows; i++) {
    const row = rowOf(context, forwardRow + i);
    if (row.indexOf(Math.max(...row)) === context.labels[i]) correct++;
  }
  return correct / rows;
}

/** `t` is the number of the step being made, from 1. */
export function runLoss(context: ChainContext, op: LossOp, t: number): void {
  const { tensors } = context;
  const all = { ...context, op, logits: tensors.get(op.logits), labels: tensors.get(op.labels) };
  const values = op.terms.map((term) => termValue(all, term));
  const metrics = tensors.get(op.metrics).fill(NaN);
  op.terms.forEach(({ name }, index) => (metrics[METRIC_NAMES.indexOf(name)] = values[index]!));
  for (const { name, terms } of op.losses) {
    metrics[METRIC_NAMES.indexOf(name)] = terms.reduce((sum, term) => sum + values[term]!, 0);
  }
  metrics[METRIC_NAMES.indexOf('trainAccuracy')] = accuracyOf(all);
  writeGradients(all);
  op.optimisers.forEach((optimiser, index) => {
    tensors.get(op.scalars)[index] = adamScalar(optimiser, t);
  });
}
