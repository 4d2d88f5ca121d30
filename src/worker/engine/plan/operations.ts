/**
 * The fused operations that a plan is made of: the whole contract between the plan and the engines
 * that run it. Plain data, every shape fixed; docs/plan.md explains it with the notebook's table.
 *
 * Rows: the forward tensors of a stack (the passes of one network that are computed together) share one
 * numbering of rows, in which the passes follow each other as segments. Its gradients share another, in
 * which each (pass, loss) pair is a segment. Every operation lists its segments with both numbers, so an
 * engine never has to know which pass is which. No tile may straddle two segments.
 */

import type { WarpView } from '../../../recipe/recipe.js';
import type { Direction, Geometry, Side } from './geometry.js';
import type { StepScalar } from './step-scalars.js';

/** Index into `Program.tensors`. */
export type TensorId = number;

/**
 * What a tensor is for, which also says where it lies. `activation` tensors share coloured buffers;
 * every other storage is one buffer of its own.
 *
 * `draws`: what the step drew. `statistics`, `gradientStatistics`: of norms and of contrastive terms. `gradients`:
 * partial sums of parameter gradients. `results`: metrics, step scalars, counts.
 */
export type Storage = 'activation' | 'draws' | 'statistics' | 'gradientStatistics' | 'gradients' | 'results';

/** How an element is stored; `f16` (see `half-activations.ts`) is computed with as f32. */
export type TensorType = 'f32' | 'u32' | 'f16';

export interface PlanTensor {
  readonly id: TensorId;
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: TensorType;
  readonly storage: Storage;
}

/** Rows that one operation works on, and what belongs to them. */
export interface OpSegment {
  readonly rows: number;
  /** First row in tensors of the network's forward pass. */
  readonly forwardRow: number;
  /** Number of the first row within its pass, which a mask's elements are counted by. */
  readonly passRow: number;
  /** Which segment of the forward pass: index into `statistics` tensors and into a mask's offsets. */
  readonly forwardSegment: number;
  /** First row in tensors of the network's backward pass; 0 in a forward operation. */
  readonly gradientRow: number;
  /** Which segment of the backward pass: index into `gradientStatistics` and segment vectors. */
  readonly gradientSegment: number;
  /** First row of the operation's target. */
  readonly targetRow: number;
  /** Which of the network's instances: index into the parameter names of the operation. */
  readonly instance: number;
}

/**
 * One element-wise step of a prologue (on the way in: from a stored element to the value that an operation
 * computes with) or of an epilogue (on the way out: from an accumulator to the element that is stored).
 */
export type Snippet =
  /** x * scale + shift of the forward segment and channel: `statistics` [segments, 4, C], rows 2 and 3. */
  | { readonly kind: 'affine'; readonly statistics: TensorId }
  /** x + parameter[channel]; the name by instance. */
  | { readonly kind: 'bias'; readonly parameters: readonly string[] }
  | { readonly kind: 'activation'; readonly activation: Activation }
  /**
   * x * scale where the element's bit is set, 0 where not. Element e (NHWC order) of the pass is bit
   * e & 31 of word `offsets[forwardSegment] + (e >> 5)` of `bits`.
   */
  | {
      readonly kind: 'mask';
      readonly bits: TensorId;
      readonly offsets: readonly number[];
      readonly scale: number;
    }
  /**
   * Batch norm's input gradient: p x + q y + r, with x the gradient at its output, y the element of
   * `raw` (forward rows) and [p, q, r] of the gradient segment and channel: [segments, 3, C].
   */
  | { readonly kind: 'normGradient'; readonly raw: TensorId; readonly coefficients: TensorId }
  /**
   * x * activation'(·), the derivative taken from the element of `at` (forward rows) after its `prologue`
   * (an affine, tanh, or nothing): for the two ReLUs a value of the sign of their input, for tanh its output.
   */
  | {
      readonly kind: 'activationGradient';
      readonly activation: Activation;
      readonly at: TensorId;
      readonly prologue: readonly Snippet[];
    }
  /** x + deviation * the element of `values` (forward rows). In the prologue of a network's input only. */
  | { readonly kind: 'noise'; readonly values: TensorId; readonly deviation: number }
  /** x + vector[gradientSegment, element of the row]; adds a gradient that all rows of a segment share. */
  | { readonly kind: 'segmentVector'; readonly vectors: TensorId };

