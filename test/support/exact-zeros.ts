/**
 * Which tensors of a recipe are zero in exact arithmetic: a batch norm subtracts the mean, and with it the
 * bias that the layer before has added, so that bias has no gradient, and all that follows from it is noise.
 */

import type { LayerDescription, Network } from '../../src/recipe/layers.js';
import type { Recipe } from '../../src/recipe/recipe.js';
import { parametersOf } from '../../src/worker/model/parameters.js';

function isLinear({ kind }: LayerDescription): boolean {
  return kind === 'conv2d' || kind === 'conv2dTranspose' || kind === 'dense';
}

/** Names of the linear layers that a batch norm follows at once. */
function layersBeforeNorm({ layers }: Network): readonly string[] {
  return layers
    .filter((layer, index) => isLinear(layer) && layers[index + 1]?.kind === 'batchNorm')
    .map(({ name }) => name);
}

/**
 * Tells by name what an engine gives that is rounding noise: the biases before a norm, their gradients
 * (whatever phase they are of), moments and averages.
 */
export function exactZerosOf(recipe: Recipe): (name: string) => boolean {
  const layers = new Map(recipe.networks.map(({ network }) => [network.name, layersBeforeNorm(network)]));
  const biases = parametersOf(recipe)
    .filter(({ part, network, layer }) => part === 'bias' && layers.get(network)!.includes(layer))
    .map(({ name }) => name);
  return (name) => biases.some((bias) => name === bias || name.endsWith(`/${bias}`));
}

/** Tells the same of a plan's tensors: the partial sums that those gradients are added from. */
export function exactZeroSumsOf(recipe: Recipe): (tensor: string) => boolean {
  const sums = recipe.networks.flatMap(({ network }) =>
    layersBeforeNorm(network).map((layer) => ({ network: network.name, end: `/${layer} bias gradient` })),
  );
  return (tensor) => sums.some(({ network, end }) => tensor.includes(network) && tensor.endsWith(end));
}
