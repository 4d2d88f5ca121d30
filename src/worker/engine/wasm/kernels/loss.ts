/**
 * The loss head: values of the terms, the losses as their sums, the step's accuracy, and the gradients at
 * the logits and, for feature matching, at the features. A few thousand numbers: one thread, in order.
 */

import { claimWhole } from './work-shares';
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
} from './layout';
import { exponential, logarithm, sigmoid, softplus } from './math';
import { entryAt, wordAt } from './tables';


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
  for (let metric = 0; metric < record.metricCount; metric++) store<f32>(element(metrics, metric), NaN);
  for (let index = 0; index < record.termCount; index++) {
    const term = termAt(record, index);
    const value = termValue(record, term, index);
    store<f32>(element(record.termValues, index), value);
    store<f32>(element(metrics, term.metric), value);
  }
  sumLosses(record);
  const correct = countRows(record, record.accuracyFirstRow, record.accuracyRows);
  store<f32>(element(metrics, record.accuracyMetric), correct);
  logitGradients(record);
  featureGradients(record);
}


@inline
function termAt(record: LossOperation, index: i32): LossTerm {
  return changetype<LossTerm>(record.terms + usize(index) * LOSS_TERM_BYTES);
}

function sumLosses(record: LossOperation): void {
  for (let index = 0; index < record.lossCount; index++) {
    const loss = entryAt<LossSum>(record.losses, index);
    let sum: f32 = 0;
    for (let i = 0; i < loss.termCount; i++) {
      sum += load<f32>(element(record.termValues, wordAt(loss.terms, i)));
    }
    store<f32>(element(record.metrics, loss.metric), sum);
  }
}

function termValue(record: LossOperation, term: LossTerm, index: i32): f32 {
  switch (term.kind) {
    case LossTermKind.softmaxCrossEntropy:
      return softmaxCrossEntropy(record, term);
    case LossTermKind.sigmoidCrossEntropy:
      return sigmoidCrossEntropy(record, changetype<SigmoidCrossEntropyTerm>(term));
    case LossTermKind.featureMatching:
      return featureMatching(record, changetype<FeatureMatchingTerm>(term), index);
  }
  unreachable();
  return NaN;
}

function softmaxCrossEntropy(record: LossOperation, term: LossTerm): f32 {
  let sum: f32 = 0;
  for (let row = 0; row < term.rows; row++) {
    const logits = logitRow(record, term.firstRow + row);
    sum += logSumOfExponentials(logits, record.width) - load<f32>(element(logits, label(record, row)));
  }
  return sum / f32(term.rows);
}

function sigmoidCrossEntropy(record: LossOperation, term: SigmoidCrossEntropyTerm): f32 {
  let sum: f32 = 0;
  for (let row = 0; row < term.rows; row++) {
    const logit = load<f32>(element(logitRow(record, term.firstRow + row), term.column));
    sum += scalar(softplus(f32x4.splat(term.target != 0 ? -logit : logit)));
  }
  return sum / f32(term.rows);
}


@inline
function logitRow(record: LossOperation, row: i32): usize {
  return element(record.logits, row * record.width);
}


@inline
function label(record: LossOperation, row: i32): i32 {
  return wordAt(record.labels, row);
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
function countRows(record: LossOperation, first: i32, rows: i32): f32 {
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const logits = logitRow(record, first + row);
    if (argmax(logits, record.width) == label(record, row)) correct++;
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
    const own = columnMean(term, term.firstRow, term.rows, feature);
    const other = columnMean(term, term.againstFirstRow, term.againstRows, feature);
    const difference = own - other;
    store<f32>(element(target, feature), difference);
    sum += difference * difference;
  }
  return sum / f32(size);
}

function columnMean(term: FeatureMatchingTerm, first: i32, rows: i32, feature: i32): f32 {
  let sum: f32 = 0;
  for (let row = first; row < first + rows; row++) {
    sum += load<f32>(element(term.features, row * term.size + feature));
  }
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
        const logits = logitRow(record, segment.forwardRow + row);
        addLogitGradient(record, term, row, logits, element(target, row * width));
      }
    }
  }
}

function addLogitGradient(
  record: LossOperation,
  term: LossTerm,
  row: i32,
  logits: usize,
  target: usize,
): void {
  const width = record.width;
  const rows = f32(term.rows);
  if (term.kind == LossTermKind.sigmoidCrossEntropy) {
    const sigmoidTerm = changetype<SigmoidCrossEntropyTerm>(term);
    const column = sigmoidTerm.column;
    const probability = scalar(sigmoid(f32x4.splat(load<f32>(element(logits, column)))));
    const at = element(target, column);
    store<f32>(at, load<f32>(at) + (probability - f32(sigmoidTerm.target)) / rows);
    return;
  }
  if (term.kind != LossTermKind.softmaxCrossEntropy) return;
  const total = logSumOfExponentials(logits, width);
  for (let column = 0; column < width; column++) {
    const logit = load<f32>(element(logits, column));
    const probability = scalar(exponential(f32x4.splat(logit - total)));
    const wanted: f32 = column == label(record, row) ? 1 : 0;
    const at = element(target, column);
    store<f32>(at, load<f32>(at) + (probability - wanted) / rows);
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
    const factor = (two * f32(segment.sign)) / f32(size) / rows;
    const out = element(target, segment.gradientSegment * size);
    const own = differences(record, segment.term);
    for (let feature = 0; feature < size; feature++) {
      const at = element(out, feature);
      store<f32>(at, load<f32>(at) + load<f32>(element(own, feature)) * factor);
    }
  }
}
