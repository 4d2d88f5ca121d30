/** Written by `npm run build` from `../layout/`, which says what the fields mean: change them there. */

export const OPERATION_BYTES: usize = 192;
export const SHARE_COUNTER: usize = 128;
export const LOSS_TERM_BYTES: usize = 48;
export const SNIPPET_BYTES: usize = 24;
export const DEPTH_CHUNK: i32 = 256;

// prettier-ignore
@unmanaged
export class Run {
  key0: i32;
  key1: i32;
  step: i32;
  first: i32;
  rows: i32;
  unused5: i32;
  unused6: i32;
  unused7: i32;
  unused8: i32;
  unused9: i32;
  unused10: i32;
  unused11: i32;
  unused12: i32;
  unused13: i32;
  unused14: i32;
  unused15: i32;
  command: i32;
  program: usize;
  operations: i32;
  threads: i32;
  members: usize;
  spins: i32;
  patience: i32;
  tileColumns: i32;
  unused24: i32;
  unused25: i32;
  unused26: i32;
  unused27: i32;
  unused28: i32;
  unused29: i32;
  unused30: i32;
  unused31: i32;
  arrived: i32;
  unused33: i32;
  unused34: i32;
  unused35: i32;
  unused36: i32;
  unused37: i32;
  unused38: i32;
  unused39: i32;
  unused40: i32;
  unused41: i32;
  unused42: i32;
  unused43: i32;
  unused44: i32;
  unused45: i32;
  unused46: i32;
  unused47: i32;
  generation: i32;
  sleepers: i32;
  isBroken: i32;
  unused51: i32;
  unused52: i32;
  unused53: i32;
  unused54: i32;
  unused55: i32;
  unused56: i32;
  unused57: i32;
  unused58: i32;
  unused59: i32;
  unused60: i32;
  unused61: i32;
  unused62: i32;
  unused63: i32;
}

export const enum OperationKind {
  stage = 1,
  pack = 2,
  product = 3,
  similarities = 4,
  nearest = 5,
  spreadIteration = 6,
  overlapAdd = 7,
  transform = 8,
  toomProduct = 9,
  kernelGradient = 10,
  normPartials = 11,
  normFinish = 12,
  normInference = 13,
  normGradientPartials = 14,
  normGradientFinish = 15,
  biasPartials = 16,
  biasFinish = 17,
  groupNorm = 18,
  groupNormGradient = 19,
  contrastiveNormalise = 20,
  contrastiveRows = 21,
  contrastiveGradient = 22,
  drawImages = 23,
  drawViews = 24,
  drawLabels = 25,
  drawTargets = 26,
  drawNormals = 27,
  drawLatents = 28,
  drawClasses = 29,
  drawMask = 30,
  loss = 31,
  update = 32,
  countCorrect = 33,
}

// prettier-ignore
@unmanaged
export class Operation {
  kind: i32;
  endsGroup: i32;
}

// prettier-ignore
@unmanaged
export class StageOperation extends Operation {
  source: usize;
  target: usize;
  images: i32;
  height: i32;
  width: i32;
  channels: i32;
  top: i32;
  left: i32;
  paddedHeight: i32;
  paddedWidth: i32;
  prologue: usize;
  imageTable: usize;
}

// prettier-ignore
@unmanaged
export class PackOperation extends Operation {
  source: usize;
  target: usize;
  tapsY: i32;
  tapsX: i32;
  channels: i32;
  filters: i32;
  tapStepY: usize;
  tapStepX: usize;
  channelStep: usize;
  filterStep: usize;
  panelStep: usize;
}

// prettier-ignore
@unmanaged
export class ProductOperation extends Operation {
  windows: usize;
  windowImageStep: usize;
  windowRowStep: usize;
  windowColumnStep: usize;
  runs: i32;
  runLength: i32;
  runStep: usize;
  subProducts: usize;
  subProductCount: i32;
  images: i32;
  rowsY: i32;
  rowsX: i32;
  filters: i32;
  out: usize;
  outHeight: i32;
  outWidth: i32;
  scaleY: i32;
  scaleX: i32;
  epilogue: usize;
  imageTable: usize;
  isDirect: i32;
  bias: usize;
}

