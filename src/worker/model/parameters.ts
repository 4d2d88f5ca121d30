/**
 * The tensors that a recipe's networks own: names, shapes, roles, and their values at step 0.
 * Names are stable; checkpoints, engines and tests address tensors by them.
 */

import { RandomStreams, streamNumber } from '../random/streams.js';
import type { ParameterSet, Recipe } from '../../recipe/recipe.js';
import { isNorm, layerShapes, sizeOf, type KernelStart, type LayerDescription } from '../../recipe/layers.js';

export interface ParameterDescription {
  /** `<instance>/<layer>/<part>`, for example `discriminator/conv1/kernel`. */
  readonly name: string;
  readonly network: string;
  /** Index among the network's instances; 0 where there is one, and for what instances share. */
  readonly instance: number;
  readonly layer: string;
  readonly part: 'kernel' | 'bias' | 'gamma' | 'beta' | 'moving_mean' | 'moving_variance' | 'targets';
  readonly shape: readonly number[];
  /**
   * `trained` has a gradient and Adam moments, `frozen` is changed by no step, `running` is a
   * moving average that batch norm updates.
   */
  readonly role: 'trained' | 'frozen' | 'running';
  readonly initial: { readonly kind: 'constant'; readonly value: number } | UniformStart;
  /** Whether an exponential average of it is kept, under `averageName`. */
  readonly isAveraged: boolean;
}

/** Uniform in ± the limit that a `KernelStart` gives, drawn from one stream at step 0. */
export interface UniformStart {
  readonly kind: 'uniform';
  readonly limit: number;
  readonly stream: number;
}

/** A tensor by name: float32 in row-major order. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}
export type NamedTensors = ReadonlyMap<string, NamedTensor>;

/** Name of a network's instance: `discriminator`, `discriminator_1`, … as TensorFlow numbers them. */
export function instanceName(network: string, instance: number): string {
  return instance === 0 ? network : `${network}_${instance}`;
}

/**
 * Targets of a recipe's landmarks, [landmarks, classes]: a row has the probability of each class, or zeros where there
 * is no target. A parameter that no step changes, so that engines and checkpoints keep it as they do the others.
 */
export const TARGET_STORE = 'landmarks/targets';

function targetStore({ landmarks, classes }: Recipe): readonly ParameterDescription[] {
  if (landmarks === null) return [];
  const [layer, part] = TARGET_STORE.split('/') as [string, 'targets'];
  const shape = [landmarks.count, classes];
  const initial = { kind: 'constant', value: 0 } as const;
  return [
    {
      name: TARGET_STORE,
      network: '',
      instance: 0,
      layer,
      part,
      shape,
      role: 'frozen',
      initial,
      isAveraged: false,
    },
  ];
}

/** Every tensor of a recipe's networks, in network, instance, layer order; then the target store. */
export function parametersOf(recipe: Recipe): readonly ParameterDescription[] {
  return [...networkParameters(recipe), ...targetStore(recipe)];
}

function networkParameters(recipe: Recipe): readonly ParameterDescription[] {
  return recipe.networks.flatMap(({ network, instances, average }, networkIndex) => {
    const shapes = layerShapes(network);
    return Array.from({ length: instances }, (_, instance) =>
      shapes.flatMap(({ layer, input }, layerIndex) => {
        // TensorFlow's batch norm layers obey the variable scope's reuse: instances share them.
        if (isNorm(layer) && instance > 0) return [];
        const stream = streamNumber('initialise', networkIndex, instance, layerIndex);
        return layerParameters(layer, input, stream).map((parameter) => ({
          ...parameter,
          name: parameterName(network.name, instance, layer.name, parameter.part),
          network: network.name,
          instance,
          layer: layer.name,
          isAveraged: average !== null && parameter.role === 'trained',
        }));
      }),
    ).flat();
  });
}

type LayerParameter = Pick<ParameterDescription, 'part' | 'shape' | 'role' | 'initial'>;

function constant(
  part: ParameterDescription['part'],
  size: number,
  value: number,
  role: ParameterDescription['role'],
): LayerParameter {
  return { part, shape: [size], role, initial: { kind: 'constant', value } };
}

function kernel(
  shape: readonly number[],
  start: KernelStart = 'glorot',
  fanIn: number,
  fanOut: number,
  stream: number,
): LayerParameter {
  const limit = Math.sqrt(6 / (start === 'glorot' ? fanIn + fanOut : fanIn));
  return { part: 'kernel', shape, role: 'trained', initial: { kind: 'uniform', limit, stream } };
}

