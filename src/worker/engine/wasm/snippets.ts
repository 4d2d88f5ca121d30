/** Lowers a chain or an epilogue of the plan to the list of snippets that kernels apply. */

import type { Activation, Snippet } from '../plan/operations.js';
import type { Bindings } from './bindings.js';
import {
  SNIPPET_A,
  SNIPPET_AFFINE,
  SNIPPET_B,
  SNIPPET_BIAS,
  SNIPPET_CODE,
  SNIPPET_LEAKY,
  SNIPPET_LEAKY_AFFINE_GRADIENT,
  SNIPPET_LEAKY_GRADIENT,
  SNIPPET_MASK,
  SNIPPET_NORM_GRADIENT,
  SNIPPET_NUMBER,
  SNIPPET_OFFSETS,
  SNIPPET_STEP,
  SNIPPET_TABLE,
  SNIPPET_TANH,
  SNIPPET_TANH_GRADIENT,
  SNIPPET_VECTOR,
  SNIPPET_WORDS,
} from './kernels/layout.js';
import { floatBits, type Field } from './records.js';

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
  { activation, at, chain }: Extract<Snippet, { readonly kind: 'activationGradient' }>,
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

function fieldsOf(snippet: Snippet, instance: number, channels: number, bindings: Bindings): readonly Field[] {
  switch (snippet.kind) {
    case 'affine':
      return [
        [SNIPPET_CODE, SNIPPET_AFFINE],
        [SNIPPET_A, bindings.tensor(snippet.statistics) + 8 * channels],
        [SNIPPET_STEP, 16 * channels],
        [SNIPPET_TABLE, 4 * channels],
      ];
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
        [SNIPPET_OFFSETS, bindings.arena.storeWords(snippet.offsets)],
        [SNIPPET_NUMBER, floatBits(snippet.scale)],
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

/** Address of the list, 0 where there is nothing to apply. `channels` are those of a position. */
export function storeSnippets(
  chain: readonly Snippet[],
  instance: number,
  channels: number,
  bindings: Bindings,
): number {
  if (chain.length === 0) return 0;
  const words = new Array<number>((chain.length + 1) * SNIPPET_WORDS).fill(0);
  chain.forEach((snippet, index) => {
    for (const [word, value] of fieldsOf(snippet, instance, channels, bindings)) {
      words[index * SNIPPET_WORDS + word] = value as number;
    }
  });
  return bindings.arena.storeWords(words);
}
