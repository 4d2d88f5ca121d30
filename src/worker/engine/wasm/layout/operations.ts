/**
 * Records of operations: what a kernel is told, field by field. To add a field, add its line here, give it a value
 * where the operation is lowered (the compiler asks for it), and read it in the kernel by its name.
 */

import { variantWords, type Fields, type Values } from './fields.js';

export const OPERATIONS = {
  /**
   * Rows of images as floats. Row i shows the image that the pool has at an index drawn from the stream, or, of stream
   * 0, image `first` of the run's words + i; `bound` is the pool's length, or the number of images.
   */
  drawImages: {
    stream: 'int',
    pool: 'address',
    bound: 'int',
    rows: 'int',
    source: 'address',
    target: 'address',
    /** Bytes of an image, each of which becomes a float. */
    imageSize: 'int',
    /** 256 floats. */
    byteTable: 'address',
  },
  /** The same images' labels: bytes to words. */
  drawLabels: {
    stream: 'int',
    pool: 'address',
    bound: 'int',
    rows: 'int',
    source: 'address',
    target: 'address',
  },
  /** Floats uniform in [-1, 1). */
  drawLatents: { stream: 'int', count: 'int', target: 'address' },
  /** Keep bits of a dropout mask: set where 16 random bits are not below the threshold. */
  drawMask: { stream: 'int', count: 'int', threshold: 'int', target: 'address' },
  /** Losses, accuracy and gradients at the logits and features. */
  loss: {
    /** [rows of the forward pass, width] */
    logits: 'address',
    width: 'int',
    labels: 'address',
    /** LOSS_TERM */
    terms: 'address',
    termCount: 'int',
    /** LOSS_SUM */
    losses: 'address',
    lossCount: 'int',
    accuracyFirstRow: 'int',
    accuracyRows: 'int',
    accuracyMetric: 'int',
    /** LOGIT_SEGMENT */
    segments: 'address',
    segmentCount: 'int',
    /** [rows of the backward pass, width] */
    logitGradient: 'address',
    metrics: 'address',
    metricCount: 'int',
    /** FEATURE_SEGMENT */
    featureSegments: 'address',
    featureSegmentCount: 'int',
    /** [gradient segments, feature size], or 0 where no loss has one. */
    featureGradient: 'address',
    /** Segments that `featureGradient` has room for. */
    featureGradientSegments: 'int',
    featureSize: 'int',
    /** A value for each term. */
    termValues: 'address',
    /** For each term the difference of its two means of the features. */
    featureDifferences: 'address',
  },
  /** Adam on one parameter; its gradient is the sum of `partialSums` tensors, `partialSumStep` apart. */
  update: {
    value: 'address',
    m: 'address',
    v: 'address',
    gradient: 'address',
    partialSumStep: 'step',
    partialSums: 'int',
    size: 'int',
    beta1: 'float',
    beta2: 'float',
    /** 1 - beta, rounded once from the exact difference. */
    rest1: 'float',
    rest2: 'float',
    epsilon: 'float',
    /** Where the step's lr sqrt(1 - beta2^t) / (1 - beta1^t) is. */
    scaledRate: 'address',
  },
  /** Rows of logits, no more than `rows` of the run's words, whose first largest is at the label. */
  countCorrect: {
    logits: 'address',
    width: 'int',
    rows: 'int',
    labels: 'address',
    target: 'address',
  },
} as const satisfies Readonly<Record<string, Fields>>;

export type OperationName = keyof typeof OPERATIONS;
export type OperationValues<Name extends OperationName> = Values<(typeof OPERATIONS)[Name]>;

/** All operations, and what their records begin with. */
export const OPERATION = {
  /** Whether all threads meet after it. */
  common: { endsGroup: 'flag' },
  kinds: OPERATIONS,
} as const;

const LINE_WORDS = 16;
/**
 * The word that threads count the shares of an operation with, which they claim. It has a cache line to itself, as
 * all of them read the fields while others write it.
 */
export const SHARE_COUNTER_WORD = Math.ceil(variantWords(OPERATION) / LINE_WORDS) * LINE_WORDS;
/** Words from an operation to the next. */
export const OPERATION_WORDS = SHARE_COUNTER_WORD + LINE_WORDS;
