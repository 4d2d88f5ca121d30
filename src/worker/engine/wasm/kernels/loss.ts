/**
 * The loss head: values of the terms, the losses as their sums, the step's accuracy, and the gradients at
 * the logits and, for feature matching, at the features. A few thousand numbers: one thread, in order.
 */

import { claim } from './claims';
import {
  FEATURE_MATCHING,
  LOSS_ACCURACY_METRIC,
  LOSS_ACCURACY_ROW,
  LOSS_ACCURACY_ROWS,
  LOSS_FEATURE_ENTRIES,
  LOSS_FEATURE_ENTRY_COUNT,
  LOSS_FEATURE_SEGMENTS,
  LOSS_FEATURE_SIZE,
  LOSS_FEATURE_TARGET,
  LOSS_GRADIENT,
  LOSS_LABELS,
  LOSS_LOGITS,
  LOSS_LOSSES,
  LOSS_LOSS_COUNT,
  LOSS_METRICS,
  LOSS_METRIC_COUNT,
  LOSS_SEGMENTS,
  LOSS_SEGMENT_COUNT,
  LOSS_TERMS,
  LOSS_TERM_COUNT,
  LOSS_WIDTH,
  LOSS_WORKSPACE,
  SIGMOID_CROSS_ENTROPY,
  SOFTMAX_CROSS_ENTROPY,
  TERM_AGAINST_ROW,
  TERM_AGAINST_ROWS,
  TERM_COLUMN,
  TERM_FEATURES,
  TERM_KIND,
  TERM_METRIC,
  TERM_ROW,
  TERM_ROWS,
  TERM_SIZE,
  TERM_TARGET,
  TERM_WORDS,
} from './layout';
import { exponential, logarithm, sigmoid, softplus } from './math';
import { address, int } from './record';


@inline
function scalar(values: v128): f32 {
  return f32x4.extract_lane(values, 0);
}


@inline
function element(base: usize, index: i32): usize {
  return base + (usize(index) << 2);
}

export function lossHead(record: usize): void {
  if (claim(record) > 0) return;
  const metrics = address(record, LOSS_METRICS);
  for (let metric = 0; metric < int(record, LOSS_METRIC_COUNT); metric++)
    store<f32>(element(metrics, metric), NaN);
  for (let index = 0; index < int(record, LOSS_TERM_COUNT); index++) {
    const term = address(record, LOSS_TERMS) + usize(index) * (TERM_WORDS << 2);
    const value = termValue(record, term, index);
    store<f32>(element(address(record, LOSS_WORKSPACE), index), value);
    store<f32>(element(metrics, int(term, TERM_METRIC)), value);
  }
  sumLosses(record, metrics);
  const correct = countRows(record, int(record, LOSS_ACCURACY_ROW), int(record, LOSS_ACCURACY_ROWS));
  store<f32>(element(metrics, int(record, LOSS_ACCURACY_METRIC)), correct);
  logitGradients(record);
  featureGradients(record);
}

/** A loss in the list: metric, number of terms, their indices. */
function sumLosses(record: usize, metrics: usize): void {
  let at = address(record, LOSS_LOSSES);
  for (let left = int(record, LOSS_LOSS_COUNT); left > 0; left--) {
    const metric = load<i32>(at);
    let sum: f32 = 0;
    for (let terms = load<i32>(at, 4); terms > 0; terms--) {
      at += 4;
      sum += load<f32>(element(address(record, LOSS_WORKSPACE), load<i32>(at, 4)));
    }
    store<f32>(element(metrics, metric), sum);
    at += 8;
  }
}

function termValue(record: usize, term: usize, index: i32): f32 {
  const kind = int(term, TERM_KIND);
  if (kind == FEATURE_MATCHING) return featureMatching(record, term, index);
  const rows = int(term, TERM_ROWS);
  let sum: f32 = 0;
  for (let row = 0; row < rows; row++) {
    const logits = logitRow(record, int(term, TERM_ROW) + row);
    if (kind == SOFTMAX_CROSS_ENTROPY) {
      sum +=
        logSumOfExponentials(logits, int(record, LOSS_WIDTH)) -
        load<f32>(element(logits, label(record, row)));
    } else {
      const logit = load<f32>(element(logits, int(term, TERM_COLUMN)));
      sum += scalar(softplus(f32x4.splat(int(term, TERM_TARGET) != 0 ? -logit : logit)));
    }
  }
  return sum / f32(rows);
}


@inline
function logitRow(record: usize, row: i32): usize {
  return element(address(record, LOSS_LOGITS), row * int(record, LOSS_WIDTH));
}


