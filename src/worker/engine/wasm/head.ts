/** Lowers what stands at the ends of a program: draws, the loss head, updates, counting. */

import { METRIC_NAMES, type MetricName } from '../../../protocol/reports.js';
import type { CountCorrectOp, DrawOp, DrawPart, LossOp, LossOpTerm, UpdateOp } from '../plan/operations.js';
import type { Bindings } from './memory/bindings.js';
import {
  CORRECT_LABELS,
  CORRECT_LOGITS,
  CORRECT_ROWS,
  CORRECT_TARGET,
  CORRECT_WIDTH,
  COUNT_CORRECT,
  DRAW_BOUND,
  DRAW_BYTE_TABLE,
  DRAW_COUNT,
  DRAW_IMAGES,
  DRAW_LABELS,
  DRAW_LATENTS,
  DRAW_MASK,
  DRAW_POOL,
  DRAW_ROWS,
  DRAW_SIZE,
  DRAW_SOURCE,
  DRAW_STREAM,
  DRAW_TARGET,
  DRAW_THRESHOLD,
  FEATURE_MATCHING,
  LOSS,
  LOSS_ACCURACY_METRIC,
  LOSS_ACCURACY_ROW,
  LOSS_ACCURACY_ROWS,
  LOSS_FEATURE_ENTRIES,
  LOSS_FEATURE_ENTRY_COUNT,
  LOSS_FEATURE_SEGMENTS,
  LOSS_FEATURE_SIZE,
  LOSS_FEATURE_TARGET,
  LOSS_GRADIENT,
  LOSS_LABELS,
  LOSS_LOGITS,
  LOSS_LOSSES,
  LOSS_LOSS_COUNT,
  LOSS_METRICS,
  LOSS_METRIC_COUNT,
  LOSS_SEGMENTS,
  LOSS_SEGMENT_COUNT,
  LOSS_TERMS,
  LOSS_TERM_COUNT,
  LOSS_WIDTH,
  LOSS_WORKSPACE,
  SIGMOID_CROSS_ENTROPY,
  SOFTMAX_CROSS_ENTROPY,
  TERM_AGAINST_ROW,
  TERM_AGAINST_ROWS,
  TERM_COLUMN,
  TERM_FEATURES,
  TERM_KIND,
  TERM_METRIC,
  TERM_ROW,
  TERM_ROWS,
  TERM_SIZE,
  TERM_TARGET,
  TERM_WORDS,
  UPDATE,
  UPDATE_BETA1,
  UPDATE_BETA2,
  UPDATE_EPSILON,
  UPDATE_GRADIENT,
  UPDATE_M,
  UPDATE_REST1,
  UPDATE_REST2,
  UPDATE_SCALAR,
  UPDATE_SIZE,
  UPDATE_SPLITS,
  UPDATE_STRIDE,
  UPDATE_V,
  UPDATE_VALUE,
} from './kernels/layout.js';
import { float, type Field, type Waves } from './records.js';
import type { FilledSplits } from './convolution/sums.js';

/** Where the drawn index points. */
function poolFields(
  part: Extract<DrawPart, { readonly kind: 'images' | 'labels' }>,
  { residents }: Bindings,
): readonly Field[] {
  switch (part.source) {
    case 'labelled':
      return [
        [DRAW_POOL, residents.labelledPool],
        [DRAW_BOUND, residents.labelledCount],
      ];
    case 'unlabelled':
      return [
        [DRAW_POOL, residents.unlabelledPool],
        [DRAW_BOUND, residents.unlabelledCount],
      ];
    case 'test':
      return [[DRAW_BOUND, residents.testCount]];
    default:
      return part satisfies never;
  }
}

function lowerPart(part: DrawPart, name: string, bindings: Bindings, waves: Waves): void {
  const { residents } = bindings;
  const target = bindings.tensor(part.target);
  const stream: Field = [DRAW_STREAM, part.stream];
  switch (part.kind) {
    case 'images':
      waves.add(
        0,
        DRAW_IMAGES,
        name,
        stream,
        ...poolFields(part, bindings),
        [DRAW_ROWS, part.rows],
        [DRAW_SOURCE, part.source === 'test' ? residents.testImages : residents.trainImages],
        [DRAW_TARGET, target + part.targetRow * residents.imageBytes * 4],
        [DRAW_SIZE, residents.imageBytes],
        [DRAW_BYTE_TABLE, residents.byteTable],
      );
      break;
    case 'labels':
      waves.add(
        0,
        DRAW_LABELS,
        name,
        stream,
        ...poolFields(part, bindings),
        [DRAW_ROWS, part.rows],
        [DRAW_SOURCE, part.source === 'test' ? residents.testLabels : residents.trainLabels],
        [DRAW_TARGET, target],
      );
      break;
    case 'latents':
      waves.add(0, DRAW_LATENTS, name, stream, [DRAW_COUNT, part.count], [DRAW_TARGET, target]);
      break;
    case 'mask':
      waves.add(
        0,
        DRAW_MASK,
        name,
        stream,
        [DRAW_COUNT, part.count],
        [DRAW_THRESHOLD, part.threshold],
        [DRAW_TARGET, target + part.offset * 4],
      );
      break;
    default:
      part satisfies never;
  }
}

export function lowerDraw({ parts, name }: DrawOp, bindings: Bindings, waves: Waves): void {
  for (const part of parts) lowerPart(part, name, bindings, waves);
}

function metricIndex(name: MetricName): number {
  return METRIC_NAMES.indexOf(name);
}