// prettier-ignore
@unmanaged
export class SimilaritiesOperation extends Operation {
  panels: usize;
  depth: i32;
  firstRow: i32;
  rows: i32;
  firstColumn: i32;
  columns: i32;
  out: usize;
  outStep: usize;
}

// prettier-ignore
@unmanaged
export class NearestOperation extends Operation {
  tile: usize;
  tileStep: usize;
  firstRow: i32;
  rows: i32;
  firstColumn: i32;
  columns: i32;
  ofColumns: i32;
  nearest: i32;
  values: usize;
  indices: usize;
  thresholds: usize;
}

// prettier-ignore
@unmanaged
export class SpreadIterationOperation extends Operation {
  rows: i32;
  starts: usize;
  columns: usize;
  weights: usize;
  alpha: usize;
  from: usize;
  into: usize;
}

// prettier-ignore
@unmanaged
export class OverlapAddOperation extends Operation {
  source: usize;
  target: usize;
  images: i32;
  rowsY: i32;
  rowsX: i32;
  columns: i32;
  lines: i32;
  taps: i32;
  channels: i32;
  height: i32;
  width: i32;
  stride: i32;
  top: i32;
  left: i32;
  epilogue: usize;
  imageTable: usize;
}

// prettier-ignore
@unmanaged
export class TransformOperation extends Operation {
  source: usize;
  sourceImageStep: usize;
  sourceWidth: i32;
  target: usize;
  images: i32;
  height: i32;
  width: i32;
  channels: i32;
  lines: usize;
  columns: usize;
  epilogue: usize;
  imageTable: usize;
}

// prettier-ignore
@unmanaged
export class ToomProductOperation extends Operation {
  images: i32;
  chunk: i32;
  toInput: usize;
  source: usize;
  kept: usize;
  products: usize;
  productCount: i32;
  toOutput: usize;
  stepOffset: usize;
  inputOffset: usize;
  resultsOffset: usize;
}

// prettier-ignore
@unmanaged
export class KernelGradientOperation extends Operation {
  windows: usize;
  runs: i32;
  runLength: i32;
  runStep: usize;
  gradients: usize;
  terms: usize;
  depth: i32;
  filters: i32;
  out: usize;
  outRunStep: usize;
}

// prettier-ignore
@unmanaged
export class NormPartialsOperation extends Operation {
  source: usize;
  target: usize;
  channels: i32;
  blocks: usize;
  blockCount: i32;
}

// prettier-ignore
@unmanaged
export class NormFinishOperation extends Operation {
  partials: usize;
  target: usize;
  channels: i32;
  blocks: usize;
  segments: usize;
  segmentCount: i32;
  gamma: usize;
  beta: usize;
  movingMean: usize;
  movingVariance: usize;
  epsilon: f32;
  momentum: f32;
  updatesRunning: i32;
}

// prettier-ignore
@unmanaged
export class NormInferenceOperation extends Operation {
  target: usize;
  channels: i32;
  gamma: usize;
  beta: usize;
  movingMean: usize;
  movingVariance: usize;
  epsilon: f32;
}

// prettier-ignore
@unmanaged
export class NormGradientPartialsOperation extends Operation {
  source: usize;
  raw: usize;
  statistics: usize;
  target: usize;
  channels: i32;
  blocks: usize;
  blockCount: i32;
}

// prettier-ignore
@unmanaged
export class NormGradientFinishOperation extends Operation {
  partials: usize;
  target: usize;
  channels: i32;
  blocks: usize;
  segments: usize;
  segmentCount: i32;
  gamma: usize;
  statistics: usize;
  gradient: usize;
}

// prettier-ignore
@unmanaged
export class BiasPartialsOperation extends Operation {
  source: usize;
  partials: usize;
  channels: i32;
  positions: i32;
  images: i32;
  prologue: usize;
  imageTable: usize;
}

