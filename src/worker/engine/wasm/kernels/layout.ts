/** Written by `npm run build` from `../layout/`, which says what the fields mean: change them there. */

export const OPERATION_BYTES: usize = 192;
export const SHARE_COUNTER: usize = 128;
export const LOSS_TERM_BYTES: usize = 32;

export const enum OperationKind {
  drawImages = 1,
  drawLabels = 2,
  drawLatents = 3,
  drawMask = 4,
  loss = 5,
  update = 6,
  countCorrect = 7,
}

// prettier-ignore
@unmanaged
export class Operation {
  kind: i32;
  endsGroup: i32;
}

// prettier-ignore
@unmanaged
export class DrawImagesOperation extends Operation {
  stream: i32;
  pool: usize;
  bound: i32;
  rows: i32;
  source: usize;
  target: usize;
  imageSize: i32;
  byteTable: usize;
}

// prettier-ignore
@unmanaged
export class DrawLabelsOperation extends Operation {
  stream: i32;
  pool: usize;
  bound: i32;
  rows: i32;
  source: usize;
  target: usize;
}

// prettier-ignore
@unmanaged
export class DrawLatentsOperation extends Operation {
  stream: i32;
  count: i32;
  target: usize;
}

// prettier-ignore
@unmanaged
export class DrawMaskOperation extends Operation {
  stream: i32;
  count: i32;
  threshold: i32;
  target: usize;
}

// prettier-ignore
@unmanaged
export class LossOperation extends Operation {
  logits: usize;
  width: i32;
  labels: usize;
  terms: usize;
  termCount: i32;
  losses: usize;
  lossCount: i32;
  accuracyFirstRow: i32;
  accuracyRows: i32;
  accuracyMetric: i32;
  segments: usize;
  segmentCount: i32;
  logitGradient: usize;
  metrics: usize;
  metricCount: i32;
  featureSegments: usize;
  featureSegmentCount: i32;
  featureGradient: usize;
  featureGradientSegments: i32;
  featureSize: i32;
  termValues: usize;
  featureDifferences: usize;
}

// prettier-ignore
@unmanaged
export class UpdateOperation extends Operation {
  value: usize;
  m: usize;
  v: usize;
  gradient: usize;
  partialSumStep: usize;
  partialSums: i32;
  size: i32;
  beta1: f32;
  beta2: f32;
  rest1: f32;
  rest2: f32;
  epsilon: f32;
  scaledRate: usize;
}

// prettier-ignore
@unmanaged
export class CountCorrectOperation extends Operation {
  logits: usize;
  width: i32;
  rows: i32;
  labels: usize;
  target: usize;
}

export const enum LossTermKind {
  softmaxCrossEntropy = 1,
  sigmoidCrossEntropy = 2,
  featureMatching = 3,
}

// prettier-ignore
@unmanaged
export class LossTerm {
  kind: i32;
  metric: i32;
  firstRow: i32;
  rows: i32;
}

// prettier-ignore
@unmanaged
export class SoftmaxCrossEntropyTerm extends LossTerm {
}

// prettier-ignore
@unmanaged
export class SigmoidCrossEntropyTerm extends LossTerm {
  column: i32;
  target: i32;
}

// prettier-ignore
@unmanaged
export class FeatureMatchingTerm extends LossTerm {
  features: usize;
  size: i32;
  againstFirstRow: i32;
  againstRows: i32;
}

// prettier-ignore
@unmanaged
export class LossSum {
  metric: i32;
  terms: usize;
  termCount: i32;
}

// prettier-ignore
@unmanaged
export class LogitSegment {
  rows: i32;
  forwardRow: i32;
  gradientRow: i32;
  terms: usize;
  termCount: i32;
}

// prettier-ignore
@unmanaged
export class FeatureSegment {
  gradientSegment: i32;
  term: i32;
  sign: i32;
}
