/** Lowers the losses: values, accuracy, and gradients at the logits and at the features. */

import { METRIC_NAMES, type MetricName } from '../../../protocol/reports.js';
import type { LossOp, LossOpTerm } from '../plan/operations.js';
import type { VariantValues } from './layout/fields.js';
import { storeTable, storeVariants } from './layout/store.js';
import { FEATURE_SEGMENT, LOGIT_SEGMENT, LOSS_SUM, LOSS_TERM } from './layout/tables.js';
import type { Bindings } from './memory/bindings.js';
import type { StageRecords } from './stage-records.js';

function metricIndex(name: MetricName): number {
  return METRIC_NAMES.indexOf(name);
}

function termOf(term: LossOpTerm, bindings: Bindings): VariantValues<typeof LOSS_TERM> {
  const rows = { metric: metricIndex(term.name), firstRow: term.forwardRow, rows: term.rows };
  switch (term.kind) {
    case 'softmaxCrossEntropy':
      return { kind: 'softmaxCrossEntropy', ...rows };
    case 'sigmoidCrossEntropy':
      return { kind: 'sigmoidCrossEntropy', ...rows, column: term.column, target: term.target };
    case 'featureMatching':
      return {
        kind: 'featureMatching',
        ...rows,
        features: bindings.tensor(term.features),
        size: term.size,
        againstFirstRow: term.againstRow,
        againstRows: term.againstRows,
      };
    default:
      return term satisfies never;
  }
}

export function lowerLoss(operation: LossOp, bindings: Bindings, records: StageRecords): void {
  const { terms, losses, accuracy, segments, featureGradient, name } = operation;
  const { arena } = bindings;
  const featureSize = Math.max(0, ...terms.map((term) => (term.kind === 'featureMatching' ? term.size : 0)));
  records.add(0, 'loss', name, {
    logits: bindings.tensor(operation.logits),
    width: operation.width,
    labels: bindings.tensor(operation.labels),
    terms: storeVariants(
      arena,
      LOSS_TERM,
      terms.map((term) => termOf(term, bindings)),
    ),
    termCount: terms.length,
    losses: storeTable(
      arena,
      LOSS_SUM,
      losses.map((loss) => ({
        metric: metricIndex(loss.name),
        terms: arena.storeWords(loss.terms),
        termCount: loss.terms.length,
      })),
    ),
    lossCount: losses.length,
    accuracyFirstRow: accuracy.forwardRow,
    accuracyRows: accuracy.rows,
    accuracyMetric: metricIndex('trainAccuracy'),
    segments: storeTable(
      arena,
      LOGIT_SEGMENT,
      segments.map((segment) => ({
        rows: segment.rows,
        forwardRow: segment.forwardRow,
        gradientRow: segment.gradientRow,
        terms: arena.storeWords(segment.terms),
        termCount: segment.terms.length,
      })),
    ),
    segmentCount: segments.length,
    logitGradient: bindings.tensor(operation.logitGradient),
    metrics: bindings.tensor(operation.metrics),
    metricCount: METRIC_NAMES.length,
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
