/**
 * Lowers one network's forward pass: a product a block, and statistics where a norm follows. Used by
 * training (all passes as segments) and by inference (one segment, running statistics).
 */

import type { Settings } from '../../../../protocol/settings.js';
import { instanceName } from '../../../model/parameters.js';
import type { Block, PointwisePrimitive } from './blocks.js';
import type { ProgramBuilder } from './builder.js';
import { parameterName } from './graph.js';
import type { NormParameters, OpSegment, Snippet, TensorId, View } from '../operations.js';

/** Keep bits of one dropout layer, and where each forward segment's begin. */
export interface MaskBits {
  readonly bits: TensorId;
  readonly offsets: readonly number[];
}

export interface ForwardInput {
  readonly network: string;
  readonly instances: number;
  readonly blocks: readonly Block[];
  readonly input: TensorId;
  readonly rows: number;
  readonly segments: readonly OpSegment[];
  readonly settings: Settings;
  /** By layer name; null for inference, where dropout does nothing and norms use running statistics. */
  readonly training: {
    readonly masks: ReadonlyMap<string, MaskBits>;
    readonly updatesRunning: boolean;
    /** See `TrainOptions`. */
    readonly storesNormalised: boolean;
  } | null;
  /** Where the last block stores its rows, if not in a tensor of its own. */
  readonly output?: { readonly tensor: TensorId; readonly segments: readonly OpSegment[] } | undefined;
}

/** What the forward pass left behind for the backward pass and for those who read the output. */
export interface LoweredBlock {
  readonly block: Block;
  /** What the block's linear layer read. */
  readonly source: View;
  readonly stored: TensorId;
  /** First row of `stored` where that is a tensor of another network; null for its own rows. */
  readonly storedRows: number | null;
  readonly statistics: TensorId | null;
  /** The block's output; without a chain where it is stored. */
  readonly view: View;
}

export function allInstances(
  network: string,
  instances: number,
  layer: string,
  part: string,
): readonly string[] {
  return Array.from({ length: instances }, (_, instance) => parameterName(network, instance, layer, part));
}

export function normParameters(network: string, block: Block): NormParameters {
  const { layer, description } = block.norm!;
  const name = (part: string): string => `${instanceName(network, 0)}/${layer}/${part}`;
  return {
    gamma: name('gamma'),
    beta: name('beta'),
    movingMean: name('moving_mean'),
    movingVariance: name('moving_variance'),
    epsilon: description.epsilon,
    momentum: description.momentum,
  };
}

/** The dropout snippet of a layer; null where nothing is dropped. */
export function maskSnippet(
  masks: ReadonlyMap<string, MaskBits>,
  layer: string,
  rate: number,
): Snippet | null {
  const mask = masks.get(layer);
  if (mask === undefined) return null;
  return { kind: 'mask', bits: mask.bits, offsets: mask.offsets, scale: 1 / (1 - rate) };
}

function toSnippets(primitives: readonly PointwisePrimitive[], input: ForwardInput): readonly Snippet[] {
  return primitives.flatMap((primitive): Snippet[] => {
    switch (primitive.kind) {
      case 'bias':
        return [
          { kind: 'bias', parameters: allInstances(input.network, input.instances, primitive.layer, 'bias') },
        ];
      case 'activation':
        return [{ kind: 'activation', activation: primitive.activation }];
      case 'mask': {
        const masks = input.training?.masks;
        const snippet =
          masks === undefined ? null : maskSnippet(masks, primitive.layer, input.settings.dropout);
        return snippet === null ? [] : [snippet];
      }
      default:
        return primitive satisfies never;
    }
  });
}

/** Adds the operations of a forward pass and tells where everything lies. */
export function lowerForward(builder: ProgramBuilder, input: ForwardInput): readonly LoweredBlock[] {
  const { network, instances, blocks, rows, segments, training, output } = input;
  let source: View = { tensor: input.input, rows: 'forward', chain: [] };
  return blocks.map((block, index) => {
    const { linear, norm } = block;
    const { geometry, direction } = linear.shape;
    const side = direction === 'toSmall' ? geometry.small : geometry.large;
    const goesElsewhere = output !== undefined && index === blocks.length - 1;
    const stored = goesElsewhere
      ? output.tensor
      : builder.tensor(`${network}/${linear.layer}`, [rows, side.height, side.width, side.channels]);
    const epilogue = [...toSnippets(block.stored, input)];
    const chain: Snippet[] = [];
    if (norm !== null && training === null) {
      // Running statistics are there before the product, so its epilogue can apply them.
      const name = `${network}/${norm.layer}`;
      const statistics = builder.tensor(`${name} statistics`, [1, 4, side.channels], 'statistics');
      builder.stage({
        kind: 'normInference',
        name,
        norm: normParameters(network, block),
        channels: side.channels,
        target: statistics,
      });
      epilogue.push({ kind: 'affine', statistics }, ...toSnippets(block.read, input));
    }
    builder.stage({
      kind: 'product',
      name: `${network}/${linear.layer}`,
      direction,
      geometry,
      segments: goesElsewhere ? output.segments : segments,
      source,
      kernels: allInstances(network, instances, linear.layer, 'kernel'),
      epilogue,
      target: stored,
    });
    let tensor = stored;
    let statistics: TensorId | null = null;
    if (norm !== null && training !== null) {
      const name = `${network}/${norm.layer}`;
      statistics = builder.tensor(`${name} statistics`, [segments.length, 4, side.channels], 'statistics');
      const applied: readonly Snippet[] = [{ kind: 'affine', statistics }, ...toSnippets(block.read, input)];
      if (training.storesNormalised) {
        tensor = builder.tensor(`${name} applied`, [rows, side.height, side.width, side.channels]);
      } else {
        chain.push(...applied);
      }
      builder.stage({
        kind: 'normStatistics',
        name,
        norm: normParameters(network, block),
        side,
        segments,
        source: stored,
        updatesRunning: training.updatesRunning,
        target: statistics,
        applied: training.storesNormalised ? { chain: applied, target: tensor } : null,
      });
    }
    const view: View = { tensor, rows: 'forward', chain };
    const storedRows = goesElsewhere ? output.segments[0]!.targetRow : null;
    const lowered: LoweredBlock = { block, source, stored, storedRows, statistics, view };
    source = view;
    return lowered;
  });
}
