/**
 * One recorded forward pass, from which several losses are differentiated. `tf.grads` forgets its
 * tape after one loss; a GAN's step needs two over the same activations. Owns the tape's tensors.
 *
 * Uses tfjs-core's own tape functions by their deep path, which the pinned version 4.22 keeps.
 */

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import {
  backpropagateGradients,
  getFilteredNodesXToY,
  type TapeNode,
} from '@tensorflow/tfjs-core/dist/tape.js';

export class Recording<T> {
  /** What the forward pass returned. Its tensors belong to the scope that called `recordForward`. */
  readonly result: T;
  readonly #tape: readonly TapeNode[];

  constructor(result: T, tape: readonly TapeNode[]) {
    this.result = result;
    this.#tape = tape;
  }

  /**
   * Gradient of the scalar `loss` with respect to each of `sources`, which the forward pass used as
   * they are; zeros for a source that the loss does not depend on. The caller disposes them.
   */
  gradients(loss: tf.Scalar, sources: readonly tf.Tensor[]): tf.Tensor[] {
    return tf.tidy(() => {
      const nodes = getFilteredNodesXToY([...this.#tape], [...sources], loss);
      const byTensorId: Record<number, tf.Tensor> = { [loss.id]: tf.ones([]) };
      backpropagateGradients(byTensorId, nodes, (compute) => tf.tidy(compute as () => tf.Tensor), tf.add);
      return sources.map((source) => byTensorId[source.id] ?? tf.zerosLike(source));
    });
  }

  /** Frees the activations that were saved for the backward pass. */
  dispose(): void {
    disposeSaved(this.#tape);
  }
}

function disposeSaved(tape: readonly TapeNode[]): void {
  for (const node of tape) node.saved?.forEach((tensor) => tensor.dispose());
}

/**
 * Runs `forward` on the active backend and records it. Keeps the tensors that `forward` returns in
 * plain objects and arrays; the caller disposes the recording.
 */
export function recordForward<T>(forward: () => T): Recording<T> {
  const { state } = tf.engine();
  if (state.gradientDepth !== 0) {
    throw new Error('A forward pass is being recorded already; recordings do not nest.');
  }
  const tape: TapeNode[] = [];
  state.activeTape = tape;
  state.gradientDepth = 1;
  try {
    return new Recording(tf.tidy(forward as () => tf.TensorContainer) as T, tape);
  } catch (error) {
    disposeSaved(tape);
    throw error;
  } finally {
    state.gradientDepth = 0;
    state.activeTape = [];
  }
}

/** Runs `compute` inside a recording without being recorded: its results are constants to every loss. */
export function withoutRecording<T>(compute: () => T): T {
  const { state } = tf.engine();
  const depth = state.gradientDepth;
  state.gradientDepth = 0;
  try {
    return compute();
  } finally {
    state.gradientDepth = depth;
  }
}
