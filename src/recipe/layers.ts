/**
 * A network as data: an ordered list of layer descriptions with Keras' names and defaults. From it
 * come the tfjs computation, the fused plan and the LayersModel; this file computes nothing but shapes.
 */

/**
 * `trained`, or `zero`: the bias exists (a Keras model wants it) but stays at 0, because a batch
 * norm follows and its gradient is zero in exact arithmetic.
 */
export type BiasMode = 'trained' | 'zero';

/**
 * How a kernel starts: uniform in ± a limit. `glorot`: sqrt(6 / (fanIn + fanOut)) (Glorot and Bengio
 * 2010); `he`: sqrt(6 / fanIn) (He et al. 2015), for what a ReLU follows.
 */
export type KernelStart = 'glorot' | 'he';

interface ConvolutionFields {
  readonly name: string;
  readonly filters: number;
  /** [height, width] */
  readonly kernelSize: readonly [number, number];
  /** The same in both directions. */
  readonly stride: number;
  readonly padding: 'same' | 'valid';
  readonly bias: BiasMode;
  /** `glorot` unless given. */
  readonly start?: KernelStart;
}

export interface Conv2dLayer extends ConvolutionFields {
  readonly kind: 'conv2d';
}
export interface Conv2dTransposeLayer extends ConvolutionFields {
  readonly kind: 'conv2dTranspose';
}
export interface DenseLayer {
  readonly kind: 'dense';
  readonly name: string;
  readonly units: number;
  readonly bias: BiasMode;
  /** `glorot` unless given. */
  readonly start?: KernelStart;
}
export interface BatchNormLayer {
  readonly kind: 'batchNorm';
  readonly name: string;
  /** Share of the old value that a running statistic keeps at an update. */
  readonly momentum: number;
  readonly epsilon: number;
}
/** Normalises each row over positions and the channels of a group (Wu and He 2018); the same in inference. */
export interface GroupNormLayer {
  readonly kind: 'groupNorm';
  readonly name: string;
  /** Divides the channels; a group is a run of adjacent ones. */
  readonly groups: number;
  readonly epsilon: number;
}
/**
 * Adds deviation x z to each element while training; nothing in inference. z is about normal: a sum of four
 * random bytes, standardised (`RandomStreams.normals`), so that every engine draws the same.
 */
export interface GaussianNoiseLayer {
  readonly kind: 'gaussianNoise';
  readonly name: string;
  readonly deviation: number;
}
export interface DropoutLayer {
  readonly kind: 'dropout';
  readonly name: string;
  /** Share of elements that is dropped while training; 0 drops nothing and draws nothing. */
  readonly rate: number;
}
export interface LeakyReluLayer {
  readonly kind: 'leakyRelu';
  readonly name: string;
  /** Slope below zero. */
  readonly alpha: number;
}
export interface ReshapeLayer {
  readonly kind: 'reshape';
  readonly name: string;
  /** Without the batch dimension. */
  readonly shape: readonly number[];
}
export interface PlainLayer {
  readonly kind: 'relu' | 'tanh' | 'flatten';
  readonly name: string;
}
export type LayerDescription =
  | Conv2dLayer
  | Conv2dTransposeLayer
  | DenseLayer
  | BatchNormLayer
  | GroupNormLayer
  | GaussianNoiseLayer
  | DropoutLayer
  | LeakyReluLayer
  | ReshapeLayer
  | PlainLayer;

export interface Network {
  readonly name: string;
  /** Without the batch dimension: [height, width, channels] or [length]. */
  readonly inputShape: readonly number[];
  readonly layers: readonly LayerDescription[];
}

/** Size of a convolution's output along one direction. */
export function convolvedSize(
  size: number,
  kernel: number,
  stride: number,
  padding: 'same' | 'valid',
): number {
  return padding === 'same' ? Math.ceil(size / stride) : Math.ceil((size - kernel + 1) / stride);
}

/** Size of a transposed convolution's output along one direction, as Keras has it. */
export function transposedSize(
  size: number,
  kernel: number,
  stride: number,
  padding: 'same' | 'valid',
): number {
  return padding === 'same' ? size * stride : size * stride + Math.max(kernel - stride, 0);
}

function imageShape(layer: LayerDescription, shape: readonly number[]): [number, number, number] {
  const [height, width, channels] = shape;
  if (shape.length !== 3 || height === undefined || width === undefined || channels === undefined) {
    throw new Error(
      `Layer "${layer.name}" (${layer.kind}) needs [height, width, channels], got [${shape.join(', ')}].`,
    );
  }
  return [height, width, channels];
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}

/** Output shape of one layer, without the batch dimension. Throws where the input does not fit. */
export function outputShape(layer: LayerDescription, input: readonly number[]): readonly number[] {
  switch (layer.kind) {
    case 'conv2d':
    case 'conv2dTranspose': {
      const [height, width] = imageShape(layer, input);
      const sizeOf = layer.kind === 'conv2d' ? convolvedSize : transposedSize;
      return [
        sizeOf(height, layer.kernelSize[0], layer.stride, layer.padding),
        sizeOf(width, layer.kernelSize[1], layer.stride, layer.padding),
        layer.filters,
      ];
    }
    case 'dense':
      if (input.length !== 1) {
        throw new Error(`Layer "${layer.name}" (dense) needs [length], got [${input.join(', ')}].`);
      }
      return [layer.units];
    case 'flatten':
      return [sizeOf(input)];
    case 'reshape':
      if (sizeOf(layer.shape) !== sizeOf(input)) {
        throw new Error(
          `Layer "${layer.name}" cannot reshape [${input.join(', ')}] to [${layer.shape.join(', ')}].`,
        );
      }
      return layer.shape;
    case 'groupNorm': {
      const channels = input.at(-1)!;
      if (channels % layer.groups !== 0) {
        throw new Error(
          `Layer "${layer.name}" cannot divide ${channels} channels into ${layer.groups} groups.`,
        );
      }
      return input;
    }
    case 'batchNorm':
    case 'gaussianNoise':
    case 'dropout':
    case 'leakyRelu':
    case 'relu':
    case 'tanh':
      return input;
    default:
      return layer satisfies never;
  }
}

/** Input and output shape of every layer of a network, in order, without the batch dimension. */
export function layerShapes(network: Network): readonly {
  readonly layer: LayerDescription;
  readonly input: readonly number[];
  readonly output: readonly number[];
}[] {
  let input = network.inputShape;
  return network.layers.map((layer) => {
    const output = outputShape(layer, input);
    const shapes = { layer, input, output };
    input = output;
    return shapes;
  });
}

/** Output shape of a network, without the batch dimension. */
export function outputShapeOf(network: Network): readonly number[] {
  return layerShapes(network).at(-1)?.output ?? network.inputShape;
}

/** The layers of a network up to and with the one named; all of them where none is. */
export function layersUntil({ layers }: Network, until: string | undefined): readonly LayerDescription[] {
  return until === undefined ? layers : layers.slice(0, layers.findIndex(({ name }) => name === until) + 1);
}

/** Whether a layer is a norm, which all instances of a network share. */
export function isNorm({ kind }: LayerDescription): boolean {
  return kind === 'batchNorm' || kind === 'groupNorm';
}