// prettier-ignore
@unmanaged
export class BiasFinishOperation extends Operation {
  partials: usize;
  partialStep: usize;
  target: usize;
  channels: i32;
  images: i32;
}

// prettier-ignore
@unmanaged
export class GroupNormOperation extends Operation {
  source: usize;
  target: usize;
  statistics: usize;
  images: i32;
  positions: i32;
  channels: i32;
  groups: i32;
  gamma: usize;
  beta: usize;
  epsilon: f32;
  slope: f32;
  epilogue: usize;
  imageTable: usize;
}

// prettier-ignore
@unmanaged
export class GroupNormGradientOperation extends Operation {
  source: usize;
  raw: usize;
  statistics: usize;
  target: usize;
  images: i32;
  positions: i32;
  channels: i32;
  groups: i32;
  gamma: usize;
  partials: usize;
  imageTable: usize;
}

// prettier-ignore
@unmanaged
export class ContrastiveNormaliseOperation extends Operation {
  embeddings: usize;
  width: i32;
  rows: i32;
  firstRow: i32;
  secondRow: i32;
  target: usize;
  statistics: usize;
}

// prettier-ignore
@unmanaged
export class ContrastiveRowsOperation extends Operation {
  normalised: usize;
  width: i32;
  rows: i32;
  temperature: f32;
  statistics: usize;
}

