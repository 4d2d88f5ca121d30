/** Prologues and epilogues, one element at a time. */

import type { Activation, OpSegment, Snippet, View } from '../operations.js';
import { makeValues, type ParameterStore, type TensorStore, type Values } from './store.js';

export interface SnippetContext {
  readonly tensors: TensorStore;
  readonly parameters: ParameterStore;
}

function activate(activation: Activation, x: number): number {
  switch (activation.name) {
    case 'leakyRelu':
      return x >= 0 ? x : activation.alpha * x;
    case 'relu':
      return Math.max(0, x);
    case 'tanh':
      return Math.tanh(x);
    default:
      return activation satisfies never;
  }
}

/** Derivative from a value of the sign of the input (ReLUs) or from the output (tanh). */
function slope(activation: Activation, at: number): number {
  switch (activation.name) {
    case 'leakyRelu':
      return at > 0 ? 1 : activation.alpha;
    case 'relu':
      return at > 0 ? 1 : 0;
    case 'tanh':
      return 1 - at * at;
    default:
      return activation satisfies never;
  }
}

/**
 * Applies a prologue or an epilogue to one element: `row` within the segment, `element` within the row of `rowSize`
 * elements, the last `channels` of which are channels.
 */
export function applySnippets(
  { tensors, parameters }: SnippetContext,
  snippets: readonly Snippet[],
  value: number,
  segment: OpSegment,
  row: number,
  element: number,
  rowSize: number,
  channels: number,
): number {
  const channel = element % channels;
  const forward = (segment.forwardRow + row) * rowSize + element;
  let x = value;
  for (const snippet of snippets) {
    switch (snippet.kind) {
      case 'affine': {
        const statistics = tensors.get(snippet.statistics);
        const first = segment.forwardSegment * 4 * channels + channel;
        x = x * statistics[first + 2 * channels]! + statistics[first + 3 * channels]!;
        break;
      }
      case 'bias':
        x += parameters.get(snippet.parameters[segment.instance]!)[channel]!;
        break;
      case 'activation':
        x = activate(snippet.activation, x);
        break;
      case 'mask': {
        const index = (segment.passRow + row) * rowSize + element;
        const word = tensors.get(snippet.bits)[snippet.offsets[segment.forwardSegment]! + (index >>> 5)]!;
        x = (word >>> (index & 31)) & 1 ? x * snippet.scale : 0;
        break;
      }
      case 'normGradient': {
        const coefficients = tensors.get(snippet.coefficients);
        const first = segment.gradientSegment * 3 * channels + channel;
        const y = tensors.get(snippet.raw)[forward]!;
        x =
          coefficients[first]! * x +
          coefficients[first + channels]! * y +
          coefficients[first + 2 * channels]!;
        break;
      }
      case 'activationGradient': {
        const context = { tensors, parameters };
        const stored = tensors.get(snippet.at)[forward]!;
        const at = applySnippets(context, snippet.prologue, stored, segment, row, element, rowSize, channels);
        x *= slope(snippet.activation, at);
        break;
      }
      case 'noise':
        x += snippet.deviation * tensors.get(snippet.values)[forward]!;
        break;
      case 'segmentVector':
        x += tensors.get(snippet.vectors)[segment.gradientSegment * rowSize + element]!;
        break;
      default:
        snippet satisfies never;
    }
  }
  return x;
}

/** All elements of a segment of a view, [rows, rowSize]. */
export function readView(context: SnippetContext, view: View, segment: OpSegment): Values {
  const { tensors, parameters } = context;
  const rowSize = tensors.rowSize(view.tensor);
  const channels = tensors.channels(view.tensor);
  const stored = tensors.get(view.tensor);
  const firstRow = view.rows === 'forward' ? segment.forwardRow : segment.gradientRow;
  const values = makeValues(parameters.precision, segment.rows * rowSize);
  for (let row = 0; row < segment.rows; row++) {
    for (let element = 0; element < rowSize; element++) {
      const value = stored[(firstRow + row) * rowSize + element]!;
      values[row * rowSize + element] =
        view.prologue.length === 0
          ? value
          : applySnippets(context, view.prologue, value, segment, row, element, rowSize, channels);
    }
  }
  return values;
}
