/** Group norm, forward and backward, row by row. */

import type { GroupNormGradientOp, GroupNormOp } from '../operations.js';
import { applySnippets, type SnippetContext } from './snippets.js';

export function runGroupNorm(context: SnippetContext, op: GroupNormOp): void {
  const { tensors, parameters } = context;
  const { channels } = op.side;
  const { groups, epsilon } = op.norm;
  const rowSize = op.side.height * op.side.width * channels;
  const width = channels / groups;
  const count = rowSize / groups;
  const source = tensors.get(op.source);
  const statistics = tensors.get(op.statistics);
  const target = tensors.get(op.target);
  const gamma = parameters.get(op.norm.gamma);
  const beta = parameters.get(op.norm.beta);
  for (const segment of op.segments) {
    for (let row = 0; row < segment.rows; row++) {
      const forwardRow = segment.forwardRow + row;
      const first = forwardRow * rowSize;
      const means = new Float64Array(groups);
      const squares = new Float64Array(groups);
      const groupOf = (element: number): number => Math.floor((element % channels) / width);
      for (let e = 0; e < rowSize; e++) means[groupOf(e)]! += source[first + e]! / count;
      for (let e = 0; e < rowSize; e++) {
        squares[groupOf(e)]! += (source[first + e]! - means[groupOf(e)]!) ** 2;
      }
      for (let group = 0; group < groups; group++) {
        statistics[forwardRow * 2 * groups + group] = means[group]!;
        statistics[(forwardRow * 2 + 1) * groups + group] = 1 / Math.sqrt(squares[group]! / count + epsilon);
      }
      for (let e = 0; e < rowSize; e++) {
        const mean = statistics[forwardRow * 2 * groups + groupOf(e)]!;
        const rstd = statistics[(forwardRow * 2 + 1) * groups + groupOf(e)]!;
        const channel = e % channels;
        const value = gamma[channel]! * ((source[first + e]! - mean) * rstd) + beta[channel]!;
        target[first + e] = applySnippets(context, op.epilogue, value, segment, row, e, rowSize, channels);
      }
    }
  }
}

export function runGroupNormGradient({ tensors, parameters }: SnippetContext, op: GroupNormGradientOp): void {
  const { channels } = op.side;
  const { groups } = op.norm;
  const rowSize = op.side.height * op.side.width * channels;
  const width = channels / groups;
  const count = rowSize / groups;
  const source = tensors.get(op.source);
  const raw = tensors.get(op.raw);
  const statistics = tensors.get(op.statistics);
  const target = tensors.get(op.target);
  const gamma = parameters.get(op.norm.gamma);
  const groupOf = (element: number): number => Math.floor((element % channels) / width);
  const rstdOf = (forwardRow: number, group: number): number =>
    statistics[(forwardRow * 2 + 1) * groups + group]!;
  const normalised = (forwardRow: number, element: number): number =>
    (raw[forwardRow * rowSize + element]! - statistics[forwardRow * 2 * groups + groupOf(element)]!) *
    rstdOf(forwardRow, groupOf(element));
  for (const { forwardRow, gradientRow, rows } of op.segments) {
    for (let row = 0; row < rows; row++) {
      const first = (gradientRow + row) * rowSize;
      const means = new Float64Array(groups);
      const products = new Float64Array(groups);
      for (let e = 0; e < rowSize; e++) {
        const g = gamma[e % channels]! * source[first + e]!;
        means[groupOf(e)]! += g / count;
        products[groupOf(e)]! += (g * normalised(forwardRow + row, e)) / count;
      }
      for (let e = 0; e < rowSize; e++) {
        const group = groupOf(e);
        const g = gamma[e % channels]! * source[first + e]!;
        const own = g - means[group]! - normalised(forwardRow + row, e) * products[group]!;
        target[first + e] = rstdOf(forwardRow + row, group) * own;
      }
    }
  }
  if (op.gradient === null) return;
  const gradient = tensors.get(op.gradient);
  for (const { split, forwardRow, gradientRow, rows } of op.splits) {
    const sums = new Float64Array(2 * channels);
    for (let row = 0; row < rows; row++) {
      for (let e = 0; e < rowSize; e++) {
        const g = source[(gradientRow + row) * rowSize + e]!;
        sums[e % channels]! += g * normalised(forwardRow + row, e);
        sums[channels + (e % channels)]! += g;
      }
    }
    gradient.set(sums, split * 2 * channels);
  }
}