// prettier-ignore
@unmanaged
export class ContrastiveGradientOperation extends Operation {
  normalised: usize;
  width: i32;
  rows: i32;
  temperature: f32;
  statistics: usize;
  weight: usize;
  target: usize;
  gradientRows: usize;
  gradientRowCount: i32;
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
export class DrawViewsOperation extends Operation {
  stream: i32;
  pool: usize;
  bound: i32;
  rows: i32;
  source: usize;
  target: usize;
  byteTable: usize;
  height: i32;
  width: i32;
  channels: i32;
  viewStream: i32;
  rotation: f32;
  scale: f32;
  shift: f32;
  shear: f32;
  aspect: f32;
  displacement: f32;
  cutOut: i32;
  strokeLimit: i32;
  brightness: f32;
  contrast: f32;
  isEdge: i32;
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
export class DrawTargetsOperation extends Operation {
  stream: i32;
  bound: i32;
  rows: i32;
  source: usize;
  width: i32;
  target: usize;
}

// prettier-ignore
@unmanaged
export class DrawNormalsOperation extends Operation {
  stream: i32;
  count: i32;
  target: usize;
}

// prettier-ignore
@unmanaged
export class DrawLatentsOperation extends Operation {
  stream: i32;
  count: i32;
  size: i32;
  classes: i32;
  target: usize;
}

// prettier-ignore
@unmanaged
export class DrawClassesOperation extends Operation {
  rows: i32;
  classes: i32;
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
  terms: usize;
  termCount: i32;
  losses: usize;
  lossCount: i32;
  accuracyRows: i32;
  accuracyLogits: usize;
  accuracyWidth: i32;
  accuracyLabels: usize;
  accuracyMetric: i32;
  segments: usize;
  segmentCount: i32;
  logitGradient: usize;
  width: i32;
  metrics: usize;
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
  average: usize;
  averageRate: usize;
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
  logsumexpCrossEntropy = 4,
  pseudoLabelCrossEntropy = 5,
  confidentShare = 6,
  contrastive = 7,
}

// prettier-ignore
@unmanaged
export class LossTerm {
  kind: i32;
  metric: i32;
  rows: i32;
  weight: usize;
}

// prettier-ignore
@unmanaged
export class SoftmaxCrossEntropyTerm extends LossTerm {
  logits: usize;
  width: i32;
  labels: usize;
}

// prettier-ignore
@unmanaged
export class SigmoidCrossEntropyTerm extends LossTerm {
  logits: usize;
  width: i32;
  column: i32;
  target: i32;
}

// prettier-ignore
@unmanaged
export class FeatureMatchingTerm extends LossTerm {
  features: usize;
  against: usize;
  size: i32;
  againstRows: i32;
  isAbsolute: i32;
}

// prettier-ignore
@unmanaged
export class LogsumexpCrossEntropyTerm extends LossTerm {
  logits: usize;
  width: i32;
  target: i32;
}

// prettier-ignore
@unmanaged
export class PseudoLabelCrossEntropyTerm extends LossTerm {
  logits: usize;
  width: i32;
  classes: i32;
  teacher: usize;
  teacherWidth: i32;
  thresholds: usize;
  isSoft: i32;
  targets: usize;
}

// prettier-ignore
@unmanaged
export class ConfidentShareTerm extends LossTerm {
  logits: usize;
  width: i32;
  thresholds: usize;
}

// prettier-ignore
@unmanaged
export class ContrastiveTerm extends LossTerm {
  statistics: usize;
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

export const enum SnippetKind {
  bias = 1,
  affine = 2,
  leaky = 3,
  tanh = 4,
  mask = 5,
  normGradient = 6,
  leakyGradient = 7,
  leakyAffineGradient = 8,
  tanhGradient = 9,
  noise = 10,
  segmentVector = 11,
}

// prettier-ignore
@unmanaged
export class Snippet {
  kind: i32;
}

// prettier-ignore
@unmanaged
export class BiasSnippet extends Snippet {
  values: usize;
}

// prettier-ignore
@unmanaged
export class AffineSnippet extends Snippet {
  scale: usize;
  segmentStep: usize;
  tableStep: usize;
}

// prettier-ignore
@unmanaged
export class LeakySnippet extends Snippet {
  slope: f32;
}

// prettier-ignore
@unmanaged
export class TanhSnippet extends Snippet {
}

// prettier-ignore
@unmanaged
export class MaskSnippet extends Snippet {
  bits: usize;
  offsets: usize;
  scale: f32;
}

// prettier-ignore
@unmanaged
export class NormGradientSnippet extends Snippet {
  raw: usize;
  p: usize;
  segmentStep: usize;
  tableStep: usize;
}

// prettier-ignore
@unmanaged
export class LeakyGradientSnippet extends Snippet {
  saved: usize;
  slope: f32;
}

// prettier-ignore
@unmanaged
export class LeakyAffineGradientSnippet extends Snippet {
  saved: usize;
  slope: f32;
  scale: usize;
  segmentStep: usize;
  tableStep: usize;
}

// prettier-ignore
@unmanaged
export class TanhGradientSnippet extends Snippet {
  saved: usize;
}

// prettier-ignore
@unmanaged
export class NoiseSnippet extends Snippet {
  noise: usize;
  deviation: f32;
}

// prettier-ignore
@unmanaged
export class SegmentVectorSnippet extends Snippet {
  vectors: usize;
  segmentStep: usize;
}

// prettier-ignore
@unmanaged
export class Image {
  sourceRow: i32;
  forwardRow: i32;
  targetRow: i32;
  forwardSegment: i32;
  gradientSegment: i32;
  passRow: i32;
}

// prettier-ignore
@unmanaged
export class SubProduct {
  right: usize;
  panelStep: usize;
  first: i32;
  pieces: i32;
  pieceLength: i32;
  pieceStep: i32;
  offsetY: i32;
  offsetX: i32;
}

// prettier-ignore
@unmanaged
export class Combination {
  termCount: i32;
  place0: usize;
  place1: usize;
  place2: usize;
  factor0: f32;
  factor1: f32;
  factor2: f32;
}

// prettier-ignore
@unmanaged
export class NormBlock {
  first: i32;
  positions: i32;
}

// prettier-ignore
@unmanaged
export class NormSegment {
  firstBlock: i32;
  blocks: i32;
  forwardSegment: i32;
}

// prettier-ignore
@unmanaged
export class NormGradientBlock {
  first: i32;
  firstRaw: i32;
  positions: i32;
  forwardSegment: i32;
}

// prettier-ignore
@unmanaged
export class NormGradientSegment {
  firstBlock: i32;
  blocks: i32;
  forwardSegment: i32;
  gradientSegment: i32;
  trains: i32;
}
