/**
 * Lowers the backward pass of one stack, last fusion group first: the gradient through a norm, then, side by
 * side, the gradients of the group's parameters and the product that carries the gradient to the group
 * before it. Collects what the update has to do.
 */

import { sizeOf } from '../../../../recipe/layers.js';
import type { ProgramBuilder } from './builder.js';
import { reverse, throughPointwise, type GradientContext } from './gradients.js';
import { parameterName } from '../../../model/parameters.js';
import type { Stack } from './graph.js';
import {
  allInstances,
  groupNormParameters,
  normKind,
  normParameters,
  outputSide,
  type LoweredFusion,
} from './lower-forward.js';
import type { OpSegment, ReductionSplit, Snippet, TensorId, UpdateEntry, View } from '../operations.js';
import { gradientSegments, totalRows, withoutSource } from './segments.js';
import { splitRows, splitsOf } from './splits.js';
import type { TrainOptions } from './train-options.js';

/** An update before its optimiser is known: which network's, in which update of the phase. */
export type PendingUpdate = Omit<UpdateEntry, 'optimiser' | 'average'> & {
  readonly update: number;
  readonly network: string;
};

/** At most so many rows have one partial sum of a group norm's gradients: enough of them for every thread. */
const GROUP_NORM_ROWS = 8;

export interface BackwardInput {
  readonly stack: Stack;
  readonly fusions: readonly LoweredFusion[];
  readonly context: GradientContext;
  /** Gradient at the output of the last group's linear layer, all backward rows. */
  readonly outputGradient: TensorId;
  /** A gradient that all rows of a segment share at a group's output, by the layer's name. */
  readonly sharedGradients: ReadonlyMap<string, TensorId>;
  /** Where the gradient at the network's input goes; null where nobody needs it. */
  readonly below: {
    readonly fusion: LoweredFusion;
    readonly context: GradientContext;
    readonly target: TensorId;
    readonly segments: readonly OpSegment[];
  } | null;
  readonly options: TrainOptions;
}

/** Entries for a parameter that every instance has, from split-K partial sums of `stride` elements. */
function updatesOf(
  { network, instances, backward }: Stack,
  layer: string,
  part: string,
  splits: readonly ReductionSplit[],
  gradient: TensorId,
  stride: number,
): readonly PendingUpdate[] {
  const { update } = backward.find(({ trains }) => trains)!;
  return Array.from({ length: instances }, (_, instance) => ({
    parameter: parameterName(network, instance, layer, part),
    size: stride,
    gradient,
    offset: 0,
    stride,
    ...splitsOf(splits, instance),
    update,
    network,
  }));
}

