/** Lowers a chain or an epilogue of the plan to the list of snippets that kernels apply. */

import type { Activation, Snippet } from '../plan/operations.js';
import type { Bindings } from './memory/bindings.js';
import {
  SNIPPET_A,
  SNIPPET_AFFINE,
  SNIPPET_AFFINE_LEAKY,
  SNIPPET_B,
  SNIPPET_BIAS,
  SNIPPET_CODE,
  SNIPPET_LEAKY,
  SNIPPET_LEAKY_AFFINE_GRADIENT,
  SNIPPET_LEAKY_GRADIENT,
  SNIPPET_LEAKY_MASK,
  SNIPPET_MASK,
  SNIPPET_MASKED_LEAKY_GRADIENT,
  SNIPPET_NORM_GRADIENT,
  SNIPPET_NUMBER,
  SNIPPET_OFFSETS,
  SNIPPET_SCALE,
  SNIPPET_STEP,
  SNIPPET_TABLE,
  SNIPPET_TANH,
  SNIPPET_TANH_GRADIENT,
  SNIPPET_VECTOR,
  SNIPPET_WORDS,
} from './kernels/words.js';
import { floatBits, type Field } from './records.js';

type SnippetOf<Kind extends Snippet['kind']> = Extract<Snippet, { readonly kind: Kind }>;

/** Slope below zero of the two ReLUs. */
function slopeOf(activation: Exclude<Activation, { readonly name: 'tanh' }>): number {
  return floatBits(activation.name === 'relu' ? 0 : activation.alpha);
}

function activationFields(activation: Activation): readonly Field[] {
  if (activation.name === 'tanh') return [[SNIPPET_CODE, SNIPPET_TANH]];
  return [
    [SNIPPET_CODE, SNIPPET_LEAKY],
    [SNIPPET_NUMBER, slopeOf(activation)],
  ];
}

function gradientFields(
  { activation, at, chain }: SnippetOf<'activationGradient'>,
  channels: number,
  bindings: Bindings,
): readonly Field[] {
  const [inner, ...others] = chain;
  const saved: Field = [SNIPPET_A, bindings.tensor(at)];
  if (others.length === 0 && activation.name === 'tanh' && inner === undefined) {
    return [[SNIPPET_CODE, SNIPPET_TANH_GRADIENT], saved];
  }
  if (others.length > 0 || activation.name === 'tanh' || (inner !== undefined && inner.kind !== 'affine')) {
    throw new Error(`No kernel takes the derivative of ${activation.name} after ${chain.length} steps.`);
  }
  const slope: Field = [SNIPPET_NUMBER, slopeOf(activation)];
  if (inner === undefined) return [[SNIPPET_CODE, SNIPPET_LEAKY_GRADIENT], saved, slope];
  return [
    [SNIPPET_CODE, SNIPPET_LEAKY_AFFINE_GRADIENT],
    saved,
    slope,
    [SNIPPET_B, bindings.tensor(inner.statistics) + 8 * channels],
    [SNIPPET_STEP, 16 * channels],
    [SNIPPET_TABLE, 4 * channels],
  ];
}

/** Where the scales and shifts of the segments lie. */
function affineFields(
  { statistics }: SnippetOf<'affine'>,
  channels: number,
  bindings: Bindings,
): readonly Field[] {
  return [
    [SNIPPET_A, bindings.tensor(statistics) + 8 * channels],
    [SNIPPET_STEP, 16 * channels],
    [SNIPPET_TABLE, 4 * channels],
  ];
}

/** A mask's fields, but for its bits; `scaleWord` takes what it multiplies by. */
function maskFields(
  { offsets, scale }: SnippetOf<'mask'>,
  scaleWord: number,
  { arena }: Bindings,
): readonly Field[] {
  return [
    [SNIPPET_OFFSETS, arena.storeWords(offsets)],
    [scaleWord, floatBits(scale)],
  ];
}

