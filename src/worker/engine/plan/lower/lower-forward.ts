/**
 * Lowers the forward pass of one network: a product for each fusion group, and statistics where a norm follows.
 * Used by training (all passes of a stack as segments) and by inference (one segment, running statistics).
 */

import type { ParameterSet } from '../../../../recipe/recipe.js';
import { nameInSet, parameterName } from '../../../model/parameters.js';
import type { FusionGroup, PointwisePrimitive } from './fusion-groups.js';
import type { ProgramBuilder } from './builder.js';
import type { Side } from '../geometry.js';
import type {
  GroupNormParameters,
  NormParameters,
  OpSegment,
  Snippet,
  TensorId,
  View,
} from '../operations.js';

/** A network as it is read: which of its parameters, of how many instances. */
export interface NetworkUse {
  /** For people. */
  readonly label: string;
  readonly network: string;
  readonly instances: number;
  readonly parameters: ParameterSet;
}

/** Keep bits of one dropout layer, and where each forward segment's begin. */
export interface MaskBits {
  readonly bits: TensorId;
  readonly offsets: readonly number[];
}

export interface ForwardInput extends NetworkUse {
  readonly fusions: readonly FusionGroup[];
  readonly input: TensorId;
  readonly rows: number;
  readonly segments: readonly OpSegment[];
  /** By layer name; null for inference, where dropout does nothing and norms use running statistics. */
  readonly training: {
    readonly masks: ReadonlyMap<string, MaskBits>;
    /** Normal values of the noise layer of each name, [forward rows, …]. */
    readonly noises: ReadonlyMap<string, TensorId>;
    readonly updatesRunning: boolean;
    /** See `TrainOptions`. */
    readonly storesNormalised: boolean;
  } | null;
  /** Inference statistics that were made beforehand, by the norm's layer; where left out they are made here. */
  readonly statistics?: ReadonlyMap<string, TensorId>;
  /** Where the last fusion group stores its rows, if not in a tensor of its own. */
  readonly output?: { readonly tensor: TensorId; readonly segments: readonly OpSegment[] } | undefined;
}

/** What the forward pass left behind for the backward pass and for those who read the output. */
export interface LoweredFusion {
  readonly fusion: FusionGroup;
  /** What the group's linear layer reads. */
  readonly source: View;
  /** What its product stores. */
  readonly stored: TensorId;
  /** First row of each forward segment in `stored` where that is another network's input; null for its own rows. */
  readonly storedRows: readonly number[] | null;
  readonly statistics: TensorId | null;
  /** The group's output; without a prologue where it is stored. */
  readonly view: View;
}

/** Names of a layer's parameter as a network is read, by instance. */
export function allInstances(
  { network, instances, parameters }: NetworkUse,
  layer: string,
  part: string,
): readonly string[] {
  return Array.from({ length: instances }, (_, instance) =>
    nameInSet(parameterName(network, instance, layer, part), parameters),
  );
}

/** What kind of norm a fusion group has; null: none. */
export function normKind({ norm }: FusionGroup): 'batchNorm' | 'groupNorm' | null {
  return norm?.description.kind ?? null;
}

/** Gamma and beta of a group's norm. */
function scaleNames({ network, parameters }: NetworkUse, fusion: FusionGroup): (part: string) => string {
  const { layer } = fusion.norm!;
  return (part) => nameInSet(parameterName(network, 0, layer, part), parameters);
}

/** Of a group with a group norm. */
export function groupNormParameters(use: NetworkUse, fusion: FusionGroup): GroupNormParameters {
  const { description } = fusion.norm!;
  if (description.kind !== 'groupNorm') throw new Error(`"${description.name}" is no group norm.`);
  const name = scaleNames(use, fusion);
  const { groups, epsilon } = description;
  return { gamma: name('gamma'), beta: name('beta'), groups, epsilon };
}

/** Of a group with a batch norm. */
export function normParameters(use: NetworkUse, fusion: FusionGroup): NormParameters {
  const { description } = fusion.norm!;
  if (description.kind !== 'batchNorm') throw new Error(`"${description.name}" is no batch norm.`);
  const name = scaleNames(use, fusion);
  return {
    gamma: name('gamma'),
    beta: name('beta'),
    movingMean: name('moving_mean'),
    movingVariance: name('moving_variance'),
    epsilon: description.epsilon,
    momentum: description.momentum,
  };
}

/** The snippet of a dropout layer; null where nothing is dropped. */
export function maskSnippet(
  masks: ReadonlyMap<string, MaskBits>,
  { layer, rate }: Extract<PointwisePrimitive, { kind: 'mask' }>,
): Snippet | null {
  const mask = masks.get(layer);
  if (mask === undefined) return null;
  return { kind: 'mask', bits: mask.bits, offsets: mask.offsets, scale: 1 / (1 - rate) };
}

function toSnippets(primitives: readonly PointwisePrimitive[], input: ForwardInput): readonly Snippet[] {
  return primitives.flatMap((primitive): Snippet[] => {
    switch (primitive.kind) {
      case 'bias':
        return [{ kind: 'bias', parameters: allInstances(input, primitive.layer, 'bias') }];
      case 'activation':
        return [{ kind: 'activation', activation: primitive.activation }];
      case 'mask': {
        const snippet = input.training === null ? null : maskSnippet(input.training.masks, primitive);
        return snippet === null ? [] : [snippet];
      }
      default:
        return primitive satisfies never;
    }
  });
}