export type Activation =
  | { readonly name: 'leakyRelu'; readonly alpha: number }
  | { readonly name: 'relu' }
  | { readonly name: 'tanh' };

/** A stored tensor as an operand: its elements after a prologue. */
export interface View {
  readonly tensor: TensorId;
  /** Which of a segment's row numbers addresses `tensor`. */
  readonly rows: 'forward' | 'gradient';
  readonly prologue: readonly Snippet[];
}

interface OpFields {
  /** For people: what it computes, in the words of the layers. */
  readonly name: string;
  /** Operations of one stage neither read nor write what another of them writes: any order, or one dispatch. */
  readonly stage: number;
}

/** Draws and gathers what the step works on. All parts are independent. */
export interface DrawOp extends OpFields {
  readonly kind: 'draw';
  readonly parts: readonly DrawPart[];
}

export type DrawPart =
  /**
   * Images [rows, …] normalised through the byte table into rows `targetRow` … of `target`. `labelled` and
   * `unlabelled` draw each row's index into the pool of that name from `stream`, `landmarks` into the first
   * `bound` images of the labelled pool followed by the unlabelled one; `test` takes test images
   * first … first + rows - 1, `first` given at run time, clamped to the last image.
   * A `view` other than `plain` warps each row as `model/views.ts` says, with row r's words from `view.stream`.
   */
  | {
      readonly kind: 'images';
      readonly source: 'labelled' | 'unlabelled' | 'landmarks' | 'test';
      readonly stream: number;
      /** Of `landmarks`: how many there are at most. 0 for the other sources. */
      readonly bound: number;
      readonly view: { readonly view: WarpView; readonly stream: number } | null;
      readonly rows: number;
      readonly target: TensorId;
      readonly targetRow: number;
    }
  /** The same images' labels, uint32, into elements `targetRow` … of `target`. */
  | {
      readonly kind: 'labels';
      readonly source: 'labelled' | 'test';
      readonly stream: number;
      readonly rows: number;
      readonly target: TensorId;
      readonly targetRow: number;
    }
  /** The classes of such rows, uint32: r mod `classes` into element `targetRow` + r of `target`. */
  | {
      readonly kind: 'classes';
      readonly classes: number;
      readonly rows: number;
      readonly target: TensorId;
      readonly targetRow: number;
    }
  /** Rows of the parameter `store` [bound, classes] of the same landmarks, into rows `targetRow` … of `target`. */
  | {
      readonly kind: 'targets';
      readonly stream: number;
      readonly bound: number;
      readonly store: string;
      readonly classes: number;
      readonly rows: number;
      readonly target: TensorId;
      readonly targetRow: number;
    }
  /** `count` normal values (`RandomStreams.normals`) into rows `targetRow` … of `target`. */
  | {
      readonly kind: 'noise';
      readonly stream: number;
      readonly count: number;
      readonly target: TensorId;
      readonly targetRow: number;
    }
  /**
   * Rows of floats uniform in [-1, 1) into rows `targetRow` … of `target`. Where `classes` is above 0, as many of the
   * first elements of row r are 1 at r mod `classes` and 0 elsewhere.
   */
  | {
      readonly kind: 'latents';
      readonly stream: number;
      readonly rows: number;
      /** Elements of a row. */
      readonly size: number;
      readonly classes: number;
      readonly target: TensorId;
      readonly targetRow: number;
    }
  /**
   * `count` keep bits of a dropout mask into words `offset` … of `target`: element e is kept when its
   * 16 random bits (as `RandomStreams.dropoutMask` takes them) are not below `threshold`. Bits past
   * `count` in the last word are 0.
   */
  | {
      readonly kind: 'mask';
      readonly stream: number;
      readonly count: number;
      readonly threshold: number;
      readonly target: TensorId;
      readonly offset: number;
    };

