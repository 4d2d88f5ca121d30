/** Contrastive terms on the wasm engine: losses and gradients against their formulas, written out. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Operation } from '../../src/worker/engine/plan/operations.js';
import { relativeError } from '../worker/support/compare.js';
import { hashed } from '../worker/support/tiny.js';
import { runOperations, type Values } from './support/wasm-operation.js';

const TEMPERATURE = 0.2;
const WEIGHT = 0.7;

interface Case {
  readonly rows: number;
  readonly width: number;
  readonly forwardRows: readonly [number, number];
  readonly gradientRows: readonly (readonly [number, number])[];
}

const CASES: readonly Case[] = [
  { rows: 1, width: 5, forwardRows: [0, 1], gradientRows: [[0, 1]] },
  { rows: 3, width: 1, forwardRows: [0, 3], gradientRows: [[0, 3]] },
  { rows: 7, width: 13, forwardRows: [9, 1], gradientRows: [[7, 0]] },
  // Embeddings that two updates flow into.
  { rows: 6, width: 20, forwardRows: [0, 8], gradientRows: [[0, 6], [18, 12]] }, // prettier-ignore
  { rows: 33, width: 64, forwardRows: [0, 33], gradientRows: [[0, 33]] },
];

function embeddingsOf({ rows, width, forwardRows }: Case): Values {
  const count = (Math.max(...forwardRows) + rows) * width;
  return Float32Array.from({ length: count }, (_, index) => 3 * hashed(index, 5));
}

interface Expected {
  /** [2 rows, 3] */
  readonly statistics: number[];
  /** [2 rows, width] */
  readonly gradient: number[];
}

/** The loss and, as formulas have it, its gradient at each embedding. */
function expectedOf(own: Case): Expected {
  const { rows, width, forwardRows } = own;
  const embeddings = embeddingsOf(own);
  const all = Array.from({ length: 2 * rows }, (_, i) => {
    const row = i < rows ? forwardRows[0] + i : forwardRows[1] + i - rows;
    return Array.from(embeddings.subarray(row * width, (row + 1) * width));
  });
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, k) => sum + value * b[k]!, 0);
  const inverse = all.map((e) => 1 / Math.max(Math.sqrt(dot(e, e)), 1e-12));
  const z = all.map((e, i) => e.map((value) => value * inverse[i]!));
  const s = z.map((a) => z.map((b) => dot(a, b) / TEMPERATURE));
  const pair = (i: number): number => (i + rows) % (2 * rows);
  const total = s.map((row, i) => Math.log(row.reduce((sum, x, j) => sum + (j === i ? 0 : Math.exp(x)), 0)));
  const statistics = total.flatMap((sum, i) => [inverse[i]!, sum, sum - s[i]![pair(i)]!]);
  const gradient = z.flatMap((own, i) => {
    const d = new Array<number>(width).fill(0);
    z.forEach((other, j) => {
      if (j === i) return;
      const share = Math.exp(s[i]![j]! - total[i]!) + Math.exp(s[i]![j]! - total[j]!);
      const factor = (WEIGHT / (2 * rows * TEMPERATURE)) * (share - (j === pair(i) ? 2 : 0));
      other.forEach((value, k) => (d[k]! += factor * value));
    });
    const along = dot(own, d);
    return d.map((value, k) => (value - own[k]! * along) * inverse[i]!);
  });
  return { statistics, gradient };
}

function operationsOf({ rows, width, forwardRows, gradientRows }: Case): readonly Operation[] {
  const shared = { embeddings: 0, width, rows, forwardRows, temperature: TEMPERATURE, statistics: 1 };
  return [
    { ...shared, kind: 'contrastive', name: 'contrastive', stage: 0 },
    {
      ...shared,
      kind: 'contrastiveGradient',
      name: 'contrastive gradient',
      stage: 1,
      weight: { kind: 'scalar', index: 1 },
      scalars: 2,
      gradientRows,
      target: 3,
    },
  ];
}

async function run(own: Case, simd: 'plain' | 'relaxed', threads = 1): Promise<readonly Values[]> {
  const embeddings = embeddingsOf(own);
  const { outputs } = await runOperations(
    simd,
    operationsOf(own),
    [
      { shape: [embeddings.length / own.width, own.width], values: embeddings },
      { shape: [2 * own.rows, 3] },
      { shape: [2], values: Float32Array.of(99, WEIGHT) },
      { shape: [2 * own.rows * own.gradientRows.length, own.width] },
    ],
    { threads },
  );
  return outputs;
}

for (const simd of ['plain', 'relaxed'] as const) {
  describe(`contrastive terms of the wasm engine, ${simd} SIMD`, () => {
    for (const own of CASES) {
      const { rows, width, gradientRows } = own;

      it(`are what their formulas say for two times ${rows} rows of ${width}`, async () => {
        const [statistics, gradient] = await run(own, simd);
        const expected = expectedOf(own);
        assert.ok(relativeError(statistics!, expected.statistics) <= 2e-6);
        for (const [first, second] of gradientRows) {
          const found = [first, second].flatMap((row) => [
            ...gradient!.subarray(row * width, (row + rows) * width),
          ]);
          const size = Math.hypot(...expected.gradient);
          const error = Math.hypot(...found.map((value, i) => value - expected.gradient[i]!));
          // Of one row a side, and of embeddings of one number, it is zero.
          assert.ok(error <= 1e-5 * size + 1e-7, `off by ${error} of ${size}`);
        }
      });
    }

    it('takes an embedding of zeros', async () => {
      const own = CASES[2]!;
      const outputs = await runOperations(
        simd,
        operationsOf(own),
        [
          { shape: [16, own.width], values: new Float32Array(16 * own.width) },
          { shape: [2 * own.rows, 3] },
          { shape: [2], values: Float32Array.of(99, WEIGHT) },
          { shape: [2 * own.rows, own.width] },
        ],
        {},
      );
      const [statistics, gradient] = outputs.outputs;
      assert.ok(Math.abs(statistics![2]! - Math.log(2 * own.rows - 1)) < 1e-5);
      assert.ok(gradient!.every((value) => Math.abs(value) === 0));
    });

    it('give the same bits on 1, 2 and 4 threads', async () => {
      const one = await run(CASES[4]!, simd);
      for (const threads of [2, 4]) assert.deepEqual(await run(CASES[4]!, simd, threads), one);
    });
  });
}
