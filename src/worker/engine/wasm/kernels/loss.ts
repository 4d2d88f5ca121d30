/**
 * The losses: values of the terms, the losses as their sums, the step's accuracy, and the gradients at the logits and, for feature matching, at the features. A few thousand numbers: one thread, in order.
 */

import { claimWhole } from './threads/work-shares';
import {
  FeatureMatchingTerm,
  FeatureSegment,
  LOSS_TERM_BYTES,
  LogitSegment,
  LossOperation,
  LossSum,
  LossTerm,
  LossTermKind,
  SigmoidCrossEntropyTerm,
  SoftmaxCrossEntropyTerm,
} from './layout';
import { exponential, logarithm, sigmoid, softplus } from './common/math';
import { entryAt, wordAt } from './common/tables';


@inline
function scalar(values: v128): f32 {
  return f32x4.extract_lane(values, 0);
}


@inline
function element(base: usize, index: i32): usize {
  return base + (usize(index) << 2);
}

export function loss(record: LossOperation): void {
  if (!claimWhole(record)) return;
  const metrics = record.metrics;
  for (let index = 0; index < record.termCount; index++) {
    const term = termAt(record, index);
    const value = termValue(record, term, index);
    store<f32>(element(record.termValues, index), value);
    store<f32>(element(metrics, term.metric), value);
  }
  sumTerms(record);
  if (record.accuracyRows > 0) store<f32>(element(metrics, record.accuracyMetric), accuracy(record));
  logitGradients(record);
  featureGradients(record);
}


@inline
function termAt(record: LossOperation, index: i32): LossTerm {
  return changetype<LossTerm>(record.terms + usize(index) * LOSS_TERM_BYTES);
}


@inline
function weightOf(term: LossTerm): f32 {
  return load<f32>(term.weight);
}

function sumTerms(record: LossOperation): void {
  for (let index = 0; index < record.lossCount; index++) {
    const loss = entryAt<LossSum>(record.losses, index);
    let sum: f32 = 0;
    for (let i = 0; i < loss.termCount; i++) {
      const term = wordAt(loss.terms, i);
      sum += weightOf(termAt(record, term)) * load<f32>(element(record.termValues, term));
    }
    store<f32>(element(record.metrics, loss.metric), sum);
  }
}

function termValue(record: LossOperation, term: LossTerm, index: i32): f32 {
  switch (term.kind) {
    case LossTermKind.softmaxCrossEntropy:
      return softmaxCrossEntropy(changetype<SoftmaxCrossEntropyTerm>(term));
    case LossTermKind.sigmoidCrossEntropy:
      return sigmoidCrossEntropy(changetype<SigmoidCrossEntropyTerm>(term));
    case LossTermKind.featureMatching:
      return featureMatching(record, changetype<FeatureMatchingTerm>(term), index);
  }
  unreachable();
  return NaN;
}

function softmaxCrossEntropy(term: SoftmaxCrossEntropyTerm): f32 {
  let sum: f32 = 0;
  for (let row = 0; row < term.rows; row++) {
    const logits = element(term.logits, row * term.width);
    sum += logSumOfExponentials(logits, term.width) - load<f32>(element(logits, wordAt(term.labels, row)));
  }
  return sum / f32(term.rows);
}

function sigmoidCrossEntropy(term: SigmoidCrossEntropyTerm): f32 {
  let sum: f32 = 0;
  for (let row = 0; row < term.rows; row++) {
    const logit = load<f32>(element(term.logits, row * term.width + term.column));
    sum += scalar(softplus(f32x4.splat(term.target != 0 ? -logit : logit)));
  }
  return sum / f32(term.rows);
}

function largest(logits: usize, width: i32): f32 {
  let value = load<f32>(logits);
  for (let column = 1; column < width; column++) value = max(value, load<f32>(element(logits, column)));
  return value;
}

function logSumOfExponentials(logits: usize, width: i32): f32 {
  const most = largest(logits, width);
  let sum: f32 = 0;
  for (let column = 0; column < width; column++) {
    sum += scalar(exponential(f32x4.splat(load<f32>(element(logits, column)) - most)));
  }
  return most + scalar(logarithm(f32x4.splat(sum)));
}

