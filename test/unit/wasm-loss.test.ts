/** Losses of the wasm engine: terms of pseudo-labels, of real and fake, of features; their gradients. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LossOp, LossOpTerm } from '../../src/worker/engine/plan/operations.js';
import { relativeError } from '../worker/support/compare.js';
import { hashed } from '../worker/support/tiny.js';
import { runOperations, type TensorInput, type Values } from './support/wasm-operation.js';

const ROWS = 9;

function numbers(count: number, salt: number, scale = 1): Values {
  return Float32Array.from({ length: count }, (_, index) => scale * hashed(index, salt));
}

function softmax(row: ArrayLike<number>): number[] {
  const powers = Array.from(row, (x) => Math.exp(x));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Tensors: 0 pupil's logits, 1 teacher's, 2 targets, 3 metrics, 4 scalars, 5 gradient. */
interface Case {
  readonly what: string;
  readonly width: number;
  readonly classes: number;
  readonly isSoft: boolean;
  readonly hasTeacher: boolean;
  readonly hasStore: boolean;
  readonly thresholds: readonly number[];
}

const CASES: readonly Case[] = [
  { what: 'of a hard teacher', width: 10, classes: 10, isSoft: false, hasTeacher: true, hasStore: false, thresholds: new Array<number>(10).fill(0.4) }, // prettier-ignore
  { what: 'of a soft teacher by class, with a fake column', width: 4, classes: 3, isSoft: true, hasTeacher: true, hasStore: false, thresholds: [0.4, 0.9, 0.2, 1] }, // prettier-ignore
  { what: 'of the store alone', width: 11, classes: 10, isSoft: false, hasTeacher: false, hasStore: true, thresholds: [] }, // prettier-ignore
  { what: 'of the store, else of a teacher', width: 5, classes: 5, isSoft: true, hasTeacher: true, hasStore: true, thresholds: new Array<number>(5).fill(0.8) }, // prettier-ignore
];

/** In turns nothing, one class, some of each. */
function targetsOf(classes: number): Values {
  const targets = new Float32Array(ROWS * classes);
  for (let row = 0; row < ROWS; row++) {
    if (row % 3 === 1) targets[row * classes + (row % classes)] = 1;
    if (row % 3 === 2) targets.fill(1 / 8, row * classes, row * classes + 3);
  }
  return targets;
}

function targetOf(own: Case, row: number, teacher: Values, targets: Values): readonly number[] {
  const { width, classes, isSoft, hasTeacher, hasStore, thresholds } = own;
  const stored = Array.from(targets.subarray(row * classes, (row + 1) * classes));
  if (hasStore && stored.some((share) => share > 0)) return stored;
  const none = new Array<number>(classes).fill(0);
  if (!hasTeacher) return none;
  const taught = softmax(teacher.subarray(row * width, (row + 1) * width));
  const best = taught.indexOf(Math.max(...taught));
  if (!(taught[best]! > thresholds[best]!)) return none;
  return isSoft ? taught.slice(0, classes) : none.map((_, column) => (column === best ? 1 : 0));
}

const SCALARS = Float32Array.of(0.25, 3);

function lossOp(terms: readonly LossOpTerm[], head: LossOp['head'], more: Partial<LossOp> = {}): LossOp {
  return {
    kind: 'loss',
    name: 'losses',
    stage: 0,
    terms,
    losses: [{ name: 'loss', metric: 0, terms: terms.map((_, index) => index) }],
    accuracy: null,
    head,
    featureGradient: null,
    metrics: 3,
    scalars: 4,
    isFirst: true,
    isLast: true,
    ...more,
  };
}

function headOf(width: number, terms: readonly number[]): LossOp['head'] {
  const place = {
    rows: ROWS,
    forwardRow: 0,
    passRow: 0,
    forwardSegment: 0,
    gradientSegment: 0,
    targetRow: 0,
  };
  const segments = [{ ...place, gradientRow: 2, instance: 0, terms }];
  return { logits: 0, width, segments, logitGradient: 5 };
}