/** Adds the backward operations of a stack. */
export function lowerBackward(builder: ProgramBuilder, input: BackwardInput): readonly PendingUpdate[] {
  const { stack, fusions, context, sharedGradients, below, options } = input;
  const { label } = stack;
  const withSources = gradientSegments(stack);
  const segments = withSources.map(withoutSource);
  const training = withSources.filter(({ source }) => source.trains);
  const trained = training.map(withoutSource);
  const rows = totalRows(segments);
  const updates: PendingUpdate[] = [];
  let gradient = input.outputGradient;

  for (let index = fusions.length - 1; index >= 0; index--) {
    const lowered = fusions[index]!;
    const { linear, norm, epilogue } = lowered.fusion;
    const { geometry, direction } = linear.shape;
    const side = outputSide(lowered.fusion);
    let view: View = { tensor: gradient, rows: 'gradient', prologue: [] };

    if (norm !== null && normKind(lowered.fusion) === 'batchNorm') {
      const name = `${label}/${norm.layer} gradient`;
      const { channels } = side;
      const coefficients = builder.tensor(
        `${name} coefficients`,
        [segments.length, 3, channels],
        'gradientStatistics',
      );
      const parameterGradients =
        trained.length === 0
          ? null
          : builder.tensor(`${label}/${norm.layer} gamma and beta gradient`, [2, channels], 'gradients');
      const applied = options.storesNormalised
        ? builder.tensor(`${label}/${linear.layer} gradient after ${norm.layer}`, [
            rows,
            side.height,
            side.width,
            channels,
          ])
        : null;
      builder.stage({
        kind: 'normGradient',
        name,
        side,
        segments: withSources.map((segment) => ({
          ...withoutSource(segment),
          trains: segment.source.trains,
        })),
        source: gradient,
        raw: lowered.stored,
        statistics: lowered.statistics!,
        norm: normParameters(stack, lowered.fusion),
        coefficients,
        gradient: parameterGradients,
        applied,
      });
      view =
        applied === null
          ? { ...view, prologue: [{ kind: 'normGradient', raw: lowered.stored, coefficients }] }
          : { ...view, tensor: applied };
      if (parameterGradients !== null) {
        const { gamma, beta } = normParameters(stack, lowered.fusion);
        const shared = {
          size: channels,
          gradient: parameterGradients,
          stride: 2 * channels,
          firstSplit: 0,
          splits: 1,
        };
        const { update } = training[0]!.source;
        const { network } = stack;
        updates.push({ ...shared, parameter: gamma, offset: 0, update, network });
        updates.push({ ...shared, parameter: beta, offset: channels, update, network });
      }
    }
    if (norm !== null && normKind(lowered.fusion) === 'groupNorm') {
      const name = `${label}/${norm.layer}`;
      const { height, width, channels } = side;
      const parameters = groupNormParameters(stack, lowered.fusion);
      const positions = height * width;
      const length = Math.min(options.reductionLength, GROUP_NORM_ROWS * positions);
      const splits = splitRows(trained, positions, length);
      const parameterGradients =
        splits.length === 0
          ? null
          : builder.tensor(`${name} gamma and beta gradient`, [splits.length, 2, channels], 'gradients');
      const target = builder.tensor(`${label}/${linear.layer} gradient after ${norm.layer}`, [
        rows,
        height,
        width,
        channels,
      ]);
      builder.stage({
        kind: 'groupNormGradient',
        name: `${name} gradient`,
        side,
        segments,
        splits,
        source: gradient,
        raw: lowered.stored,
        statistics: lowered.statistics!,
        norm: parameters,
        target,
        gradient: parameterGradients,
      });
      view = { ...view, tensor: target };
      if (parameterGradients !== null) {
        const shared = {
          size: channels,
          gradient: parameterGradients,
          stride: 2 * channels,
          firstSplit: 0,
          splits: splits.length,
          update: training[0]!.source.update,
          network: stack.network,
        };
        updates.push({ ...shared, parameter: parameters.gamma, offset: 0 });
        updates.push({ ...shared, parameter: parameters.beta, offset: channels });
      }
    }

    const positions = geometry.small.height * geometry.small.width;
    const splits = splitRows(trained, positions, options.reductionLength);
    const { kernelHeight, kernelWidth, large, small } = geometry;
    const kernelShape = [kernelHeight, kernelWidth, large.channels, small.channels];
    const name = `${label}/${linear.layer}`;
    const needsKernel = splits.length > 0;
    const needsBias = needsKernel && epilogue.some(({ kind }) => kind === 'bias');
    const kernelGradient = needsKernel
      ? builder.tensor(`${name} kernel gradient`, [splits.length, ...kernelShape], 'gradients')
      : null;
    const biasGradient = needsBias
      ? builder.tensor(`${name} bias gradient`, [splits.length, side.channels], 'gradients')
      : null;
    if (kernelGradient !== null) {
      updates.push(...updatesOf(stack, linear.layer, 'kernel', splits, kernelGradient, sizeOf(kernelShape)));
    }
    if (biasGradient !== null) {
      updates.push(...updatesOf(stack, linear.layer, 'bias', splits, biasGradient, side.channels));
    }

    const isJoined = options.joinsBiases && direction === 'toSmall';

    const from = index > 0 ? fusions[index - 1]! : null;
    let inputProduct: {
      target: TensorId;
      segments: readonly OpSegment[];
      epilogue: readonly Snippet[];
    } | null = null;
    if (from !== null) {
      const tapped = from.fusion.outputLayers
        .map((layer) => sharedGradients.get(layer))
        .find((id) => id !== undefined);
      const added: readonly Snippet[] =
        tapped === undefined ? [] : [{ kind: 'segmentVector', vectors: tapped }];
      const { height, width, channels } = outputSide(from.fusion);
      inputProduct = {
        target: builder.tensor(`${label}/${from.fusion.linear.layer} gradient`, [
          rows,
          height,
          width,
          channels,
        ]),
        segments,
        epilogue: [...added, ...throughPointwise(from, context)],
      };
    } else if (below !== null) {
      inputProduct = {
        target: below.target,
        segments: below.segments,
        epilogue: throughPointwise(below.fusion, below.context),
      };
    }
    builder.stage(
      kernelGradient === null
        ? null
        : {
            kind: 'filterGradient',
            name: `${name} kernel gradient`,
            geometry,
            splits,
            large: direction === 'toSmall' ? lowered.source : view,
            small: direction === 'toSmall' ? view : lowered.source,
            target: kernelGradient,
            bias: isJoined ? biasGradient : null,
          },
      biasGradient === null || isJoined
        ? null
        : {
            kind: 'biasGradient',
            name: `${name} bias gradient`,
            side,
            splits,
            source: view,
            target: biasGradient,
          },
      inputProduct === null
        ? null
        : {
            kind: 'product',
            name: `${name} input gradient`,
            direction: reverse(direction),
            geometry,
            source: view,
            kernels: allInstances(stack, linear.layer, 'kernel'),
            ...inputProduct,
          },
    );
    if (inputProduct !== null) gradient = inputProduct.target;
  }
  return updates;
}
