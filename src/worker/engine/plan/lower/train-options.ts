/** What an engine may choose about the plan of a train step: how it is cut, never what it computes. */

export interface TrainOptions {
  /** About how many summands a split-K partial sum of a parameter's gradient has. */
  readonly reductionLength: number;
  /**
   * Whether norm operations also store what they normalise, so that nobody normalises in a prologue.
   * For engines whose products would do it again for every tap and tile.
   */
  readonly storesNormalised: boolean;
  /**
   * Whether the operation of a kernel's gradient also takes the gradient of the layer's bias, where that lies on
   * the small side: one more row of its product, and one operation less.
   */
  readonly joinsBiases: boolean;
}