@inline
function label(record: usize, row: i32): i32 {
  return load<i32>(element(address(record, LOSS_LABELS), row));
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
function countRows(record: usize, first: i32, rows: i32): f32 {
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const logits = logitRow(record, first + row);
    if (argmax(logits, int(record, LOSS_WIDTH)) == label(record, row)) correct++;
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

/** Where the difference of a feature term's two means lies in the workspace. */
@inline
function differences(record: usize, index: i32): usize {
  return element(
    address(record, LOSS_WORKSPACE),
    int(record, LOSS_TERM_COUNT) + index * int(record, LOSS_FEATURE_SIZE),
  );
}

function featureMatching(record: usize, term: usize, index: i32): f32 {
  const size = int(term, TERM_SIZE);
  const target = differences(record, index);
  let sum: f32 = 0;
  for (let feature = 0; feature < size; feature++) {
    const own = columnMean(term, int(term, TERM_ROW), int(term, TERM_ROWS), feature);
    const other = columnMean(term, int(term, TERM_AGAINST_ROW), int(term, TERM_AGAINST_ROWS), feature);
    const difference = own - other;
    store<f32>(element(target, feature), difference);
    sum += difference * difference;
  }
  return sum / f32(size);
}

function columnMean(term: usize, first: i32, rows: i32, feature: i32): f32 {
  const size = int(term, TERM_SIZE);
  let sum: f32 = 0;
  for (let row = first; row < first + rows; row++) {
    sum += load<f32>(element(address(term, TERM_FEATURES), row * size + feature));
  }
  return sum / f32(rows);
}

/** A segment in the list: rows, forward row, gradient row, number of terms, their indices. */
function logitGradients(record: usize): void {
  const width = int(record, LOSS_WIDTH);
  let at = address(record, LOSS_SEGMENTS);
  for (let left = int(record, LOSS_SEGMENT_COUNT); left > 0; left--) {
    const rows = load<i32>(at);
    const forwardRow = load<i32>(at, 4);
    const target = element(address(record, LOSS_GRADIENT), load<i32>(at, 8) * width);
    const terms = load<i32>(at, 12);
    memory.fill(target, 0, usize(rows * width) << 2);
    for (let i = 0; i < terms; i++) {
      const index = load<i32>(element(at, 4 + i));
      const term = address(record, LOSS_TERMS) + usize(index) * (TERM_WORDS << 2);
      for (let row = 0; row < rows; row++) {
        const logits = logitRow(record, forwardRow + row);
        addLogitGradient(record, term, row, logits, element(target, row * width));
      }
    }
    at = element(at, 4 + terms);
  }
}

function addLogitGradient(record: usize, term: usize, row: i32, logits: usize, target: usize): void {
  const width = int(record, LOSS_WIDTH);
  const rows = f32(int(term, TERM_ROWS));
  if (int(term, TERM_KIND) == SIGMOID_CROSS_ENTROPY) {
    const column = int(term, TERM_COLUMN);
    const probability = scalar(sigmoid(f32x4.splat(load<f32>(element(logits, column)))));
    const at = element(target, column);
    store<f32>(at, load<f32>(at) + (probability - f32(int(term, TERM_TARGET))) / rows);
    return;
  }
  if (int(term, TERM_KIND) != SOFTMAX_CROSS_ENTROPY) return;
  const total = logSumOfExponentials(logits, width);
  for (let column = 0; column < width; column++) {
    const logit = load<f32>(element(logits, column));
    const probability = scalar(exponential(f32x4.splat(logit - total)));
    const wanted: f32 = column == label(record, row) ? 1 : 0;
    const at = element(target, column);
    store<f32>(at, load<f32>(at) + (probability - wanted) / rows);
  }
}

/** An entry in the list: gradient segment, term, sign. */
function featureGradients(record: usize): void {
  const size = int(record, LOSS_FEATURE_SIZE);
  const target = address(record, LOSS_FEATURE_TARGET);
  if (target == 0) return;
  memory.fill(target, 0, usize(size * int(record, LOSS_FEATURE_SEGMENTS)) << 2);
  let at = address(record, LOSS_FEATURE_ENTRIES);
  for (let left = int(record, LOSS_FEATURE_ENTRY_COUNT); left > 0; left--, at += 12) {
    const index = load<i32>(at, 4);
    const sign = load<i32>(at, 8);
    const term = address(record, LOSS_TERMS) + usize(index) * (TERM_WORDS << 2);
    const rows = f32(int(term, sign > 0 ? TERM_ROWS : TERM_AGAINST_ROWS));
    const two: f32 = 2;
    const factor = (two * f32(sign)) / f32(size) / rows;
    const out = element(target, load<i32>(at) * size);
    for (let feature = 0; feature < size; feature++) {
      const difference = load<f32>(element(differences(record, index), feature));
      store<f32>(element(out, feature), load<f32>(element(out, feature)) + difference * factor);
    }
  }
}
