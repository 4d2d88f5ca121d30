/** Group norm's two kernels over the wasm heap; the maths stands in `kernels/group-norm.ts`. */

import * as tf from '@tensorflow/tfjs-core';
import { GROUP_NORM, GROUP_NORM_GRADIENT } from '../kernels/group-norm.js';
import { allocate, floats, wasmBackend, type KernelArguments, type ThreeViews } from './heap.js';

type Infos<Name extends string> = Record<Name, tf.TensorInfo>;

/** How a tensor [rows, ..., channels] lies: a group has the same run of channels at every position of a row. */
interface Layout {
  readonly groups: number;
  readonly channels: number;
  readonly ofGroup: number;
  /** Values of a row. */
  readonly rowSize: number;
  readonly rows: number;
  readonly epsilon: number;
}

function layoutOf(x: tf.TensorInfo, gamma: tf.TensorInfo, { attrs }: KernelArguments): Layout {
  const { groups, epsilon } = attrs as { groups: number; epsilon: number };
  const channels = gamma.shape[0]!;
  const rows = x.shape[0]!;
  const rowSize = tf.util.sizeFromShape(x.shape) / rows;
  return { groups, channels, ofGroup: channels / groups, rowSize, rows, epsilon };
}

/** Mean and 1 / sqrt(variance + epsilon) of one row's group, whose first value is at `first`. */
function statisticsOf(
  values: Float32Array,
  first: number,
  { channels, ofGroup, rowSize, epsilon }: Layout,
): readonly [mean: number, inverseDeviation: number] {
  const count = (rowSize / channels) * ofGroup;
  let sum = 0;
  for (let at = first; at < first + rowSize; at += channels) {
    for (let i = at; i < at + ofGroup; i++) sum += values[i]!;
  }
  const mean = sum / count;
  let squares = 0;
  for (let at = first; at < first + rowSize; at += channels) {
    for (let i = at; i < at + ofGroup; i++) squares += (values[i]! - mean) ** 2;
  }
  return [mean, 1 / Math.sqrt(squares / count + epsilon)];
}

/** Calls `work` with the first value of each group of each row, and the group's first channel. */
function eachGroup(
  { rows, rowSize, groups, ofGroup }: Layout,
  work: (first: number, firstChannel: number) => void,
): void {
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) work(row * rowSize + group * ofGroup, group * ofGroup);
  }
}

function forward(args: KernelArguments): tf.TensorInfo[] {
  const backend = wasmBackend(args);
  const { x, gamma, beta } = args.inputs as Infos<'x' | 'gamma' | 'beta'>;
  const layout = layoutOf(x, gamma, args);
  const { channels, ofGroup, rowSize } = layout;
  const result = allocate(backend, x.shape);
  const output = floats(backend, result);
  const values = floats(backend, x);
  const scale = floats(backend, gamma);
  const shift = floats(backend, beta);
  eachGroup(layout, (first, firstChannel) => {
    const [mean, inverseDeviation] = statisticsOf(values, first, layout);
    for (let at = first; at < first + rowSize; at += channels) {
      for (let c = 0; c < ofGroup; c++) {
        const normalised = (values[at + c]! - mean) * inverseDeviation;
        output[at + c] = normalised * scale[firstChannel + c]! + shift[firstChannel + c]!;
      }
    }
  });
  return [result];
}

function backward(args: KernelArguments): tf.TensorInfo[] {
  const backend = wasmBackend(args);
  const inputs = args.inputs as Infos<'dy' | 'x' | 'gamma'>;
  const layout = layoutOf(inputs.x, inputs.gamma, args);
  const { channels, ofGroup, rowSize } = layout;
  const result = [inputs.x.shape, [channels], [channels]].map((shape) => allocate(backend, shape));
  const [inputGradient, gammaGradient, betaGradient] = result.map((tensor) =>
    floats(backend, tensor),
  ) as ThreeViews;
  const outputGradient = floats(backend, inputs.dy);
  const values = floats(backend, inputs.x);
  const scale = floats(backend, inputs.gamma);
  const count = (rowSize / channels) * ofGroup;
  // Sums in float64: JavaScript's numbers cost nothing more here.
  const gammaSums = new Float64Array(channels);
  const betaSums = new Float64Array(channels);
  eachGroup(layout, (first, firstChannel) => {
    const [mean, inverseDeviation] = statisticsOf(values, first, layout);
    let sum = 0;
    let product = 0;
    for (let at = first; at < first + rowSize; at += channels) {
      for (let c = 0; c < ofGroup; c++) {
        const gradient = outputGradient[at + c]!;
        const normalised = (values[at + c]! - mean) * inverseDeviation;
        betaSums[firstChannel + c]! += gradient;
        gammaSums[firstChannel + c]! += gradient * normalised;
        const scaled = gradient * scale[firstChannel + c]!;
        sum += scaled;
        product += scaled * normalised;
      }
    }
    sum /= count;
    product /= count;
    for (let at = first; at < first + rowSize; at += channels) {
      for (let c = 0; c < ofGroup; c++) {
        const normalised = (values[at + c]! - mean) * inverseDeviation;
        const scaled = outputGradient[at + c]! * scale[firstChannel + c]!;
        inputGradient[at + c] = inverseDeviation * (scaled - sum - normalised * product);
      }
    }
  });
  gammaGradient.set(gammaSums);
  betaGradient.set(betaSums);
  return result;
}

export function registerWasmGroupNorm(): void {
  tf.registerKernel({ kernelName: GROUP_NORM, backendName: 'wasm', kernelFunc: forward });
  tf.registerKernel({ kernelName: GROUP_NORM_GRADIENT, backendName: 'wasm', kernelFunc: backward });
}
