/** InfoNCE: the statistics of its rows, and its gradient at the embeddings. */

import type { ContrastiveGradientOp, ContrastiveOp } from '../operations.js';
import type { TensorStore } from './store.js';

type Rows = Pick<
  ContrastiveOp,
  'embeddings' | 'width' | 'rows' | 'forwardRows' | 'temperature' | 'statistics'
>;

/** Unit vectors of all rows, and their similarities over the temperature. */
function similarities(tensors: TensorStore, op: Rows) {
  const { width, rows, forwardRows, temperature } = op;
  const embeddings = tensors.get(op.embeddings);
  const all = Array.from({ length: 2 * rows }, (_, i) => {
    const first = (forwardRows[i < rows ? 0 : 1] + (i % rows)) * width;
    const own = Float64Array.from(embeddings.subarray(first, first + width));
    const inverse = 1 / Math.max(Math.hypot(...own), 1e-12);
    return { inverse, unit: own.map((x) => x * inverse) };
  });
  const similarity = (i: number, j: number): number => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += all[i]!.unit[k]! * all[j]!.unit[k]!;
    return sum / temperature;
  };
  return { all, similarity, pairOf: (i: number): number => (i + rows) % (2 * rows) };
}

export function runContrastive(tensors: TensorStore, op: ContrastiveOp): void {
  const { all, similarity, pairOf } = similarities(tensors, op);
  const statistics = tensors.get(op.statistics);
  all.forEach(({ inverse }, i) => {
    const others = all.flatMap((_, j) => (j === i ? [] : [similarity(i, j)]));
    const largest = Math.max(...others);
    const logSum = largest + Math.log(others.reduce((sum, s) => sum + Math.exp(s - largest), 0));
    statistics.set([inverse, logSum, logSum - similarity(i, pairOf(i))], i * 3);
  });
}

export function runContrastiveGradient(tensors: TensorStore, op: ContrastiveGradientOp): void {
  const { rows, width, temperature } = op;
  const { all, similarity, pairOf } = similarities(tensors, op);
  const statistics = tensors.get(op.statistics);
  const weight = op.weight.kind === 'constant' ? op.weight.value : tensors.get(op.scalars)[op.weight.index]!;
  const target = tensors.get(op.target);
  all.forEach(({ inverse, unit }, i) => {
    const d = new Float64Array(width);
    all.forEach((other, j) => {
      if (j === i) return;
      const s = similarity(i, j);
      const share =
        Math.exp(s - statistics[i * 3 + 1]!) +
        Math.exp(s - statistics[j * 3 + 1]!) -
        (j === pairOf(i) ? 2 : 0);
      for (let k = 0; k < width; k++) d[k]! += (weight * share * other.unit[k]!) / (2 * rows * temperature);
    });
    const along = d.reduce((sum, x, k) => sum + x * unit[k]!, 0);
    const gradient = d.map((x, k) => (x - along * unit[k]!) * inverse);
    for (const firstRows of op.gradientRows) {
      target.set(gradient, (firstRows[i < rows ? 0 : 1] + (i % rows)) * width);
    }
  });
}
