/** Lowers group norms: forward, and their gradients. */

import type { GroupNormGradientOp, GroupNormOp } from '../plan/operations.js';
import { mergeSplits, type FilledSplits } from './convolution/gradients.js';
import { countRows, storeImageTable } from './images.js';
import type { Bindings } from './memory/bindings.js';
import { slopeOf, storeSnippets } from './snippets.js';
import type { StageRecords } from './stage-records.js';

export function lowerGroupNorm(
  { side, segments, source, norm, statistics, epilogue, target, name }: GroupNormOp,
  bindings: Bindings,
  records: StageRecords,
): void {
  const { channels } = side;
  const [first, ...others] = epilogue;
  // A ReLU at once after the norm costs no pass of its own.
  const isRectified = first?.kind === 'activation' && first.activation.name !== 'tanh';
  const slope = isRectified ? slopeOf(first.activation) : 1;
  records.add(0, 'groupNorm', name, {
    source: bindings.tensor(source),
    target: bindings.tensor(target),
    statistics: bindings.tensor(statistics),
    images: countRows(segments),
    positions: side.height * side.width,
    channels,
    groups: norm.groups,
    gamma: bindings.parameter(norm.gamma),
    beta: bindings.parameter(norm.beta),
    epsilon: norm.epsilon,
    slope,
    epilogue: storeSnippets(isRectified ? others : epilogue, segments[0]!.instance, channels, bindings),
    imageTable: storeImageTable(bindings.arena, segments, 'forward'),
  });
}

/** Adds the gradients of rows (group 0), and those of gamma and beta, summed over rows (group 1). */
export function lowerGroupNormGradient(
  operation: GroupNormGradientOp,
  bindings: Bindings,
  filled: FilledSplits,
  records: StageRecords,
): void {
  const { side, segments, splits, source, raw, statistics, norm, target, gradient, name } = operation;
  const { channels } = side;
  const vectorBytes = Math.ceil(channels / 4) * 16;
  const rows = Math.max(...segments.map((segment) => segment.gradientRow + segment.rows));
  const partials = bindings.workspace.allocate(rows * 2 * vectorBytes);
  records.add(0, 'groupNormGradient', name, {
    source: bindings.tensor(source),
    raw: bindings.tensor(raw),
    statistics: bindings.tensor(statistics),
    target: bindings.tensor(target),
    images: countRows(segments),
    positions: side.height * side.width,
    channels,
    groups: norm.groups,
    gamma: bindings.parameter(norm.gamma),
    partials,
    imageTable: storeImageTable(bindings.arena, segments, 'gradient'),
  });
  if (gradient === null) return;
  const runs = mergeSplits(splits);
  const filledSplits = filled.note(gradient, runs);
  for (const [index, run] of runs.entries()) {
    const first = partials + run[0]!.gradientRow * 2 * vectorBytes;
    const out = bindings.tensor(gradient) + filledSplits[index]! * 2 * channels * 4;
    for (const part of [0, 1]) {
      records.add(1, 'biasFinish', name, {
        partials: first + part * vectorBytes,
        partialStep: 2 * vectorBytes,
        target: out + part * channels * 4,
        channels,
        images: countRows(run),
      });
    }
  }
}
