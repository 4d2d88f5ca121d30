/**
 * Records of operations: what a kernel is told, field by field. To add a field, add its line here, give it a value
 * where the operation is lowered (the compiler asks for it), and read it in the kernel by its name.
 */

import { variantWords, wholeLines, type Fields, type Values } from './fields.js';

const OPERATIONS = {
  /** Copies images with the prologue applied and, where windows reach beyond them, a border of zeros. */
  stage: {
    source: 'address',
    target: 'address',
    images: 'int',
    height: 'int',
    width: 'int',
    channels: 'int',
    /** Rows and columns of zeros before the image, and all there are with them. */
    top: 'int',
    left: 'int',
    paddedHeight: 'int',
    paddedWidth: 'int',
    /** SNIPPET */
    prologue: 'address',
    /** IMAGE */
    imageTable: 'address',
  },
  /**
   * Packs weights as a right operand: panels of eight columns, [panel][depth][8], zero past the last filter. The depth
   * is (tap y, tap x, channel), a column a filter. Steps are negative where taps run backwards.
   */
  pack: {
    source: 'address',
    target: 'address',
    tapsY: 'int',
    tapsX: 'int',
    channels: 'int',
    filters: 'int',
    tapStepY: 'step',
    tapStepX: 'step',
    channelStep: 'step',
    filterStep: 'step',
    /** From a panel to the next: more than its depth where several records fill it. */
    panelStep: 'step',
  },
  /**
   * Matrix products of windows and packed columns. Row (image, y, x) of the left operand is a window, which begins at
   * `windows` + its steps and has `runs` runs of `runLength` floats. Several sub-products may share the windows, if these
   * have no more than DEPTH_CHUNK floats; output (y, x) of each goes to pixel (scale y + offset, scale x + offset).
   */
  product: {
    windows: 'address',
    windowImageStep: 'step',
    windowRowStep: 'step',
    windowColumnStep: 'step',
    runs: 'int',
    runLength: 'int',
    runStep: 'step',
    /** SUB_PRODUCT */
    subProducts: 'address',
    subProductCount: 'int',
    images: 'int',
    rowsY: 'int',
    rowsX: 'int',
    /** Output channels. */
    filters: 'int',
    out: 'address',
    outHeight: 'int',
    outWidth: 'int',
    scaleY: 'int',
    scaleX: 'int',
    /** SNIPPET */
    epilogue: 'address',
    /** IMAGE */
    imageTable: 'address',
    /** Whether the micro-kernel stores outputs where they belong: channels fill whole panels. */
    isDirect: 'flag',
    /** What the accumulators begin with, where outputs are direct; 0 for zeros. */
    bias: 'address',
  },
  /**
   * Products of rows of a matrix with other rows of it: a tile of `rows` x `columns`, its lines `outStep` bytes apart. The
   * matrix is packed in panels of eight rows, [panel][depth][8]. First row and rows are multiples of 24, first column and
   * columns of 8.
   */
  similarities: {
    panels: 'address',
    depth: 'int',
    firstRow: 'int',
    rows: 'int',
    firstColumn: 'int',
    columns: 'int',
    out: 'address',
    outStep: 'step',
  },
  /**
   * Takes from a tile what is nearer to a row of the matrix than the nearest so far: to those that are the tile's rows, or
   * to its columns. Lists [row, nearest] are in falling order, equal values in that of indices.
   */
  nearest: {
    tile: 'address',
    tileStep: 'step',
    firstRow: 'int',
    rows: 'int',
    firstColumn: 'int',
    /** For columns a multiple of 4, of which those past the matrix are lists that nobody reads. */
    columns: 'int',
    ofColumns: 'flag',
    nearest: 'int',
    values: 'address',
    indices: 'address',
    /** The last value of each list. */
    thresholds: 'address',
  },
  /**
   * An iteration of label spreading: into = alpha S from, where S is sparse and stored by rows (CSR), and the others have eight
   * float64 columns.
   */
  spreadIteration: {
    rows: 'int',
    /** [rows + 1] int32 */
    starts: 'address',
    /** int32 */
    columns: 'address',
    /** float64 */
    weights: 'address',
    /** One float64. */
    alpha: 'address',
    from: 'address',
    into: 'address',
  },
  /**
   * Adds up the rows of a matrix product where they overlap (overlap-add, or col2im), then applies the epilogue. There is
   * a row for each position (y, x) of the small side; it has the kernel's lines one after the other, floats (tap x, channel),
   * and `columns` floats in all. Line i goes to line stride y - top + i of the output, from pixel stride x - left on.
   */
  overlapAdd: {
    source: 'address',
    target: 'address',
    images: 'int',
    rowsY: 'int',
    rowsX: 'int',
    columns: 'int',
    lines: 'int',
    /** Taps of a line. */
    taps: 'int',
    channels: 'int',
    height: 'int',
    width: 'int',
    stride: 'int',
    top: 'int',
    left: 'int',
    /** SNIPPET */
    epilogue: 'address',
    /** IMAGE */
    imageTable: 'address',
  },
  /**
   * A transform of the Toom-Cook products: images whose lines are linear combinations of lines of others, whose columns
   * are then combinations of columns, and the epilogue.
   */
  transform: {
    source: 'address',
    sourceImageStep: 'step',
    sourceWidth: 'int',
    target: 'address',
    images: 'int',
    height: 'int',
    width: 'int',
    /** A multiple of eight. */
    channels: 'int',
    /** COMBINATION, one for each line and one for each column. */
    lines: 'address',
    columns: 'address',
    /** SNIPPET */
    epilogue: 'address',
    /** IMAGE; 0 where image i goes to row i. */
    imageTable: 'address',
  },
  /**
   * A product by Toom-Cook transforms. A chunk of images goes through all steps on one thread: no barrier comes between
   * them, and what a step leaves the next, in the thread's scratch, stays in its caches. The records of the steps hold what is
   * the same for every chunk; places in scratch count from 0.
   */
  toomProduct: {
    images: 'int',
    /** Images of a chunk. */
    chunk: 'int',
    /** The transform of the input, its images, and where the transformed ones stay; 0 where they do not. */
    toInput: 'address',
    source: 'address',
    kept: 'address',
    /** Products, one after the other. */
    products: 'address',
    productCount: 'int',
    /** The transform of the results to outputs, with an image table of all images. */
    toOutput: 'address',
    /** Where in scratch the copy of a step's record, the transformed input and the results begin. */
    stepOffset: 'step',
    inputOffset: 'step',
    resultsOffset: 'step',
  },
  /**
   * Gradient of a kernel. A row of the output is (run, float in it) of the windows, a column a filter; the depth is the
   * positions of all images. Term t multiplies the window at `windows` + terms[2 t] by the filters at `gradients` +
   * terms[2 t + 1].
   */
  kernelGradient: {
    windows: 'address',
    runs: 'int',
    runLength: 'int',
    runStep: 'step',
    gradients: 'address',
    /** Pairs of distances in bytes. */
    terms: 'address',
    depth: 'int',
    filters: 'int',
    out: 'address',
    /** From the first row of a run to that of the next. */
    outRunStep: 'step',
  },
  /** Mean and sum of squared deviations of blocks of positions, into [block, 2, channels in whole vectors]. */
  normPartials: {
    source: 'address',
    target: 'address',
    channels: 'int',
    /** NORM_BLOCK */
    blocks: 'address',
    blockCount: 'int',
  },
  /** The blocks' statistics merged in order, by segment, into [segment, 4, channels]. */
  normFinish: {
    partials: 'address',
    target: 'address',
    channels: 'int',
    /** NORM_BLOCK */
    blocks: 'address',
    /** NORM_SEGMENT */
    segments: 'address',
    segmentCount: 'int',
    gamma: 'address',
    beta: 'address',
    movingMean: 'address',
    movingVariance: 'address',
    epsilon: 'float',
    momentum: 'float',
    updatesRunning: 'flag',
  },
  /** The same statistics, from the running ones. */
  normInference: {
    target: 'address',
    channels: 'int',
    gamma: 'address',
    beta: 'address',
    movingMean: 'address',
    movingVariance: 'address',
    epsilon: 'float',
  },
  /** Sums of g and of g x' over blocks of positions, into [block, 2, channels in whole vectors]. */
  normGradientPartials: {
    source: 'address',
    /** What the norm was applied to in the forward pass, and its statistics. */
    raw: 'address',
    statistics: 'address',
    target: 'address',
    channels: 'int',
    /** NORM_GRADIENT_BLOCK */
    blocks: 'address',
    blockCount: 'int',
  },
  /** Coefficients [segment, 3, channels] of the input's gradient, and the gradient [2, channels] of gamma and beta. */
  normGradientFinish: {
    partials: 'address',
    target: 'address',
    channels: 'int',
    /** NORM_GRADIENT_BLOCK */
    blocks: 'address',
    /** NORM_GRADIENT_SEGMENT */
    segments: 'address',
    segmentCount: 'int',
    gamma: 'address',
    statistics: 'address',
    /** 0 where nobody needs it. */
    gradient: 'address',
  },
  /** Sums over the positions of each image after a prologue, into [image, channels in whole vectors]. */
  biasPartials: {
    source: 'address',
    partials: 'address',
    channels: 'int',
    positions: 'int',
    images: 'int',
    /** SNIPPET */
    prologue: 'address',
    /** IMAGE */
    imageTable: 'address',
  },
  /** The sums of all images, `partialStep` apart, added up in order. */
  biasFinish: {
    partials: 'address',
    partialStep: 'step',
    target: 'address',
    channels: 'int',
    images: 'int',
  },
  /** Group norm of each image, then `leaky` and the epilogue; mean and 1 / deviation go to [forward row, 2, groups]. */
  groupNorm: {
    source: 'address',
    target: 'address',
    statistics: 'address',
    images: 'int',
    positions: 'int',
    channels: 'int',
    groups: 'int',
    gamma: 'address',
    beta: 'address',
    epsilon: 'float',
    /** Slope below zero of the activation that follows at once; 1 where none does. */
    slope: 'float',
    /** SNIPPET */
    epilogue: 'address',
    /** IMAGE */
    imageTable: 'address',
  },
  /** Its input's gradient; sums of g x' and of g over positions go to [gradient row, 2, channels in whole vectors]. */
  groupNormGradient: {
    source: 'address',
    raw: 'address',
    statistics: 'address',
    target: 'address',
    images: 'int',
    positions: 'int',
    channels: 'int',
    groups: 'int',
    gamma: 'address',
    partials: 'address',
    /** IMAGE */
    imageTable: 'address',
  },
  /**
   * Embeddings of two runs of `rows` rows, divided by their lengths, into [row, width in whole vectors], the first run's
   * before the second's; 1 / length goes to column 0 of the statistics, unless these are 0.
   */
  contrastiveNormalise: {
    embeddings: 'address',
    width: 'int',
    rows: 'int',
    firstRow: 'int',
    secondRow: 'int',
    target: 'address',
    statistics: 'address',
  },
  /** For each of them the logarithm of its sum of exponentials, and its loss, to columns 1 and 2 of the statistics. */
  contrastiveRows: {
    normalised: 'address',
    width: 'int',
    rows: 'int',
    temperature: 'float',
    statistics: 'address',
  },
  /** Gradients at the embeddings, to a row for each pair of first rows in the list. */
  contrastiveGradient: {
    normalised: 'address',
    width: 'int',
    rows: 'int',
    temperature: 'float',
    statistics: 'address',
    weight: 'address',
    target: 'address',
    /** Words: first row of one run and of the other, for each place that takes the gradient. */
    gradientRows: 'address',
    gradientRowCount: 'int',
  },
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
  /**
   * The same, each row warped by words of a stream of its own, as `model/views.ts` says. A thread's scratch holds an image
   * with a border, see `draw.ts`.
   */
  drawViews: {
    stream: 'int',
    pool: 'address',
    bound: 'int',
    rows: 'int',
    source: 'address',
    target: 'address',
    byteTable: 'address',
    height: 'int',
    width: 'int',
    channels: 'int',
    viewStream: 'int',
    rotation: 'float',
    scale: 'float',
    shift: 'float',
    shear: 'float',
    aspect: 'float',
    displacement: 'float',
    cutOut: 'int',
    /** A stroke is drawn where 24 random bits are below it. */
    strokeLimit: 'int',
    brightness: 'float',
    contrast: 'float',
    /** Whether the edge goes on outside, not the background. */
    isEdge: 'flag',
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
  /** Rows of a table, `bound` of them, by drawn index. */
  drawTargets: {
    stream: 'int',
    bound: 'int',
    rows: 'int',
    source: 'address',
    width: 'int',
    target: 'address',
  },
  /** Floats that are about normal. */
  drawNormals: { stream: 'int', count: 'int', target: 'address' },
  /** Floats uniform in [-1, 1), `size` of them a row; the first `classes` of row r are 1 at r mod `classes`, else 0. */
  drawLatents: { stream: 'int', count: 'int', size: 'int', classes: 'int', target: 'address' },
  /** Words r mod `classes`. */
  drawClasses: { rows: 'int', classes: 'int', target: 'address' },
  /** Keep bits of a dropout mask: set where 16 random bits are not below the threshold. */
  drawMask: { stream: 'int', count: 'int', threshold: 'int', target: 'address' },
  /** Losses, accuracy and gradients at the logits and features. */
  loss: {
    /** LOSS_TERM */
    terms: 'address',
    termCount: 'int',
    /** LOSS_SUM */
    losses: 'address',
    lossCount: 'int',
    /** Rows of logits that the accuracy is taken over, and their labels; none where another phase has it. */
    accuracyRows: 'int',
    accuracyLogits: 'address',
    accuracyWidth: 'int',
    accuracyLabels: 'address',
    accuracyMetric: 'int',
    /** LOGIT_SEGMENT; none where a `contrastiveGradient` has the gradients. */
    segments: 'address',
    segmentCount: 'int',
    /** [rows of the backward pass, width] */
    logitGradient: 'address',
    width: 'int',
    metrics: 'address',
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
    /** The average that follows, and where its rate of the step is; 0 where none is kept. */
    average: 'address',
    averageRate: 'address',
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

/**
 * The word that threads count the shares of an operation with, which they claim. It has a cache line to itself, as
 * all of them read the fields while others write it.
 */
export const SHARE_COUNTER_WORD = wholeLines(variantWords(OPERATION));
/** Words from an operation to the next. */
export const OPERATION_WORDS = wholeLines(SHARE_COUNTER_WORD + 1);

/** Floats of the depth of a product that are packed and multiplied at a time: they stay in the L1 cache. */
export const DEPTH_CHUNK = 256;
