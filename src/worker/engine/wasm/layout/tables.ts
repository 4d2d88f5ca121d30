/** Records that operations point to: tables with an entry for each term, segment, image and the like. */

import type { Fields, Variants } from './fields.js';

/** A term of the losses, over `rows` rows of the logits or features from `firstRow` on. */
export const LOSS_TERM = {
  common: { metric: 'int', firstRow: 'int', rows: 'int' },
  kinds: {
    softmaxCrossEntropy: {},
    sigmoidCrossEntropy: { column: 'int', target: 'int' },
    featureMatching: {
      /** [rows of the forward pass, size] */
      features: 'address',
      size: 'int',
      againstFirstRow: 'int',
      againstRows: 'int',
    },
  },
} as const satisfies Variants;

/** A loss: the sum of terms, whose numbers are a list of words. */
export const LOSS_SUM = { metric: 'int', terms: 'address', termCount: 'int' } as const satisfies Fields;

/** Rows of the logits' gradient, and the numbers of the terms that act on them. */
export const LOGIT_SEGMENT = {
  rows: 'int',
  forwardRow: 'int',
  gradientRow: 'int',
  terms: 'address',
  termCount: 'int',
} as const satisfies Fields;

/** A segment whose features a term acts on: sign 1 for the term's own pass, -1 for the one it is held against. */
export const FEATURE_SEGMENT = { gradientSegment: 'int', term: 'int', sign: 'int' } as const satisfies Fields;