/** Forward of a linear layer, or its input gradient: a matrix product of source and kernel, then the epilogue. */
export interface ProductOp extends OpFields {
  readonly kind: 'product';
  readonly direction: Direction;
  readonly geometry: Geometry;
  readonly segments: readonly OpSegment[];
  /** The source side's elements. Padding is 0 after the prologue. */
  readonly source: View;
  /** Kernel [height, width, large, small] by instance. */
  readonly kernels: readonly string[];
  /** Applied in order to each accumulator before it is stored; `activationGradient` and `mask` read forward rows. */
  readonly epilogue: readonly Snippet[];
  readonly target: TensorId;
}

/** A run of rows whose contributions to a parameter's gradient form one split-K partial sum. */
export interface ReductionSplit extends OpSegment {
  /** Which partial sum. */
  readonly split: number;
}

/**
 * Kernel gradient of a linear layer, as split-K partial sums: target[split, i, j, large, small] = sum over the
 * split's rows and small positions of large * small. `bias` takes the same of small alone, [splits, small]: the
 * gradient of a bias on that side; null where nobody needs it.
 */
export interface FilterGradientOp extends OpFields {
  readonly kind: 'filterGradient';
  readonly geometry: Geometry;
  readonly splits: readonly ReductionSplit[];
  readonly large: View;
  readonly small: View;
  readonly target: TensorId;
  readonly bias: TensorId | null;
}

/** Bias gradient as split-K partial sums: target[split, channel] = sum of the source over the split's rows and positions. */
export interface BiasGradientOp extends OpFields {
  readonly kind: 'biasGradient';
  readonly side: Side;
  readonly splits: readonly ReductionSplit[];
  readonly source: View;
  readonly target: TensorId;
}

/**
 * Batch norm's statistics of each segment and channel over rows and positions of `source`:
 * [segments, 4, C] = mean, 1 / sqrt(variance + epsilon), scale = gamma * the latter,
 * shift = beta - mean * scale. Biased variance as the mean of squared deviations, never as a
 * difference of squares. Then, segment by segment in order, moves the running statistics:
 * new = momentum * old + (1 - momentum) * batch, the variance unbiased (n / (n - 1)).
 */
export interface NormStatisticsOp extends OpFields {
  readonly kind: 'normStatistics';
  readonly side: Side;
  readonly segments: readonly OpSegment[];
  readonly source: TensorId;
  readonly norm: NormParameters;
  readonly updatesRunning: boolean;
  readonly target: TensorId;
  readonly applied: AppliedNorm | null;
}

/** What a norm operation stores beside its statistics: the elements of its source after an epilogue. */
export interface AppliedNorm {
  /** Begins with the norm's own `affine`. */
  readonly epilogue: readonly Snippet[];
  /** [forward rows, …] like the source. */
  readonly target: TensorId;
}

export interface NormParameters {
  readonly gamma: string;
  readonly beta: string;
  readonly movingMean: string;
  readonly movingVariance: string;
  readonly epsilon: number;
  readonly momentum: number;
}

/** [1, 4, C] like `normStatistics`, from the running statistics. */
export interface NormInferenceOp extends OpFields {
  readonly kind: 'normInference';
  readonly channels: number;
  readonly norm: NormParameters;
  readonly target: TensorId;
}

/**
 * Batch norm backward: with g the gradient at its output, x' = (y - mean) * rstd and n the number of
 * elements a channel, S1 = sum g, S2 = sum g x' by gradient segment; coefficients [segments, 3, C]:
 * p = gamma rstd, q = -p rstd S2 / n, r = -p (S1 / n - mean rstd S2 / n). `gradient` [2, C] takes the
 * S2 (for gamma) and S1 (for beta), added over the segments that train, in order; null where none does.
 * `applied` [gradient rows, …] takes p g + q y + r, the gradient at the norm's input; null where those
 * who read it compute it themselves.
 */