/** Share of rows whose first largest logit is at the label. */
function accuracy(record: LossOperation): f32 {
  const rows = record.accuracyRows;
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const logits = element(record.accuracyLogits, row * record.accuracyWidth);
    if (argmax(logits, record.accuracyWidth) == wordAt(record.accuracyLabels, row)) correct++;
  }
  return f32(correct) / f32(rows);
}

/** Column of the first largest value. */
export function argmax(logits: usize, width: i32): i32 {
  let best = 0;
  for (let column = 1; column < width; column++) {
    if (load<f32>(element(logits, column)) > load<f32>(element(logits, best))) best = column;
  }
  return best;
}

/** Where the difference of a feature term's two means lies. */
@inline
function differences(record: LossOperation, index: i32): usize {
  return element(record.featureDifferences, index * record.featureSize);
}

function featureMatching(record: LossOperation, term: FeatureMatchingTerm, index: i32): f32 {
  const size = term.size;
  const target = differences(record, index);
  let sum: f32 = 0;
  for (let feature = 0; feature < size; feature++) {
    const own = columnMean(term.features, term.rows, size, feature);
    const other = columnMean(term.against, term.againstRows, size, feature);
    const difference = own - other;
    store<f32>(element(target, feature), difference);
    sum += difference * difference;
  }
  return sum / f32(size);
}

function columnMean(features: usize, rows: i32, size: i32, feature: i32): f32 {
  let sum: f32 = 0;
  for (let row = 0; row < rows; row++) sum += load<f32>(element(features, row * size + feature));
  return sum / f32(rows);
}

function logitGradients(record: LossOperation): void {
  const width = record.width;
  for (let i = 0; i < record.segmentCount; i++) {
    const segment = entryAt<LogitSegment>(record.segments, i);
    const target = element(record.logitGradient, segment.gradientRow * width);
    memory.fill(target, 0, usize(segment.rows * width) << 2);
    for (let j = 0; j < segment.termCount; j++) {
      const term = termAt(record, wordAt(segment.terms, j));
      for (let row = 0; row < segment.rows; row++) {
        addLogitGradient(term, row, element(target, row * width));
      }
    }
  }
}

function addLogitGradient(term: LossTerm, row: i32, target: usize): void {
  const rows = f32(term.rows);
  const weight = weightOf(term);
  if (term.kind == LossTermKind.sigmoidCrossEntropy) {
    const sigmoidTerm = changetype<SigmoidCrossEntropyTerm>(term);
    const column = sigmoidTerm.column;
    const logit = load<f32>(element(sigmoidTerm.logits, row * sigmoidTerm.width + column));
    const probability = scalar(sigmoid(f32x4.splat(logit)));
    const at = element(target, column);
    store<f32>(at, load<f32>(at) + (weight * (probability - f32(sigmoidTerm.target))) / rows);
    return;
  }
  if (term.kind != LossTermKind.softmaxCrossEntropy) return;
  const softmaxTerm = changetype<SoftmaxCrossEntropyTerm>(term);
  const width = softmaxTerm.width;
  const logits = element(softmaxTerm.logits, row * width);
  const total = logSumOfExponentials(logits, width);
  for (let column = 0; column < width; column++) {
    const logit = load<f32>(element(logits, column));
    const probability = scalar(exponential(f32x4.splat(logit - total)));
    const wanted: f32 = column == wordAt(softmaxTerm.labels, row) ? 1 : 0;
    const at = element(target, column);
    store<f32>(at, load<f32>(at) + (weight * (probability - wanted)) / rows);
  }
}

function featureGradients(record: LossOperation): void {
  const size = record.featureSize;
  const target = record.featureGradient;
  if (target == 0) return;
  memory.fill(target, 0, usize(size * record.featureGradientSegments) << 2);
  for (let i = 0; i < record.featureSegmentCount; i++) {
    const segment = entryAt<FeatureSegment>(record.featureSegments, i);
    const term = changetype<FeatureMatchingTerm>(termAt(record, segment.term));
    const rows = f32(segment.sign > 0 ? term.rows : term.againstRows);
    const two: f32 = 2;
    const factor = (weightOf(term) * two * f32(segment.sign)) / f32(size) / rows;
    const out = element(target, segment.gradientSegment * size);
    const own = differences(record, segment.term);
    for (let feature = 0; feature < size; feature++) {
      const at = element(out, feature);
      store<f32>(at, load<f32>(at) + load<f32>(element(own, feature)) * factor);
    }
  }
}
