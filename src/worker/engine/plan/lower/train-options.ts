/** What a machine may choose about the plan of a train step: how it is cut, never what it computes. */

export interface TrainOptions {
  /** About how many summands a partial sum of a parameter gradient has. */
  readonly reductionLength: number;
  /**
   * Whether norm operations also store what they normalise, so that nobody normalises on the way in.
   * For machines whose products would do it again for every tap and tile.
   */
  readonly storesNormalised: boolean;
  /**
   * Whether a kernel's gradient also sums its small side, where that is the gradient of the layer's bias:
   * one more row of its product, and one operation less.
   */
  readonly joinsBiases: boolean;
}