function termWords(term: LossOpTerm, bindings: Bindings): readonly number[] {
  const words = new Array<number>(TERM_WORDS).fill(0);
  words[TERM_METRIC] = metricIndex(term.name);
  words[TERM_ROW] = term.forwardRow;
  words[TERM_ROWS] = term.rows;
  switch (term.kind) {
    case 'softmaxCrossEntropy':
      words[TERM_KIND] = SOFTMAX_CROSS_ENTROPY;
      break;
    case 'sigmoidCrossEntropy':
      words[TERM_KIND] = SIGMOID_CROSS_ENTROPY;
      words[TERM_COLUMN] = term.column;
      words[TERM_TARGET] = term.target;
      break;
    case 'featureMatching':
      words[TERM_KIND] = FEATURE_MATCHING;
      words[TERM_FEATURES] = bindings.tensor(term.features);
      words[TERM_SIZE] = term.size;
      words[TERM_AGAINST_ROW] = term.againstRow;
      words[TERM_AGAINST_ROWS] = term.againstRows;
      break;
    default:
      term satisfies never;
  }
  return words;
}

function featureFields({ featureGradient, terms }: LossOp, bindings: Bindings): readonly Field[] {
  const matched = terms.flatMap((term) => (term.kind === 'featureMatching' ? [term.size] : []));
  const size: Field = [LOSS_FEATURE_SIZE, Math.max(0, ...matched)];
  if (featureGradient === null) return [size];
  const { target, entries } = featureGradient;
  return [
    size,
    [
      LOSS_FEATURE_ENTRIES,
      bindings.arena.storeWords(
        entries.flatMap(({ gradientSegment, term, sign }) => [gradientSegment, term, sign]),
      ),
    ],
    [LOSS_FEATURE_ENTRY_COUNT, entries.length],
    [LOSS_FEATURE_TARGET, bindings.tensor(target)],
    [LOSS_FEATURE_SEGMENTS, bindings.sizeOf(target) / featureGradient.size],
  ];
}

export function lowerLoss(operation: LossOp, bindings: Bindings, waves: Waves): void {
  const { logits, width, labels, terms, losses, accuracy, segments, logitGradient, metrics, name } =
    operation;
  const { arena } = bindings;
  const features = terms.reduce((sum, term) => sum + (term.kind === 'featureMatching' ? term.size : 0), 0);
  waves.add(
    0,
    LOSS,
    name,
    [LOSS_LOGITS, bindings.tensor(logits)],
    [LOSS_WIDTH, width],
    [LOSS_LABELS, bindings.tensor(labels)],
    [LOSS_TERMS, arena.storeWords(terms.flatMap((term) => termWords(term, bindings)))],
    [LOSS_TERM_COUNT, terms.length],
    [
      LOSS_LOSSES,
      arena.storeWords(losses.flatMap((loss) => [metricIndex(loss.name), loss.terms.length, ...loss.terms])),
    ],
    [LOSS_LOSS_COUNT, losses.length],
    [LOSS_ACCURACY_ROW, accuracy.forwardRow],
    [LOSS_ACCURACY_ROWS, accuracy.rows],
    [LOSS_ACCURACY_METRIC, metricIndex('trainAccuracy')],
    [
      LOSS_SEGMENTS,
      arena.storeWords(
        segments.flatMap((segment) => [
          segment.rows,
          segment.forwardRow,
          segment.gradientRow,
          segment.terms.length,
          ...segment.terms,
        ]),
      ),
    ],
    [LOSS_SEGMENT_COUNT, segments.length],
    [LOSS_GRADIENT, bindings.tensor(logitGradient)],
    [LOSS_METRICS, bindings.tensor(metrics)],
    [LOSS_METRIC_COUNT, METRIC_NAMES.length],
    // A term's feature differences lie at its index times the features' size, so all terms get room.
    [LOSS_WORKSPACE, arena.allocate(terms.length * (1 + features) * 4)],
    ...featureFields(operation, bindings),
  );
}

/** Adds an update's records (wave 0), which take their scalar from the plan's `scalars`. */
export function lowerUpdate(
  operation: UpdateOp,
  bindings: Bindings,
  filled: FilledSplits,
  waves: Waves,
): void {
  const { entries, optimisers, scalars, name } = operation;
  for (const entry of entries) {
    const { beta1, beta2, epsilon } = optimisers[entry.optimiser]!;
    const moments = bindings.residents.moments.get(entry.parameter)!;
    const splits = filled.of(entry);
    const first = bindings.tensor(entry.gradient) + (splits[0]! * entry.stride + entry.offset) * 4;
    waves.add(
      0,
      UPDATE,
      name,
      [UPDATE_VALUE, bindings.parameter(entry.parameter)],
      [UPDATE_M, moments.m],
      [UPDATE_V, moments.v],
      [UPDATE_GRADIENT, first],
      [UPDATE_STRIDE, entry.stride * 4],
      [UPDATE_SPLITS, splits.length],
      [UPDATE_SIZE, entry.size],
      [UPDATE_BETA1, float(beta1)],
      [UPDATE_BETA2, float(beta2)],
      [UPDATE_REST1, float(1 - beta1)],
      [UPDATE_REST2, float(1 - beta2)],
      [UPDATE_EPSILON, float(epsilon)],
      [UPDATE_SCALAR, bindings.tensor(scalars) + entry.optimiser * 4],
    );
  }
}

export function lowerCountCorrect(operation: CountCorrectOp, bindings: Bindings, waves: Waves): void {
  const { logits, width, rows, labels, target, name } = operation;
  waves.add(
    0,
    COUNT_CORRECT,
    name,
    [CORRECT_LOGITS, bindings.tensor(logits)],
    [CORRECT_WIDTH, width],
    [CORRECT_ROWS, rows],
    [CORRECT_LABELS, bindings.tensor(labels)],
    [CORRECT_TARGET, bindings.tensor(target)],
  );
}
