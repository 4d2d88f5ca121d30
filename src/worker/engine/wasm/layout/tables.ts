/** Records that operations point to: tables with an entry for each term, segment, image and the like. */

import type { Fields, Variants } from './fields.js';

/** A term of the losses over `rows` rows, whose logits, labels or features begin at the addresses. */
export const LOSS_TERM = {
  common: {
    metric: 'int',
    rows: 'int',
    /** Where its weight of the step is. */
    weight: 'address',
  },
  kinds: {
    softmaxCrossEntropy: { logits: 'address', width: 'int', labels: 'address' },
    sigmoidCrossEntropy: { logits: 'address', width: 'int', column: 'int', target: 'int' },
    featureMatching: {
      /** [rows, size] and [against rows, size] */
      features: 'address',
      against: 'address',
      size: 'int',
      againstRows: 'int',
      /** Whether absolute differences count, not squares. */
      isAbsolute: 'flag',
    },
    logsumexpCrossEntropy: { logits: 'address', width: 'int', target: 'int' },
    pseudoLabelCrossEntropy: {
      logits: 'address',
      width: 'int',
      classes: 'int',
      /** Logits of the teacher, or 0, and a float for each of its columns. */
      teacher: 'address',
      teacherWidth: 'int',
      thresholds: 'address',
      isSoft: 'flag',
      /** [rows, classes], or 0. */
      targets: 'address',
    },
    /** Thresholds: a float for each column. */
    confidentShare: { logits: 'address', width: 'int', thresholds: 'address' },
    /** The mean of column 2 of [rows, 3]. */
    contrastive: { statistics: 'address' },
  },
} as const satisfies Variants;

/** A loss: the weighted sum of terms, whose numbers are a list of words. */
export const LOSS_SUM = { metric: 'int', terms: 'address', termCount: 'int' } as const satisfies Fields;

/** Rows of the logits' gradient, and the numbers of the terms that act on them. */
export const LOGIT_SEGMENT = {
  rows: 'int',
  gradientRow: 'int',
  terms: 'address',
  termCount: 'int',
} as const satisfies Fields;

/** A segment whose features a term acts on: sign 1 for the term's own pass, -1 for the one it is held against. */
export const FEATURE_SEGMENT = { gradientSegment: 'int', term: 'int', sign: 'int' } as const satisfies Fields;

/** A row of the plan that an operation works on ("image" here, since most have positions). */
export const IMAGE = {
  /** Row of the operand, of tensors of the forward pass, and of the result. */
  sourceRow: 'int',
  forwardRow: 'int',
  targetRow: 'int',
  forwardSegment: 'int',
  gradientSegment: 'int',
  /** Number of the row within its pass, which a mask's elements are counted by. */
  passRow: 'int',
} as const satisfies Fields;

/** One of the products that share windows: which floats of each it multiplies, with what, and where outputs go. */
export const SUB_PRODUCT = {
  right: 'address',
  panelStep: 'step',
  /** Of a window's floats from `first` on `pieces` pieces of `pieceLength`, each `pieceStep` floats after the last. */
  first: 'int',
  pieces: 'int',
  pieceLength: 'int',
  pieceStep: 'int',
  offsetY: 'int',
  offsetX: 'int',
} as const satisfies Fields;

/** Terms of a linear combination, at most. */
export const MOST_TERMS = 3;

/** A linear combination of what lies at up to three places. A single term has factor 1. */
export const COMBINATION = {
  termCount: 'int',
  place0: 'step',
  place1: 'step',
  place2: 'step',
  factor0: 'float',
  factor1: 'float',
  factor2: 'float',
} as const satisfies Fields;

/** Neighbouring positions of a segment, of whose statistics a norm's are made. */
export const NORM_BLOCK = { first: 'int', positions: 'int' } as const satisfies Fields;

export const NORM_SEGMENT = {
  firstBlock: 'int',
  blocks: 'int',
  forwardSegment: 'int',
} as const satisfies Fields;

/** First positions of the gradient and of what the norm was applied to. */
export const NORM_GRADIENT_BLOCK = {
  first: 'int',
  firstRaw: 'int',
  positions: 'int',
  forwardSegment: 'int',
} as const satisfies Fields;

export const NORM_GRADIENT_SEGMENT = {
  firstBlock: 'int',
  blocks: 'int',
  forwardSegment: 'int',
  gradientSegment: 'int',
  /** Whether it counts towards the gradient of gamma and beta. */
  trains: 'flag',
} as const satisfies Fields;

/**
 * A step of a prologue or an epilogue: what happens to the channels of one position. Scales and shifts, and p, q and r,
 * are tables of channels: `tableStep` bytes from one of them to the next, `segmentStep` from a segment's to the next one's.
 * `offsets` has for each forward segment the word of `bits` that its mask begins with.
 */
export const SNIPPET = {
  common: {},
  kinds: {
    /** x + values[channel] */
    bias: { values: 'address' },
    /** x scale[forward segment][channel] + shift[forward segment][channel] */
    affine: { scale: 'address', segmentStep: 'step', tableStep: 'step' },
    /** x where x > 0, else slope x */
    leaky: { slope: 'float' },
    tanh: {},
    /** x scale where the element's bit is set, else 0 */
    mask: { bits: 'address', offsets: 'address', scale: 'float' },
    /** p x + q raw[element] + r, tables of the gradient segment */
    normGradient: { raw: 'address', p: 'address', segmentStep: 'step', tableStep: 'step' },
    /** x where saved[element] > 0, else slope x */
    leakyGradient: { saved: 'address', slope: 'float' },
    /** The same with saved[element] scaled and shifted first. */
    leakyAffineGradient: {
      saved: 'address',
      slope: 'float',
      scale: 'address',
      segmentStep: 'step',
      tableStep: 'step',
    },
    /** x (1 - saved[element]^2) */
    tanhGradient: { saved: 'address' },
    /** x + deviation noise[element] */
    noise: { noise: 'address', deviation: 'float' },
    /** x + vector[gradient segment][element of the row] */
    segmentVector: { vectors: 'address', segmentStep: 'step' },
  },
} as const satisfies Variants;
