/**
 * A loss head as a program: every kind of term over three passes, the gradients at logits and features, a bias
 * that learns from them, and the counting of right answers.
 */

import { METRIC_NAMES } from '../../../src/protocol/reports.js';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import type {
  Operation,
  OpSegment,
  PlanTensor,
  Storage,
  TensorId,
} from '../../../src/worker/engine/plan/operations.js';
import { planProgram, type PlannedProgram } from '../../../src/worker/engine/plan/plan.js';
import { ADAM } from './layer-program.js';
import { tinyInput } from './tiny.js';

export const WIDTH = 11;
export const FEATURES = 70;
/** A sigmoid term looks at one column. */
export const COLUMN = 10;

/** Rows of the labelled, the unlabelled and the fake pass. */
export type PassRows = readonly [number, number, number];

export interface LossProgram {
  readonly input: EngineInput;
  readonly planned: PlannedProgram;
  /** What is given. */
  readonly ids: Readonly<Record<'logits' | 'labels' | 'features', TensorId>>;
}

/** Passes labelled, unlabelled, fake; backward, each for the discriminator's loss, then the last two for the generator's. */
export function lossProgram([labelled, unlabelled, fake]: PassRows): LossProgram {
  const rows = labelled + unlabelled + fake;
  const tensors: PlanTensor[] = [];
  const tensor = (
    name: string,
    shape: readonly number[],
    storage: Storage,
    type: 'f32' | 'u32' = 'f32',
  ): TensorId => tensors.push({ id: tensors.length, name, shape, type, storage }) - 1;
  const firsts = [0, labelled, labelled + unlabelled];
  const counts = [labelled, unlabelled, fake];
  let gradientRow = 0;
  const segments = [
    { pass: 0, terms: [0] },
    { pass: 1, terms: [1] },
    { pass: 2, terms: [2] },
    { pass: 1, terms: [] },
    { pass: 2, terms: [3] },
  ].map(({ pass, terms }, gradientSegment) => {
    const segment: OpSegment & { readonly terms: readonly number[] } = {
      rows: counts[pass]!,
      forwardRow: firsts[pass]!,
      passRow: 0,
      forwardSegment: pass,
      gradientRow,
      gradientSegment,
      targetRow: gradientRow,
      instance: 0,
      terms,
    };
    gradientRow += segment.rows;
    return segment;
  });
  const ids = {
    logits: tensor('logits', [rows, 1, 1, WIDTH], 'activation'),
    labels: tensor('labels', [labelled], 'draws', 'u32'),
    features: tensor('features', [rows, FEATURES], 'activation'),
    logitGradient: tensor('logit gradient', [gradientRow, 1, 1, WIDTH], 'activation'),
    featureGradient: tensor('feature gradient', [segments.length, FEATURES], 'activation'),
    metrics: tensor('metrics', [METRIC_NAMES.length], 'results'),
    scalars: tensor('scalars', [1], 'results'),
    biasGradient: tensor('bias gradient', [segments.length, WIDTH], 'gradients'),
    correct: tensor('correct', [1], 'results', 'u32'),
  };
  const sigmoid = { kind: 'sigmoidCrossEntropy', column: COLUMN } as const;
  const operations: readonly Operation[] = [
    {
      kind: 'loss',
      name: 'losses',
      stage: 0,
      logits: ids.logits,
      width: WIDTH,
      labels: ids.labels,
      terms: [
        { kind: 'softmaxCrossEntropy', name: 'supervisedLoss', forwardRow: 0, rows: labelled },
        { ...sigmoid, name: 'realUnlabelledLoss', forwardRow: firsts[1]!, rows: unlabelled, target: 0 },
        { ...sigmoid, name: 'fakeLoss', forwardRow: firsts[2]!, rows: fake, target: 1 },
        { ...sigmoid, name: 'fakeAsRealLoss', forwardRow: firsts[2]!, rows: fake, target: 0 },
        {
          kind: 'featureMatching',
          name: 'featureMatchingLoss',
          forwardRow: firsts[2]!,
          rows: fake,
          features: ids.features,
          size: FEATURES,
          againstRow: firsts[1]!,
          againstRows: unlabelled,
        },
      ],
      losses: [
        { name: 'discriminatorLoss', terms: [0, 1, 2] },
        { name: 'generatorLoss', terms: [3, 4] },
      ],
      accuracy: { forwardRow: 0, rows: labelled },
      segments,
      logitGradient: ids.logitGradient,
      featureGradient: {
        target: ids.featureGradient,
        size: FEATURES,
        entries: [
          { gradientSegment: 3, term: 4, sign: -1 },
          { gradientSegment: 4, term: 4, sign: 1 },
        ],
      },
      metrics: ids.metrics,
      optimisers: [ADAM],
      scalars: ids.scalars,
    },
    {
      kind: 'biasGradient',
      name: 'bias gradient',
      stage: 1,
      side: { height: 1, width: 1, channels: WIDTH },
      splits: segments.map(({ terms: _, ...segment }, split) => ({ ...segment, split })),
      source: { tensor: ids.logitGradient, rows: 'gradient', chain: [] },
      target: ids.biasGradient,
    },
    {
      kind: 'update',
      name: 'update',
      stage: 2,
      optimisers: [ADAM],
      scalars: ids.scalars,
      entries: [
        {
          parameter: 'network/logits/bias',
          size: WIDTH,
          gradient: ids.biasGradient,
          offset: 0,
          stride: WIDTH,
          firstSplit: 0,
          splits: segments.length,
          optimiser: 0,
        },
      ],
    },
    {
      kind: 'countCorrect',
      name: 'correct',
      stage: 3,
      logits: ids.logits,
      width: WIDTH,
      rows: labelled,
      labels: ids.labels,
      target: ids.correct,
    },
  ];
  const { logits, labels, features, ...written } = ids;
  const planned = planProgram({
    name: 'trainStep',
    tensors,
    operations,
    inputs: [logits, labels, features],
    outputs: Object.values(written),
    taps: [],
  });
  const base = tinyInput('labels-only');
  const layer = { kind: 'dense', name: 'logits', units: WIDTH, bias: 'trained' } as const;
  const network = { name: 'network', inputShape: [4], layers: [layer] };
  const input = { ...base, recipe: { ...base.recipe, networks: [{ network, instances: 1 }] } };
  return { ids, input, planned };
}