export interface NormGradientOp extends OpFields {
  readonly kind: 'normGradient';
  readonly side: Side;
  readonly segments: readonly (OpSegment & { readonly trains: boolean })[];
  readonly source: TensorId;
  readonly raw: TensorId;
  readonly statistics: TensorId;
  readonly norm: NormParameters;
  readonly coefficients: TensorId;
  readonly gradient: TensorId | null;
  readonly applied: TensorId | null;
}

export interface GroupNormParameters {
  readonly gamma: string;
  readonly beta: string;
  readonly groups: number;
  readonly epsilon: number;
}

/**
 * Group norm of each row: mean and biased variance (the mean of squared deviations, in two passes) over positions
 * and the channels of a group; x' = (x - mean) / sqrt(variance + epsilon), then gamma x' + beta by channel, then the
 * epilogue, into the same forward row of `target`. `statistics` [forward rows, 2, groups] takes mean and
 * 1 / sqrt(variance + epsilon).
 */
export interface GroupNormOp extends OpFields {
  readonly kind: 'groupNorm';
  readonly side: Side;
  readonly segments: readonly OpSegment[];
  readonly source: TensorId;
  readonly norm: GroupNormParameters;
  readonly statistics: TensorId;
  readonly epilogue: readonly Snippet[];
  readonly target: TensorId;
}

/**
 * Group norm backward, row by row: with g the gradient at its output (gradient rows of `source`), x' from `raw`
 * (forward rows) and the statistics, and means M over positions and the channels of a group,
 * rstd (gamma g - M(gamma g) - x' M(gamma g x')) into the gradient rows of `target`. `gradient` [splits, 2, C] takes
 * for each split the sums over its rows and positions of g x' (for gamma) and of g (for beta); null where no
 * segment trains.
 */
export interface GroupNormGradientOp extends OpFields {
  readonly kind: 'groupNormGradient';
  readonly side: Side;
  /** All rows that have a gradient. */
  readonly segments: readonly OpSegment[];
  /** Runs of the rows that train. */
  readonly splits: readonly ReductionSplit[];
  readonly source: TensorId;
  readonly raw: TensorId;
  readonly statistics: TensorId;
  readonly norm: GroupNormParameters;
  readonly target: TensorId;
  readonly gradient: TensorId | null;
}

/** Two runs of `rows` rows of embeddings, [forward rows, width], of which row i of one and of the other are a pair. */
interface ContrastiveFields extends OpFields {
  readonly embeddings: TensorId;
  readonly width: number;
  readonly rows: number;
  readonly forwardRows: readonly [number, number];
  readonly temperature: number;
  /** [2 rows, 3], the rows of the first run before those of the second. */
  readonly statistics: TensorId;
}

/**
 * InfoNCE: with z = e / max(|e|, 1e-12) and s_ij = z_i . z_j / temperature, `statistics` row i = 1 / max(|e_i|, 1e-12),
 * L_i = log of the sum of exp s_ij over all j but i, and the loss L_i - s_i,pair(i).
 */
export interface ContrastiveOp extends ContrastiveFields {
  readonly kind: 'contrastive';
}

/**
 * Gradient of weight x the mean of the losses over all 2 rows at the embeddings: with P_ij = exp(s_ij - L_i) for
 * j other than i, d_i = weight / (2 rows temperature) sum over j of (P_ij + P_ji - 2 [j is i's pair]) z_j, then
 * (d_i - z_i (z_i . d_i)) / |e_i|, into the row of each pair of runs in `gradientRows`.
 */
export interface ContrastiveGradientOp extends ContrastiveFields {
  readonly kind: 'contrastiveGradient';
  readonly weight: TermWeight;
  /** The step scalars that `weight` refers to. */
  readonly scalars: TensorId;
  /** First gradient rows of the two runs, once for each update that the gradient flows for. */
  readonly gradientRows: readonly (readonly [number, number])[];
  /** [gradient rows, width], all of whose rows are written. */
  readonly target: TensorId;
}