function fieldsOf(
  snippet: Snippet,
  instance: number,
  channels: number,
  bindings: Bindings,
): readonly Field[] {
  switch (snippet.kind) {
    case 'affine':
      return [[SNIPPET_CODE, SNIPPET_AFFINE], ...affineFields(snippet, channels, bindings)];
    case 'bias':
      return [
        [SNIPPET_CODE, SNIPPET_BIAS],
        [SNIPPET_A, bindings.parameter(snippet.parameters[instance]!)],
      ];
    case 'activation':
      return activationFields(snippet.activation);
    case 'mask':
      return [
        [SNIPPET_CODE, SNIPPET_MASK],
        [SNIPPET_A, bindings.tensor(snippet.bits)],
        ...maskFields(snippet, SNIPPET_NUMBER, bindings),
      ];
    case 'normGradient':
      return [
        [SNIPPET_CODE, SNIPPET_NORM_GRADIENT],
        [SNIPPET_A, bindings.tensor(snippet.raw)],
        [SNIPPET_B, bindings.tensor(snippet.coefficients)],
        [SNIPPET_STEP, 12 * channels],
        [SNIPPET_TABLE, 4 * channels],
      ];
    case 'activationGradient':
      return gradientFields(snippet, channels, bindings);
    case 'segmentVector': {
      const shape = bindings.program.tensors[snippet.vectors]!.shape;
      return [
        [SNIPPET_CODE, SNIPPET_VECTOR],
        [SNIPPET_A, bindings.tensor(snippet.vectors)],
        [SNIPPET_STEP, 4 * (bindings.sizeOf(snippet.vectors) / shape[0]!)],
      ];
    }
    default:
      return snippet satisfies never;
  }
}

/** Fields of two snippets that one kernel does in one go, or null where there is none. */
function fieldsOfPair(
  first: Snippet,
  second: Snippet | undefined,
  channels: number,
  bindings: Bindings,
): readonly Field[] | null {
  if (first.kind === 'affine' && second?.kind === 'activation' && second.activation.name !== 'tanh') {
    return [
      ...affineFields(first, channels, bindings),
      [SNIPPET_CODE, SNIPPET_AFFINE_LEAKY],
      [SNIPPET_NUMBER, slopeOf(second.activation)],
    ];
  }
  if (first.kind === 'activation' && first.activation.name !== 'tanh' && second?.kind === 'mask') {
    return [
      [SNIPPET_CODE, SNIPPET_LEAKY_MASK],
      [SNIPPET_NUMBER, slopeOf(first.activation)],
      [SNIPPET_A, bindings.tensor(second.bits)],
      ...maskFields(second, SNIPPET_SCALE, bindings),
    ];
  }
  // Masks and slopes are factors, in any order.
  const [gradient, mask] = first.kind === 'mask' ? [second, first] : [first, second];
  if (gradient?.kind !== 'activationGradient' || mask?.kind !== 'mask') return null;
  if (gradient.activation.name === 'tanh' || gradient.chain.length > 0) return null;
  return [
    [SNIPPET_CODE, SNIPPET_MASKED_LEAKY_GRADIENT],
    [SNIPPET_A, bindings.tensor(gradient.at)],
    [SNIPPET_NUMBER, slopeOf(gradient.activation)],
    [SNIPPET_B, bindings.tensor(mask.bits)],
    ...maskFields(mask, SNIPPET_SCALE, bindings),
  ];
}

/** Address of the list, 0 where there is nothing to apply. `channels` are those of a position. */
export function storeSnippets(
  chain: readonly Snippet[],
  instance: number,
  channels: number,
  bindings: Bindings,
): number {
  if (chain.length === 0) return 0;
  const words = new Array<number>((chain.length + 1) * SNIPPET_WORDS).fill(0);
  let at = 0;
  for (let index = 0; index < chain.length; index++, at += SNIPPET_WORDS) {
    const snippet = chain[index]!;
    const pair = fieldsOfPair(snippet, chain[index + 1], channels, bindings);
    for (const [word, value] of pair ?? fieldsOf(snippet, instance, channels, bindings)) {
      words[at + word] = value as number;
    }
    if (pair !== null) index++;
  }
  return bindings.arena.storeWords(words);
}
