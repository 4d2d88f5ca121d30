/** Lowers the losses: values, accuracy, and gradients at the logits and at the features. */

import type { LogitRows, LossOp, LossOpTerm, TensorId } from '../plan/operations.js';
import type { VariantValues } from './layout/fields.js';
import { storeTable, storeVariants } from './layout/store.js';
import { FEATURE_SEGMENT, LOGIT_SEGMENT, LOSS_SUM, LOSS_TERM } from './layout/tables.js';
import type { Bindings } from './memory/bindings.js';
import type { StageRecords } from './stage-records.js';

function rowsAt(bindings: Bindings, tensor: TensorId, firstRow: number, width: number): number {
  return bindings.tensor(tensor) + firstRow * width * 4;
}

function logitsAt(bindings: Bindings, { logits, width, forwardRow }: LogitRows): number {
  return rowsAt(bindings, logits, forwardRow, width);
}

function termOf(term: LossOpTerm, scalars: number, bindings: Bindings): VariantValues<typeof LOSS_TERM> {
  const { metric, rows, weight } = term;
  const shared = {
    metric,
    rows,
    weight:
      weight.kind === 'scalar'
        ? scalars + weight.index * 4
        : bindings.arena.storeWords(new Uint32Array(Float32Array.of(weight.value).buffer)),
  };
  switch (term.kind) {
    case 'softmaxCrossEntropy':
      return {
        kind: term.kind,
        ...shared,
        logits: logitsAt(bindings, term),
        width: term.width,
        labels: rowsAt(bindings, term.labels, term.labelRow, 1),
      };
    case 'sigmoidCrossEntropy':
      return {
        kind: term.kind,
        ...shared,
        logits: logitsAt(bindings, term),
        width: term.width,
        column: term.column,
        target: term.target,
      };
    case 'featureMatching':
      return {
        kind: term.kind,
        ...shared,
        features: rowsAt(bindings, term.features, term.forwardRow, term.size),
        against: rowsAt(bindings, term.against, term.againstRow, term.size),
        size: term.size,
        againstRows: term.againstRows,
      };
    default:
      return term satisfies never;
  }
}

export function lowerLoss(operation: LossOp, bindings: Bindings, records: StageRecords): void {
  const { terms, losses, accuracy, segments, featureGradient, name } = operation;
  const { arena } = bindings;
  const scalars = bindings.tensor(operation.scalars);
  const featureSize = Math.max(0, ...terms.map((term) => (term.kind === 'featureMatching' ? term.size : 0)));
  records.add(0, 'loss', name, {
    terms: storeVariants(
      arena,
      LOSS_TERM,
      terms.map((term) => termOf(term, scalars, bindings)),
    ),
    termCount: terms.length,
    losses: storeTable(
      arena,
      LOSS_SUM,
      losses.map((loss) => ({
        metric: loss.metric,
        terms: arena.storeWords(loss.terms),
        termCount: loss.terms.length,
      })),
    ),
    lossCount: losses.length,
    accuracyRows: accuracy?.rows ?? 0,
    accuracyLogits: accuracy === null ? 0 : logitsAt(bindings, accuracy),
    accuracyWidth: accuracy?.width ?? 0,
    accuracyLabels: accuracy === null ? 0 : rowsAt(bindings, accuracy.labels, accuracy.labelRow, 1),
    accuracyMetric: accuracy?.metric ?? 0,
    segments: storeTable(
      arena,
      LOGIT_SEGMENT,
      segments.map((segment) => ({
        rows: segment.rows,
        gradientRow: segment.gradientRow,
        terms: arena.storeWords(segment.terms),
        termCount: segment.terms.length,
      })),
    ),
    segmentCount: segments.length,
    logitGradient: bindings.tensor(operation.logitGradient),
    width: operation.width,
    metrics: bindings.tensor(operation.metrics),
    featureSegments: storeTable(arena, FEATURE_SEGMENT, featureGradient?.entries ?? []),
    featureSegmentCount: featureGradient?.entries.length ?? 0,
    featureGradient: featureGradient === null ? 0 : bindings.tensor(featureGradient.target),
    featureGradientSegments:
      featureGradient === null ? 0 : bindings.sizeOf(featureGradient.target) / featureGradient.size,
    featureSize,
    termValues: arena.allocate(terms.length * 4),
    featureDifferences: arena.allocate(terms.length * featureSize * 4),
  });
}
