/** Batch norm's statistics, forward and backward. */

import type { NormGradientOp, NormInferenceOp, NormStatisticsOp } from '../operations.js';
import { applySnippets, type SnippetContext } from './snippets.js';

export function runNormStatistics(context: SnippetContext, op: NormStatisticsOp): void {
  const { tensors, parameters } = context;
  const { channels } = op.side;
  const positions = op.side.height * op.side.width;
  const source = tensors.get(op.source);
  const target = tensors.get(op.target);
  const gamma = parameters.get(op.norm.gamma);
  const beta = parameters.get(op.norm.beta);
  op.segments.forEach(({ forwardRow, rows, forwardSegment }) => {
    const count = rows * positions;
    const first = forwardRow * positions * channels;
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += source[first + i * channels + channel]!;
      const mean = sum / count;
      let squares = 0;
      for (let i = 0; i < count; i++) squares += (source[first + i * channels + channel]! - mean) ** 2;
      const variance = squares / count;
      const rstd = 1 / Math.sqrt(variance + op.norm.epsilon);
      const scale = gamma[channel]! * rstd;
      const at = forwardSegment * 4 * channels + channel;
      target[at] = mean;
      target[at + channels] = rstd;
      target[at + 2 * channels] = scale;
      target[at + 3 * channels] = beta[channel]! - mean * scale;
      if (!op.updatesRunning) continue;
      const { momentum } = op.norm;
      const movingMean = parameters.get(op.norm.movingMean);
      const movingVariance = parameters.get(op.norm.movingVariance);
      // One value a channel has no unbiased variance; TensorFlow takes n / max(n - 1, 1).
      const unbiased = (variance * count) / Math.max(count - 1, 1);
      movingMean[channel] = momentum * movingMean[channel]! + (1 - momentum) * mean;
      movingVariance[channel] = momentum * movingVariance[channel]! + (1 - momentum) * unbiased;
    }
  });
  if (op.applied === null) return;
  const applied = tensors.get(op.applied.target);
  const rowSize = positions * channels;
  for (const segment of op.segments) {
    for (let row = 0; row < segment.rows; row++) {
      for (let element = 0; element < rowSize; element++) {
        const at = (segment.forwardRow + row) * rowSize + element;
        applied[at] = applySnippets(
          context,
          op.applied.epilogue,
          source[at]!,
          segment,
          row,
          element,
          rowSize,
          channels,
        );
      }
    }
  }
}

export function runNormInference({ tensors, parameters }: SnippetContext, op: NormInferenceOp): void {
  const { channels, norm } = op;
  const target = tensors.get(op.target);
  for (let channel = 0; channel < channels; channel++) {
    const mean = parameters.get(norm.movingMean)[channel]!;
    const rstd = 1 / Math.sqrt(parameters.get(norm.movingVariance)[channel]! + norm.epsilon);
    const scale = parameters.get(norm.gamma)[channel]! * rstd;
    target[channel] = mean;
    target[channels + channel] = rstd;
    target[2 * channels + channel] = scale;
    target[3 * channels + channel] = parameters.get(norm.beta)[channel]! - mean * scale;
  }
}

export function runNormGradient({ tensors, parameters }: SnippetContext, op: NormGradientOp): void {
  const { channels } = op.side;
  const positions = op.side.height * op.side.width;
  const source = tensors.get(op.source);
  const raw = tensors.get(op.raw);
  const statistics = tensors.get(op.statistics);
  const coefficients = tensors.get(op.coefficients);
  const gamma = parameters.get(op.norm.gamma);
  for (let channel = 0; channel < channels; channel++) {
    let gammaSum = 0;
    let betaSum = 0;
    for (const segment of op.segments) {
      const count = segment.rows * positions;
      const forward = segment.forwardRow * positions * channels + channel;
      const gradient = segment.gradientRow * positions * channels + channel;
      const mean = statistics[segment.forwardSegment * 4 * channels + channel]!;
      const rstd = statistics[(segment.forwardSegment * 4 + 1) * channels + channel]!;
      let sum = 0;
      let product = 0;
      for (let i = 0; i < count; i++) {
        const g = source[gradient + i * channels]!;
        sum += g;
        product += g * (raw[forward + i * channels]! - mean) * rstd;
      }
      const p = gamma[channel]! * rstd;
      const at = segment.gradientSegment * 3 * channels + channel;
      coefficients[at] = p;
      coefficients[at + channels] = (-p * rstd * product) / count;
      coefficients[at + 2 * channels] = -p * (sum / count - (mean * rstd * product) / count);
      if (op.applied !== null) {
        const applied = tensors.get(op.applied);
        const [q, r] = [coefficients[at + channels]!, coefficients[at + 2 * channels]!];
        for (let i = 0; i < count * channels; i += channels) {
          applied[gradient + i] = p * source[gradient + i]! + q * raw[forward + i]! + r;
        }
      }
      if (!segment.trains) continue;
      gammaSum += product;
      betaSum += sum;
    }
    if (op.gradient === null) continue;
    const target = tensors.get(op.gradient);
    target[channel] = gammaSum;
    target[channels + channel] = betaSum;
  }
}
