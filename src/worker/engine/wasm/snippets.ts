/** Lowers a prologue or an epilogue of the plan to the list of snippets that kernels apply. */

import type { Activation, Snippet } from '../plan/operations.js';
import type { Bindings } from './memory/bindings.js';
import type { VariantValues } from './layout/fields.js';
import { storeVariants } from './layout/store.js';
import { SNIPPET } from './layout/tables.js';

type SnippetOf<Kind extends Snippet['kind']> = Extract<Snippet, { readonly kind: Kind }>;
type StoredSnippet = VariantValues<typeof SNIPPET>;
type StoredOf<Kind extends StoredSnippet['kind']> = Extract<StoredSnippet, { readonly kind: Kind }>;

/** Slope below zero of the two ReLUs. */
export function slopeOf(activation: Exclude<Activation, { readonly name: 'tanh' }>): number {
  return activation.name === 'relu' ? 0 : activation.alpha;
}

/** Where the scales and shifts of the segments lie. */
function scalesOf(
  { statistics }: SnippetOf<'affine'>,
  channels: number,
  bindings: Bindings,
): Omit<StoredOf<'affine'>, 'kind'> {
  return {
    scale: bindings.tensor(statistics) + 8 * channels,
    segmentStep: 16 * channels,
    tableStep: 4 * channels,
  };
}

function gradientOf(
  { activation, at, prologue }: SnippetOf<'activationGradient'>,
  channels: number,
  bindings: Bindings,
): StoredSnippet {
  const [inner, ...others] = prologue;
  const saved = bindings.tensor(at);
  if (activation.name === 'tanh' && inner === undefined) return { kind: 'tanhGradient', saved };
  if (others.length > 0 || activation.name === 'tanh' || (inner !== undefined && inner.kind !== 'affine')) {
    throw new Error(`No kernel takes the derivative of ${activation.name} after ${prologue.length} steps.`);
  }
  const slope = slopeOf(activation);
  if (inner === undefined) return { kind: 'leakyGradient', saved, slope };
  return { kind: 'leakyAffineGradient', saved, slope, ...scalesOf(inner, channels, bindings) };
}

function storedOf(snippet: Snippet, instance: number, channels: number, bindings: Bindings): StoredSnippet {
  switch (snippet.kind) {
    case 'affine':
      return { kind: 'affine', ...scalesOf(snippet, channels, bindings) };
    case 'bias':
      return { kind: 'bias', values: bindings.parameter(snippet.parameters[instance]!) };
    case 'activation':
      return snippet.activation.name === 'tanh'
        ? { kind: 'tanh' }
        : { kind: 'leaky', slope: slopeOf(snippet.activation) };
    case 'mask':
      return {
        kind: 'mask',
        bits: bindings.tensor(snippet.bits),
        offsets: bindings.arena.storeWords(snippet.offsets),
        scale: snippet.scale,
      };
    case 'normGradient':
      return {
        kind: 'normGradient',
        raw: bindings.tensor(snippet.raw),
        p: bindings.tensor(snippet.coefficients),
        segmentStep: 12 * channels,
        tableStep: 4 * channels,
      };
    case 'activationGradient':
      return gradientOf(snippet, channels, bindings);
    case 'noise':
      return { kind: 'noise', noise: bindings.tensor(snippet.values), deviation: snippet.deviation };
    case 'segmentVector':
      return {
        kind: 'segmentVector',
        vectors: bindings.tensor(snippet.vectors),
        segmentStep: 4 * bindings.rowSizeOf(snippet.vectors),
      };
    default:
      return snippet satisfies never;
  }
}

/** Address of the list, 0 where there is nothing to apply. `channels` are those of a position. */
export function storeSnippets(
  snippets: readonly Snippet[],
  instance: number,
  channels: number,
  bindings: Bindings,
): number {
  if (snippets.length === 0) return 0;
  const stored = snippets.map((snippet) => storedOf(snippet, instance, channels, bindings));
  return storeVariants(bindings.arena, SNIPPET, stored);
}
