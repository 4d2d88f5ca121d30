/** Lowers the losses: values, accuracy, and gradients at the logits and at the features. */

import type { LogitRows, LossOp, LossOpTerm, TensorId, TermWeight } from '../plan/operations.js';
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

function storeFloats({ arena }: Bindings, values: readonly number[]): number {
  return arena.storeWords(new Uint32Array(Float32Array.from(values).buffer));
}

/** Where a weight of the step is, with the step scalars at `scalars`. */
export function weightAddress(weight: TermWeight, scalars: number, bindings: Bindings): number {
  return weight.kind === 'scalar' ? scalars + weight.index * 4 : storeFloats(bindings, [weight.value]);
}

function termOf(term: LossOpTerm, scalars: number, bindings: Bindings): VariantValues<typeof LOSS_TERM> {
  const { metric, rows, weight } = term;
  const shared = {
    metric,
    rows,
    weight: weightAddress(weight, scalars, bindings),
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
        isAbsolute: term.distance === 'absolute',
      };
    case 'logsumexpCrossEntropy':
      return {
        kind: term.kind,
        ...shared,
        logits: logitsAt(bindings, term),
        width: term.width,
        target: term.target,
      };
    case 'pseudoLabelCrossEntropy': {
      const { teacher, store, classes } = term;
      return {
        kind: term.kind,
        ...shared,
        logits: logitsAt(bindings, term),
        width: term.width,
        classes,
        teacher: teacher === null ? 0 : logitsAt(bindings, teacher),
        teacherWidth: teacher?.width ?? 0,
        thresholds: teacher === null ? 0 : storeFloats(bindings, teacher.thresholds),
        isSoft: teacher?.isSoft ?? false,
        targets: store === null ? 0 : rowsAt(bindings, store.targets, store.targetRow, classes),
      };
    }
    case 'confidentShare':
      return {
        kind: term.kind,
        ...shared,
        logits: logitsAt(bindings, term),
        width: term.width,
        thresholds: storeFloats(bindings, term.thresholds),
      };
    case 'contrastive':
      return {
        kind: term.kind,
        ...shared,
        rows: bindings.program.tensors[term.statistics]!.shape[0]!,
        statistics: bindings.tensor(term.statistics),
      };
    default:
      return term satisfies never;
  }
}

export function lowerLoss(operation: LossOp, bindings: Bindings, records: StageRecords): void {
  const { terms, losses, accuracy, head, featureGradient, name } = operation;
  const segments = head?.segments ?? [];
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
    logitGradient: head === null ? 0 : bindings.tensor(head.logitGradient),
    width: head?.width ?? 0,
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