/**
 * Adds the operations that make the inference statistics of a network's norms, all in one stage: before
 * anything of the phase moves the running ones.
 */
export function lowerStatistics(
  builder: ProgramBuilder,
  use: NetworkUse,
  fusions: readonly FusionGroup[],
): ReadonlyMap<string, TensorId> {
  const normed = fusions.filter((fusion) => normKind(fusion) === 'batchNorm');
  const statistics = new Map<string, TensorId>();
  const operations = normed.map((fusion) => {
    const name = `${use.label}/${fusion.norm!.layer}`;
    const { channels } = outputSide(fusion);
    const target = builder.tensor(`${name} statistics`, [1, 4, channels], 'statistics');
    statistics.set(fusion.norm!.layer, target);
    return { kind: 'normInference', name, norm: normParameters(use, fusion), channels, target } as const;
  });
  builder.stage(...operations);
  return statistics;
}

/** The side of a fusion group's linear layer that it writes. */
export function outputSide({ linear }: FusionGroup): Side {
  const { geometry, direction } = linear.shape;
  return direction === 'toSmall' ? geometry.small : geometry.large;
}

/** Whether the linear layer after a group takes its output with other channels: a reshape lies between. */
function isReshaped(fusion: FusionGroup, next: FusionGroup | undefined): boolean {
  if (next === undefined) return false;
  const { geometry, direction } = next.linear.shape;
  const taken = direction === 'toSmall' ? geometry.large : geometry.small;
  return taken.channels !== outputSide(fusion).channels;
}

/** Adds the operations of a forward pass and tells where everything lies. */
export function lowerForward(builder: ProgramBuilder, input: ForwardInput): readonly LoweredFusion[] {
  const { label, fusions, rows, segments, training, output } = input;
  let source: View = { tensor: input.input, rows: 'forward', prologue: [] };
  return fusions.map((fusion, index) => {
    const { noise, linear, norm } = fusion;
    const { geometry, direction } = linear.shape;
    const side = outputSide(fusion);
    const values = noise === null ? undefined : training?.noises.get(noise.layer);
    if (noise !== null && values !== undefined) {
      const snippet = { kind: 'noise', values, deviation: noise.deviation } as const;
      source = { ...source, prologue: [...source.prologue, snippet] };
    }
    const goesElsewhere = output !== undefined && index === fusions.length - 1;
    const stored = goesElsewhere
      ? output.tensor
      : builder.tensor(`${label}/${linear.layer}`, [rows, side.height, side.width, side.channels]);
    const epilogue = [...toSnippets(fusion.epilogue, input)];
    const prologue: Snippet[] = [];
    if (normKind(fusion) === 'batchNorm' && training === null) {
      // Running statistics are there before the product, so its epilogue can apply them.
      const statistics = (input.statistics ?? lowerStatistics(builder, input, [fusion])).get(norm!.layer)!;
      epilogue.push({ kind: 'affine', statistics }, ...toSnippets(fusion.afterNorm, input));
    }
    builder.stage({
      kind: 'product',
      name: `${label}/${linear.layer}`,
      direction,
      geometry,
      segments: goesElsewhere ? output.segments : segments,
      source,
      kernels: allInstances(input, linear.layer, 'kernel'),
      epilogue,
      target: stored,
    });
    let tensor = stored;
    let statistics: TensorId | null = null;
    if (norm !== null && normKind(fusion) === 'groupNorm') {
      const name = `${label}/${norm.layer}`;
      const parameters = groupNormParameters(input, fusion);
      statistics = builder.tensor(`${name} statistics`, [rows, 2, parameters.groups], 'statistics');
      tensor = builder.tensor(`${name} applied`, [rows, side.height, side.width, side.channels]);
      builder.stage({
        kind: 'groupNorm',
        name,
        side,
        segments,
        source: stored,
        norm: parameters,
        statistics,
        epilogue: toSnippets(fusion.afterNorm, input),
        target: tensor,
      });
    } else if (norm !== null && training !== null) {
      const name = `${label}/${norm.layer}`;
      statistics = builder.tensor(`${name} statistics`, [segments.length, 4, side.channels], 'statistics');
      const applied: readonly Snippet[] = [
        { kind: 'affine', statistics },
        ...toSnippets(fusion.afterNorm, input),
      ];
      // A prologue reads scale and shift by channel, which a reshape would change.
      const stores = training.storesNormalised || isReshaped(fusion, fusions[index + 1]);
      if (stores) {
        tensor = builder.tensor(`${name} applied`, [rows, side.height, side.width, side.channels]);
      } else {
        prologue.push(...applied);
      }
      builder.stage({
        kind: 'normStatistics',
        name,
        norm: normParameters(input, fusion),
        side,
        segments,
        source: stored,
        updatesRunning: training.updatesRunning,
        target: statistics,
        applied: stores ? { epilogue: applied, target: tensor } : null,
      });
    }
    const view: View = { tensor, rows: 'forward', prologue };
    const storedRows = goesElsewhere ? output.segments.map(({ targetRow }) => targetRow) : null;
    const lowered: LoweredFusion = { fusion, source, stored, storedRows, statistics, view };
    source = view;
    return lowered;
  });
}
