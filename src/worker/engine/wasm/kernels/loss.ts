/**
 * The losses: values of the terms, the losses as their sums, the step's accuracy, and the gradients at the logits and, for feature matching, at the features. A few thousand numbers: one thread, in order.
 */

import { claimWhole } from './threads/work-shares';
import {
  ConfidentShareTerm,
  ContrastiveTerm,
  FeatureMatchingTerm,
  FeatureSegment,
  LOSS_TERM_BYTES,
  LogitSegment,
  LogsumexpCrossEntropyTerm,
  LossOperation,
  LossSum,
  LossTerm,
  LossTermKind,
  PseudoLabelCrossEntropyTerm,
  SigmoidCrossEntropyTerm,
  SoftmaxCrossEntropyTerm,
} from './layout';
import { exponential, logarithm, sigmoid, softplus } from './common/math';
import { storeSome } from './common/simd';
import { entryAt, wordAt } from './common/tables';
import { clearFloats, copyFloats } from './snippets';


@inline
function scalar(values: v128): f32 {
  return f32x4.extract_lane(values, 0);
}


@inline
function element(base: usize, index: i32): usize {
  return base + (usize(index) << 2);
}

/** `scratch` takes the targets of a row. */
export function loss(record: LossOperation, scratch: usize): void {
  if (!claimWhole(record)) return;
  const metrics = record.metrics;
  for (let index = 0; index < record.termCount; index++) {
    const term = termAt(record, index);
    const value = termValue(record, term, index, scratch);
    store<f32>(element(record.termValues, index), value);
    store<f32>(element(metrics, term.metric), value);
  }
  sumTerms(record);
  if (record.accuracyRows > 0) store<f32>(element(metrics, record.accuracyMetric), accuracy(record));
  logitGradients(record, scratch);
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

function termValue(record: LossOperation, term: LossTerm, index: i32, scratch: usize): f32 {
  switch (term.kind) {
    case LossTermKind.softmaxCrossEntropy:
      return softmaxCrossEntropy(changetype<SoftmaxCrossEntropyTerm>(term));
    case LossTermKind.sigmoidCrossEntropy:
      return sigmoidCrossEntropy(changetype<SigmoidCrossEntropyTerm>(term));
    case LossTermKind.featureMatching:
      return featureMatching(record, changetype<FeatureMatchingTerm>(term), index);
    case LossTermKind.logsumexpCrossEntropy:
      return logsumexpCrossEntropy(changetype<LogsumexpCrossEntropyTerm>(term));
    case LossTermKind.pseudoLabelCrossEntropy:
      return pseudoLabelCrossEntropy(changetype<PseudoLabelCrossEntropyTerm>(term), scratch);
    case LossTermKind.confidentShare:
      return confidentShare(changetype<ConfidentShareTerm>(term));
    case LossTermKind.contrastive:
      return contrastive(changetype<ContrastiveTerm>(term));
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

function logsumexpCrossEntropy(term: LogsumexpCrossEntropyTerm): f32 {
  let sum: f32 = 0;
  for (let row = 0; row < term.rows; row++) {
    const total = logSumOfExponentials(element(term.logits, row * term.width), term.width);
    sum += scalar(softplus(f32x4.splat(term.target != 0 ? -total : total)));
  }
  return sum / f32(term.rows);
}

function pseudoLabelCrossEntropy(term: PseudoLabelCrossEntropyTerm, targets: usize): f32 {
  let sum: f32 = 0;
  for (let row = 0; row < term.rows; row++) {
    if (!findTargets(term, row, targets)) continue;
    const logits = element(term.logits, row * term.width);
    const total = logSumOfExponentials(logits, term.width);
    for (let column = 0; column < term.classes; column++) {
      sum += load<f32>(element(targets, column)) * (total - load<f32>(element(logits, column)));
    }
  }
  return sum / f32(term.rows);
}

/** Writes the targets of a row to `to`; false where it has none. */
function findTargets(term: PseudoLabelCrossEntropyTerm, row: i32, to: usize): boolean {
  const classes = term.classes;
  if (term.targets != 0) {
    const own = element(term.targets, row * classes);
    let sum: f32 = 0;
    for (let column = 0; column < classes; column++) sum += load<f32>(element(own, column));
    if (sum > 0) {
      copyFloats(own, to, classes);
      return true;
    }
  }
  if (term.teacher == 0) return false;
  const width = term.teacherWidth;
  const logits = element(term.teacher, row * width);
  if (!isConfident(logits, width, term.thresholds)) return false;
  if (term.isSoft != 0) {
    const total = logSumOfExponentials(logits, width);
    for (let column = 0; column < classes; column++) {
      store<f32>(element(to, column), probabilityOf(logits, column, total));
    }
    return true;
  }
  clearFloats(to, classes);
  const best = argmax(logits, width);
  if (best < classes) store<f32>(element(to, best), 1);
  return best < classes;
}


@inline
function probabilityOf(logits: usize, column: i32, total: f32): f32 {
  return scalar(exponential(f32x4.splat(load<f32>(element(logits, column)) - total)));
}

/** Whether the largest probability is above the threshold of its column, the first where several are as large. */
function isConfident(logits: usize, width: i32, thresholds: usize): boolean {
  const best = argmax(logits, width);
  const probability = probabilityOf(logits, best, logSumOfExponentials(logits, width));
  return probability > load<f32>(element(thresholds, best));
}

function confidentShare(term: ConfidentShareTerm): f32 {
  let confident = 0;
  for (let row = 0; row < term.rows; row++) {
    const logits = element(term.logits, row * term.width);
    if (isConfident(logits, term.width, term.thresholds)) confident++;
  }
  return f32(confident) / f32(term.rows);
}

function contrastive(term: ContrastiveTerm): f32 {
  let sum: f32 = 0;
  for (let row = 0; row < term.rows; row++) sum += load<f32>(element(term.statistics, 3 * row + 2));
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
  for (let feature = 0; feature < size; feature += 4) {
    const own = columnMeans(term.features, term.rows, size, feature);
    const other = columnMeans(term.against, term.againstRows, size, feature);
    storeSome(element(target, feature), f32x4.sub(own, other), size - feature);
  }
  const isAbsolute = term.isAbsolute != 0;
  let sum: f32 = 0;
  for (let feature = 0; feature < size; feature++) {
    const difference = load<f32>(element(target, feature));
    sum += isAbsolute ? abs<f32>(difference) : difference * difference;
  }
  return sum / f32(size);
}

/** Means over rows of four neighbouring features. */
function columnMeans(features: usize, rows: i32, size: i32, feature: i32): v128 {
  const step = usize(size) << 2;
  let at = element(features, feature);
  let sum = f32x4.splat(0);
  for (let row = 0; row < rows; row++, at += step) sum = f32x4.add(sum, v128.load(at));
  return f32x4.div(sum, f32x4.splat(f32(rows)));
}

function logitGradients(record: LossOperation, scratch: usize): void {
  const width = record.width;
  for (let i = 0; i < record.segmentCount; i++) {
    const segment = entryAt<LogitSegment>(record.segments, i);
    const target = element(record.logitGradient, segment.gradientRow * width);
    memory.fill(target, 0, usize(segment.rows * width) << 2);
    for (let j = 0; j < segment.termCount; j++) {
      const term = termAt(record, wordAt(segment.terms, j));
      for (let row = 0; row < segment.rows; row++) {
        addLogitGradient(term, row, element(target, row * width), scratch);
      }
    }
  }
}

function addLogitGradient(term: LossTerm, row: i32, target: usize, scratch: usize): void {
  const weight = weightOf(term);
  const rows = f32(term.rows);
  switch (term.kind) {
    case LossTermKind.softmaxCrossEntropy: {
      const own = changetype<SoftmaxCrossEntropyTerm>(term);
      addSoftmaxGradient(own.logits, own.width, row, wordAt(own.labels, row), 0, weight, rows, target);
      return;
    }
    case LossTermKind.sigmoidCrossEntropy: {
      const own = changetype<SigmoidCrossEntropyTerm>(term);
      const logit = load<f32>(element(own.logits, row * own.width + own.column));
      const probability = scalar(sigmoid(f32x4.splat(logit)));
      const at = element(target, own.column);
      store<f32>(at, load<f32>(at) + (weight * (probability - f32(own.target))) / rows);
      return;
    }
    case LossTermKind.logsumexpCrossEntropy: {
      const own = changetype<LogsumexpCrossEntropyTerm>(term);
      const total = logSumOfExponentials(element(own.logits, row * own.width), own.width);
      const slope = scalar(sigmoid(f32x4.splat(total))) - f32(own.target);
      addSoftmaxGradient(own.logits, own.width, row, -1, 0, weight * slope, rows, target);
      return;
    }
    case LossTermKind.pseudoLabelCrossEntropy: {
      const own = changetype<PseudoLabelCrossEntropyTerm>(term);
      if (!findTargets(own, row, scratch)) return;
      addSoftmaxGradient(own.logits, own.width, row, own.classes, scratch, weight, rows, target);
      return;
    }
  }
}

/**
 * Adds weight (sum of the targets x softmax - targets) / rows, where there are targets for the first `label` columns;
 * else weight (softmax - 1 at the column of the label) / rows, or weight x softmax / rows where the label is no column.
 */
function addSoftmaxGradient(
  base: usize,
  width: i32,
  row: i32,
  label: i32,
  targets: usize,
  weight: f32,
  rows: f32,
  to: usize,
): void {
  const logits = element(base, row * width);
  const total = logSumOfExponentials(logits, width);
  let sum: f32 = 1;
  if (targets != 0) {
    sum = 0;
    for (let column = 0; column < label; column++) sum += load<f32>(element(targets, column));
  }
  for (let column = 0; column < width; column++) {
    let wanted: f32 = 0;
    if (targets == 0) wanted = column == label ? 1 : 0;
    else if (column < label) wanted = load<f32>(element(targets, column));
    const at = element(to, column);
    const pull = sum * probabilityOf(logits, column, total) - wanted;
    store<f32>(at, load<f32>(at) + (weight * pull) / rows);
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
    const isAbsolute = term.isAbsolute != 0;
    const slope: f32 = isAbsolute ? 1 : 2;
    const factor = (weightOf(term) * slope * f32(segment.sign)) / f32(size) / rows;
    const out = element(target, segment.gradientSegment * size);
    const own = differences(record, segment.term);
    for (let feature = 0; feature < size; feature++) {
      const at = element(out, feature);
      const difference = load<f32>(element(own, feature));
      store<f32>(at, load<f32>(at) + (isAbsolute ? signOf(difference) : difference) * factor);
    }
  }
}

/** -1, 0 or 1. */
@inline
function signOf(value: f32): f32 {
  return f32(i32(value > 0) - i32(value < 0));
}
