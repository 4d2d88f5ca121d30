/**
 * The notebook's generator and discriminator as data. Sizes come from the data set and the options;
 * tests divide the channels to stay small.
 */

import type { BiasMode, Network } from '../layers.js';

export interface NotebookNetworkOptions {
  /** [height, width, channels] of the images the discriminator sees. */
  readonly imageShape: readonly [number, number, number];
  readonly classes: number;
  /** Bias of a convolution that a batch norm follows. */
  readonly biasBeforeNorm: BiasMode;
  /** Every number of hidden channels (not the latent size) is divided by this. */
  readonly channelDivisor: number;
}

/** Length of the generator's input. */
export const LATENT_SIZE = 100;

const NORM = { kind: 'batchNorm', momentum: 0.99, epsilon: 1e-3 } as const;

/** Latents [100] uniform in [-1, 1) to an image [28, 28, channels] in [-1, 1]. */
export function notebookGenerator(options: NotebookNetworkOptions): Network {
  const { imageShape, biasBeforeNorm: bias, channelDivisor } = options;
  const channels = (count: number): number => Math.ceil(count / channelDivisor);
  const transpose = { kind: 'conv2dTranspose', padding: 'valid' } as const;
  return {
    name: 'generator',
    inputShape: [LATENT_SIZE],
    layers: [
      { kind: 'reshape', name: 'reshape', shape: [1, 1, LATENT_SIZE] },
      { ...transpose, name: 'deconv1', filters: channels(100), kernelSize: [2, 2], stride: 1, bias }, // [B, 2, 2, 100]
      { ...NORM, name: 'norm1' },
      { kind: 'relu', name: 'relu1' },
      { ...transpose, name: 'deconv2', filters: channels(64), kernelSize: [3, 3], stride: 2, bias }, // [B, 5, 5, 64]
      { ...NORM, name: 'norm2' },
      { kind: 'relu', name: 'relu2' },
      { ...transpose, name: 'deconv3', filters: channels(32), kernelSize: [4, 4], stride: 2, bias }, // [B, 12, 12, 32]
      { ...NORM, name: 'norm3' },
      { kind: 'relu', name: 'relu3' },
      {
        ...transpose,
        name: 'deconv4',
        filters: imageShape[2],
        kernelSize: [6, 6],
        stride: 2,
        bias: 'trained',
      }, // [B, 28, 28, 1]
      { kind: 'tanh', name: 'tanh' },
    ],
  };
}

/** An image [height, width, channels] in [-1, 1] to `classes` + 1 logits; the last means "fake". */
export function notebookDiscriminator(options: NotebookNetworkOptions): Network {
  const { imageShape, classes, biasBeforeNorm: bias, channelDivisor } = options;
  const channels = (count: number): number => Math.ceil(count / channelDivisor);
  const convolution = { kind: 'conv2d', stride: 2, padding: 'same' } as const;
  const leaky = { kind: 'leakyRelu', alpha: 0.2 } as const;
  return {
    name: 'discriminator',
    inputShape: imageShape,
    layers: [
      { ...convolution, name: 'conv1', filters: channels(32), kernelSize: [5, 5], bias: 'trained' }, // [B, 14, 14, 32]
      { kind: 'dropout', name: 'dropout1' },
      { ...leaky, name: 'leaky1' },
      { ...convolution, name: 'conv2', filters: channels(64), kernelSize: [3, 3], bias }, // [B, 7, 7, 64]
      { ...NORM, name: 'norm2' },
      { ...leaky, name: 'leaky2' },
      { ...convolution, name: 'conv3', filters: channels(128), kernelSize: [2, 2], bias }, // [B, 4, 4, 128]
      { ...NORM, name: 'norm3' },
      { ...leaky, name: 'leaky3' },
      { kind: 'dropout', name: 'dropout3' },
      { ...convolution, name: 'conv4', filters: channels(128), kernelSize: [2, 2], bias: 'trained' }, // [B, 2, 2, 128]
      { ...leaky, name: 'leaky4' },
      { kind: 'flatten', name: 'features' }, // [B, 512]
      { kind: 'dense', name: 'logits', units: classes + 1, bias: 'trained' }, // [B, 11]
    ],
  };
}