function tensorsOf(width: number, classes: number): readonly TensorInput[] {
  return [
    { shape: [ROWS, width], values: numbers(ROWS * width, 1, 4) },
    { shape: [ROWS, width], values: numbers(ROWS * width, 2, 4) },
    { shape: [ROWS, classes], values: targetsOf(classes) },
    { shape: [4] },
    { shape: [2], values: SCALARS },
    { shape: [ROWS + 2, width], values: new Float32Array((ROWS + 2) * width).fill(7) },
  ];
}

function logSumExp(row: ArrayLike<number>): number {
  return Math.log(Array.from(row).reduce((sum, x) => sum + Math.exp(x), 0));
}

for (const simd of ['plain', 'relaxed'] as const) {
  describe(`losses of the wasm engine, ${simd} SIMD`, () => {
    for (const own of CASES) {
      it(`have pseudo-labels ${own.what}`, async () => {
        const { width, classes, isSoft, hasTeacher, hasStore, thresholds } = own;
        const tensors = tensorsOf(width, classes);
        const [logits, teacher, targets] = tensors.map(({ values }) => values as Values);
        const rows = { logits: 0, width, forwardRow: 0, rows: ROWS };
        const term: LossOpTerm = {
          ...rows,
          kind: 'pseudoLabelCrossEntropy',
          name: 'pseudo',
          metric: 1,
          weight: { kind: 'scalar', index: 1 },
          classes,
          teacher: hasTeacher ? { ...rows, logits: 1, isSoft, thresholds } : null,
          store: hasStore ? { targets: 2, targetRow: 0 } : null,
        };
        // The gradient is read as an output.
        const written = tensors.map((tensor, id) => (id === 5 ? { shape: tensor.shape } : tensor));
        const { outputs } = await runOperations(simd, [lossOp([term], headOf(width, [0]))], written);
        let value = 0;
        const gradient: number[] = [];
        let withTargets = 0;
        for (let row = 0; row < ROWS; row++) {
          const x = logits!.subarray(row * width, (row + 1) * width);
          const target = targetOf(own, row, teacher!, targets!);
          const mass = target.reduce((sum, share) => sum + share, 0);
          if (mass > 0) withTargets++;
          target.forEach((share, column) => (value += (share * (logSumExp(x) - x[column]!)) / ROWS));
          softmax(x).forEach((p, column) => gradient.push((3 * (mass * p - (target[column] ?? 0))) / ROWS));
        }
        assert.ok(withTargets > 0 && withTargets < ROWS, `${withTargets} rows have targets`);
        assert.ok(Math.abs(outputs[0]![1]! - value) <= 2e-6 * Math.abs(value));
        assert.ok(Math.abs(outputs[0]![0]! - 3 * value) <= 6e-6 * Math.abs(value));
        assert.ok(relativeError(outputs[1]!.subarray(2 * width), gradient) <= 2e-6);
      });
    }

    it('tell real from fake by the logsumexp, and say the share of confident rows', async () => {
      for (const target of [0, 1] as const) {
        const width = 10;
        const tensors = tensorsOf(width, width);
        const logits = tensors[0]!.values as Values;
        const rows = { logits: 0, width, forwardRow: 0, rows: ROWS };
        const weight = { kind: 'constant', value: 0.5 } as const;
        const thresholds = Array.from({ length: width }, (_, column) => 0.3 + 0.04 * column);
        const terms: readonly LossOpTerm[] = [
          { ...rows, kind: 'logsumexpCrossEntropy', name: 'real', metric: 1, weight, target },
          { ...rows, kind: 'confidentShare', name: 'share', metric: 2, weight, thresholds },
        ];
        const written = tensors.map((tensor, id) => (id === 5 ? { shape: tensor.shape } : tensor));
        const { outputs } = await runOperations(simd, [lossOp(terms, headOf(width, [0, 1]))], written);
        let [value, confident] = [0, 0];
        const gradient: number[] = [];
        for (let row = 0; row < ROWS; row++) {
          const x = logits.subarray(row * width, (row + 1) * width);
          const l = logSumExp(x);
          value += (Math.max(l, 0) - target * l + Math.log1p(Math.exp(-Math.abs(l)))) / ROWS;
          const p = softmax(x);
          const best = p.indexOf(Math.max(...p));
          if (p[best]! > thresholds[best]!) confident++;
          const slope = (0.5 * (1 / (1 + Math.exp(-l)) - target)) / ROWS;
          gradient.push(...p.map((share) => slope * share));
        }
        assert.ok(confident > 0 && confident < ROWS);
        assert.equal(outputs[0]![2], Math.fround(confident / ROWS));
        assert.ok(Math.abs(outputs[0]![1]! - value) <= 2e-6 * Math.abs(value));
        assert.ok(relativeError(outputs[1]!.subarray(2 * width), gradient) <= 1e-5);
      }
    });

    it('match features by squares and by absolute differences, without logits', async () => {
      for (const [distance, size] of [
        ['squared', 7],
        ['absolute', 7],
        ['absolute', 256],
      ] as const) {
        const [features, against] = [numbers(5 * size, 1), numbers(4 * size, 2)];
        // A feature that does not differ pulls nowhere.
        for (let row = 0; row < 5; row++) features[row * size + 3] = 0.5;
        for (let row = 0; row < 4; row++) against[row * size + 3] = 0.5;
        const term: LossOpTerm = {
          kind: 'featureMatching',
          name: 'matching',
          metric: 1,
          weight: { kind: 'scalar', index: 1 },
          distance,
          features: 0,
          size,
          forwardRow: 0,
          rows: 5,
          against: 1,
          againstRow: 1,
          againstRows: 3,
        };
        const entries = [
          { gradientSegment: 1, term: 0, sign: 1 },
          { gradientSegment: 0, term: 0, sign: -1 },
        ] as const;
        const { outputs } = await runOperations(
          simd,
          [lossOp([term], null, { featureGradient: { target: 5, size, entries } })],
          [
            { shape: [5, size], values: features },
            { shape: [4, size], values: against },
            { shape: [1], values: new Float32Array(1) },
            { shape: [2] },
            { shape: [2], values: SCALARS },
            { shape: [2, size] },
          ],
        );
        const mean = (of: Values, first: number, rows: number, k: number): number =>
          Array.from({ length: rows }, (_, row) => of[(first + row) * size + k]!).reduce((a, b) => a + b) /
          rows;
        const d = Array.from({ length: size }, (_, k) => mean(features, 0, 5, k) - mean(against, 1, 3, k));
        const isSquared = distance === 'squared';
        const value = d.reduce((sum, x) => sum + (isSquared ? x * x : Math.abs(x)), 0) / size;
        const slopes = d.map((x) => (3 * (isSquared ? 2 * x : Math.sign(x))) / size);
        const expected = [...slopes.map((slope) => -slope / 3), ...slopes.map((slope) => slope / 5)];
        assert.ok(Math.abs(outputs[0]![1]! - value) <= 2e-6 * value);
        assert.ok(relativeError(outputs[1]!, expected) <= 2e-6);
      }
    });

    it('say the mean of a contrastive operation', async () => {
      const statistics = numbers(6 * 3, 8);
      const term: LossOpTerm = {
        kind: 'contrastive',
        name: 'contrastive',
        metric: 1,
        weight: { kind: 'constant', value: 2 },
        statistics: 0,
        rows: 6,
      };
      const { outputs } = await runOperations(
        simd,
        [lossOp([term], null)],
        [
          { shape: [6, 3], values: statistics },
          { shape: [1], values: new Float32Array(1) },
          { shape: [1], values: new Float32Array(1) },
          { shape: [2] },
          { shape: [2], values: SCALARS },
        ],
      );
      const mean = [0, 1, 2, 3, 4, 5].reduce((sum, row) => sum + statistics[3 * row + 2]!, 0) / 6;
      assert.ok(relativeError(outputs[0]!, [2 * mean, mean]) <= 2e-6);
    });
  });
}