/** Rows of logits, [forward rows, width]. */
export interface LogitRows {
  readonly logits: TensorId;
  readonly width: number;
  readonly forwardRow: number;
  readonly rows: number;
}

/** Labels of such rows: elements `labelRow` … of `labels`, uint32. */
export interface LabelledRows extends LogitRows {
  readonly labels: TensorId;
  readonly labelRow: number;
}

/** A constant, or the step scalar of an index. */
export type TermWeight =
  { readonly kind: 'constant'; readonly value: number } | { readonly kind: 'scalar'; readonly index: number };

/** A loss term with its passes' rows found. */
export type LossOpTerm = {
  readonly name: string;
  /** Index into `metrics`. */
  readonly metric: number;
  /** Factor in the losses and gradients; the metric is without it. */
  readonly weight: TermWeight;
} & (
  | (LabelledRows & { readonly kind: 'softmaxCrossEntropy' })
  | (LogitRows & { readonly kind: 'sigmoidCrossEntropy'; readonly column: number; readonly target: 0 | 1 })
  /** max(l, 0) - target l + log(1 + e^-|l|) with l = log sum over all columns of e^logit; mean over rows. */
  | (LogitRows & { readonly kind: 'logsumexpCrossEntropy'; readonly target: 0 | 1 })
  /**
   * Mean over all rows of -sum over c < classes of t_c log softmax(logits)_c, the softmax over all columns. t is the row of
   * `store` where its sum is above 0, else the teacher's where its largest probability is above the threshold of
   * its (first) class, else 0.
   */
  | (LogitRows & {
      readonly kind: 'pseudoLabelCrossEntropy';
      /** Columns that are classes. */
      readonly classes: number;
      readonly teacher:
        (LogitRows & { readonly isSoft: boolean; readonly thresholds: readonly number[] }) | null;
      /** Drawn rows of the target store, [rows, classes]. */
      readonly store: { readonly targets: TensorId; readonly targetRow: number } | null;
    })
  /** Share of rows whose largest probability, over all columns, is above the threshold of its (first) class. No gradient. */
  | (LogitRows & { readonly kind: 'confidentShare'; readonly thresholds: readonly number[] })
  /** Mean of the losses in the `statistics` of a `contrastive` operation. Its gradient is an operation of its own. */
  | { readonly kind: 'contrastive'; readonly statistics: TensorId; readonly rows: number }
  | {
      readonly kind: 'featureMatching';
      /** squared: mean of d^2, gradient 2 d / size; absolute: mean of |d|, gradient sign(d) / size (0 at 0). */
      readonly distance: 'squared' | 'absolute';
      readonly features: TensorId;
      readonly size: number;
      readonly forwardRow: number;
      readonly rows: number;
      readonly against: TensorId;
      readonly againstRow: number;
      readonly againstRows: number;
    }
);

/**
 * Values of a phase's terms, the losses as their weighted sums, the accuracy, and the gradients at the
 * logits and features of the one network that they flow into. The first of a step also hands the step
 * scalars on; the last counts the step: it is the one operation that may write the step counter,
 * after `draw` has read it.
 */
