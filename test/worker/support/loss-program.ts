/**
 * A loss head as a program: every kind of term over three passes, the gradients at logits and features, a bias
 * that learns from them, and the counting of right answers.
 */

import { inStage } from '../../../src/recipe/recipe.js';
import { metricNames, TRAIN_ACCURACY } from '../../../src/recipe/metrics.js';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import type {
  Operation,
  OpSegment,
  PlanTensor,
  TensorId,
} from '../../../src/worker/engine/plan/operations.js';
import { planProgram, type PlannedProgram } from '../../../src/worker/engine/plan/plan.js';
import { ADAM, ADAM_RATE, recipeOf } from './layer-program.js';
import { tensorMaker } from './tensor-maker.js';
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
  const base = tinyInput('notebook-feature-matching');
  const names = metricNames(inStage(base.recipe, 0));
  const metricOf = (name: string): { readonly name: string; readonly metric: number } => ({
    name,
    metric: names.indexOf(name),
  });
  const rows = labelled + unlabelled + fake;
  const tensors: PlanTensor[] = [];
  const tensor = tensorMaker(tensors);
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
    metrics: tensor('metrics', [names.length], 'results'),
    scalars: tensor('scalars', [1], 'results'),
    biasGradient: tensor('bias gradient', [segments.length, WIDTH], 'gradients'),
    correct: tensor('correct', [1], 'results', 'u32'),
  };
  const weight = { kind: 'constant', value: 1 } as const;
  const head = { logits: ids.logits, width: WIDTH, weight } as const;
  const onLabelled = { ...head, labels: ids.labels, labelRow: 0, forwardRow: 0, rows: labelled } as const;
  const sigmoid = { ...head, kind: 'sigmoidCrossEntropy', column: COLUMN } as const;
  const onUnlabelled = { forwardRow: firsts[1]!, rows: unlabelled } as const;
  const onFake = { forwardRow: firsts[2]!, rows: fake } as const;
  const operations: readonly Operation[] = [
    {
      kind: 'loss',
      name: 'losses',
      stage: 0,
      isFirst: true,
      isLast: true,
      terms: [
        { ...onLabelled, ...metricOf('supervisedLoss'), kind: 'softmaxCrossEntropy' },
        { ...sigmoid, ...metricOf('realUnlabelledLoss'), ...onUnlabelled, target: 0 },
        { ...sigmoid, ...metricOf('fakeLoss'), ...onFake, target: 1 },
        { ...sigmoid, ...metricOf('fakeAsRealLoss'), ...onFake, target: 0 },
        {
          ...metricOf('featureMatchingLoss'),
          kind: 'featureMatching',
          distance: 'squared',
          weight,
          ...onFake,
          features: ids.features,
          size: FEATURES,
          against: ids.features,
          againstRow: firsts[1]!,
          againstRows: unlabelled,
        },
      ],
      losses: [
        { ...metricOf('discriminatorLoss'), terms: [0, 1, 2] },
        { ...metricOf('generatorLoss'), terms: [3, 4] },
      ],
      accuracy: { ...onLabelled, metric: names.indexOf(TRAIN_ACCURACY) },
      head: { logits: ids.logits, width: WIDTH, segments, logitGradient: ids.logitGradient },
      featureGradient: {
        target: ids.featureGradient,
        size: FEATURES,
        entries: [
          { gradientSegment: 3, term: 4, sign: -1 },
          { gradientSegment: 4, term: 4, sign: 1 },
        ],
      },
      metrics: ids.metrics,
      scalars: ids.scalars,
    },
    {
      kind: 'biasGradient',
      name: 'bias gradient',
      stage: 1,
      side: { height: 1, width: 1, channels: WIDTH },
      splits: segments.map(({ terms: _, ...segment }, split) => ({ ...segment, split })),
      source: { tensor: ids.logitGradient, rows: 'gradient', prologue: [] },
      target: ids.biasGradient,
    },
    {
      kind: 'update',
      name: 'update',
      stage: 2,
      phase: 0,
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
          average: null,
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
    stepScalars: [ADAM_RATE],
    taps: [],
  });
  const layer = { kind: 'dense', name: 'logits', units: WIDTH, bias: 'trained' } as const;
  const network = { name: 'network', inputShape: [4], layers: [layer] };
  const input = { ...base, recipe: recipeOf(base.recipe, network) };
  return { ids, input, planned };
}