function layerParameters(
  layer: LayerDescription,
  input: readonly number[],
  stream: number,
): readonly LayerParameter[] {
  const inputChannels = input.at(-1)!;
  switch (layer.kind) {
    case 'conv2d':
    case 'conv2dTranspose': {
      const [height, width] = layer.kernelSize;
      const area = height * width;
      // Keras computes the fans from the kernel's last two dimensions as [in, out], which for a
      // transposed convolution ([height, width, out, in]) swaps them; the sum is the same.
      const shape =
        layer.kind === 'conv2d'
          ? [height, width, inputChannels, layer.filters]
          : [height, width, layer.filters, inputChannels];
      return [
        kernel(shape, layer.start, area * inputChannels, area * layer.filters, stream),
        constant('bias', layer.filters, 0, layer.bias === 'trained' ? 'trained' : 'frozen'),
      ];
    }
    case 'dense':
      return [
        kernel([inputChannels, layer.units], layer.start, inputChannels, layer.units, stream),
        constant('bias', layer.units, 0, layer.bias === 'trained' ? 'trained' : 'frozen'),
      ];
    case 'batchNorm':
      return [
        constant('gamma', inputChannels, 1, 'trained'),
        constant('beta', inputChannels, 0, 'trained'),
        constant('moving_mean', inputChannels, 0, 'running'),
        constant('moving_variance', inputChannels, 1, 'running'),
      ];
    case 'groupNorm':
      return [constant('gamma', inputChannels, 1, 'trained'), constant('beta', inputChannels, 0, 'trained')];
    case 'gaussianNoise':
    case 'dropout':
    case 'leakyRelu':
    case 'relu':
    case 'tanh':
    case 'flatten':
    case 'reshape':
      return [];
    default:
      return layer satisfies never;
  }
}

/** Names of the two Adam moments of a trained parameter. */
export function momentNames(parameter: string): { readonly m: string; readonly v: string } {
  return { m: `adam/m/${parameter}`, v: `adam/v/${parameter}` };
}

/** Name of the average of a trained parameter. */
export function averageName(parameter: string): string {
  return `average/${parameter}`;
}

/** Name of a layer's tensor; norms' are shared by all instances and bear the first one's name. */
export function parameterName(network: string, instance: number, layer: string, part: string): string {
  return `${instanceName(network, instance)}/${layer}/${part}`;
}

/** Name of what a pass reads in place of a layer's tensor: running statistics have no average. */
export function nameInSet(parameter: string, set: ParameterSet): string {
  return set === 'average' && !/\/moving_(mean|variance)$/.test(parameter)
    ? averageName(parameter)
    : parameter;
}

/** Shape of every tensor of a state by name, in the order of `initialTensors`. */
export function stateShapes(recipe: Recipe): ReadonlyMap<string, readonly number[]> {
  return new Map(
    parametersOf(recipe).flatMap(({ name, shape, role, isAveraged }) => {
      const { m, v } = momentNames(name);
      const names = [name, ...(isAveraged ? [averageName(name)] : []), ...(role === 'trained' ? [m, v] : [])];
      return names.map((own): [string, readonly number[]] => [own, shape]);
    }),
  );
}

/**
 * The value of every tensor at step 0: parameters, running statistics, zero Adam moments, and averages,
 * which begin as copies.
 * Uniform draws are float32(limit) x (2u - 1), rounded once, so that any engine can draw the same bits.
 */
export function initialTensors(recipe: Recipe, seed: number): Map<string, NamedTensor> {
  const streams = new RandomStreams(seed);
  const tensors = new Map<string, NamedTensor>();
  for (const { name, shape, initial, role, isAveraged } of parametersOf(recipe)) {
    const size = sizeOf(shape);
    if (initial.kind === 'constant') {
      tensors.set(name, { shape, values: new Float32Array(size).fill(initial.value) });
    } else {
      const values = streams.uniform(initial.stream, 0, size, -1, 1);
      const limit = Math.fround(initial.limit);
      tensors.set(name, { shape, values: values.map((value) => value * limit) });
    }
    if (isAveraged) tensors.set(averageName(name), { shape, values: tensors.get(name)!.values.slice() });
    if (role === 'trained') {
      const moments = momentNames(name);
      tensors.set(moments.m, { shape, values: new Float32Array(size) });
      tensors.set(moments.v, { shape, values: new Float32Array(size) });
    }
  }
  return tensors;
}