export interface LossOp extends OpFields {
  readonly kind: 'loss';
  readonly terms: readonly LossOpTerm[];
  /** A loss is the weighted sum of its terms, in this order. */
  readonly losses: readonly {
    readonly name: string;
    readonly metric: number;
    readonly terms: readonly number[];
  }[];
  /** null where another phase has the accuracy's pass. */
  readonly accuracy: (LabelledRows & { readonly metric: number }) | null;
  /** The logits that gradients flow into. null where a `contrastiveGradient` writes them. */
  readonly head: {
    readonly logits: TensorId;
    readonly width: number;
    /** Terms (of kinds with a logit gradient) that act on each gradient segment, summed in order. */
    readonly segments: readonly (OpSegment & { readonly terms: readonly number[] })[];
    /** [gradient rows, width] */
    readonly logitGradient: TensorId;
  } | null;
  /** Gradient by segment that its feature rows share, [gradient segments, size]; null where no loss has one. */
  readonly featureGradient: {
    readonly target: TensorId;
    readonly size: number;
    /** sign +1 for the term's own pass, -1 for the pass it is held against; summed in order. */
    readonly entries: readonly {
      readonly gradientSegment: number;
      readonly term: number;
      readonly sign: 1 | -1;
    }[];
  } | null;
  /** [metrics of the recipe]; every phase writes its own. */
  readonly metrics: TensorId;
  /** [step scalars] of the program. */
  readonly scalars: TensorId;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export interface OptimiserPlan {
  /** A network that it trains. */
  readonly name: string;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Index of its rate among the step scalars. */
  readonly scalar: number;
}

export interface UpdateEntry {
  readonly parameter: string;
  readonly size: number;
  /** Split-K partial sums [splits, stride], whose elements offset … offset + size - 1 are this gradient's. */
  readonly gradient: TensorId;
  readonly offset: number;
  readonly stride: number;
  readonly firstSplit: number;
  readonly splits: number;
  readonly optimiser: number;
  /** The average that moves after it, and the index of its rate; null where none is kept, or not yet. */
  readonly average: { readonly parameter: string; readonly scalar: number } | null;
}

/**
 * Adam as TensorFlow 1 has it, on every trained parameter of a phase's networks once: g = sum of the
 * partial sums in order, m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g g, value -= rate m /
 * (sqrt(v) + epsilon); then average += rate (value - average), with rates from the step scalars.
 */
export interface UpdateOp extends OpFields {
  readonly kind: 'update';
  /** Index of the recipe's phase. */
  readonly phase: number;
  readonly entries: readonly UpdateEntry[];
  readonly optimisers: readonly OptimiserPlan[];
  readonly scalars: TensorId;
}

/** Rows of `logits` (the first `rows` given at run time) whose first largest value is at the label. */
export interface CountCorrectOp extends OpFields {
  readonly kind: 'countCorrect';
  readonly logits: TensorId;
  readonly width: number;
  readonly rows: number;
  readonly labels: TensorId;
  /** uint32 [1] */
  readonly target: TensorId;
}

/** First values of parameters: constants, or float32(limit) * (2u - 1) from a stream at step 0. */
export interface InitialiseOp extends OpFields {
  readonly kind: 'initialise';
  readonly entries: readonly {
    readonly parameter: string;
    readonly size: number;
    readonly value:
      | { readonly kind: 'constant'; readonly value: number }
      | { readonly kind: 'uniform'; readonly limit: number; readonly stream: number };
  }[];
}

export type Operation =
  | DrawOp
  | ProductOp
  | FilterGradientOp
  | BiasGradientOp
  | NormStatisticsOp
  | NormInferenceOp
  | NormGradientOp
  | GroupNormOp
  | GroupNormGradientOp
  | ContrastiveOp
  | ContrastiveGradientOp
  | LossOp
  | UpdateOp
  | CountCorrectOp
  | InitialiseOp;

/** One program: tensors, and operations in an order in which every read follows its write. */
export interface Program {
  readonly name: 'initialise' | 'trainStep' | 'evaluate' | 'classify' | 'features' | 'generate';
  readonly tensors: readonly PlanTensor[];
  readonly operations: readonly Operation[];
  /** Tensors the host fills before the program runs. */
  readonly inputs: readonly TensorId[];
  /** Tensors the host reads after it. */
  readonly outputs: readonly TensorId[];
  /** Of the whole step, in the order of `LossOp.scalars`. Empty but for `trainStep`. */
  readonly stepScalars: readonly StepScalar[];
  /** For tests: values of layers, to be read when they are written (`tapsAfter`). Empty but for `trainStep`. */
  readonly taps: readonly Tap[];
}

/** `<pass>/<layer>` or `<pass>/input`, and where its rows lie. */
export interface Tap {
  readonly name: string;
  readonly tensor: TensorId;
  readonly firstRow: number;
  readonly rows: number;
  /** Of the layer's value, without rows. */
  readonly shape: readonly number[];
}
