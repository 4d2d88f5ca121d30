/** Group norm and its gradient on the wasm engine, against their sums written out. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sideSize, type Side } from '../../src/worker/engine/plan/geometry.js';
import type { Operation, OpSegment, Snippet } from '../../src/worker/engine/plan/operations.js';
import { relativeError } from '../worker/support/compare.js';
import { hashed } from '../worker/support/tiny.js';
import { runOperations, type Values } from './support/wasm-operation.js';

const EPSILON = 1e-5;
const ALPHA = 0.1;
const ROWS = 7;
/** Forward rows 0 to 6; backward the last five twice, for two losses, of which the second trains nothing. */
const FORWARD: readonly OpSegment[] = [segment(2, 0, 0, 0, 0), segment(5, 2, 1, 2, 1)];
const BACKWARD: readonly OpSegment[] = [...FORWARD, segment(5, 2, 1, 7, 2)];
const GRADIENT_ROWS = 12;
const SPLITS = 2;

function segment(
  rows: number,
  forwardRow: number,
  forwardSegment: number,
  gradientRow: number,
  gradientSegment: number,
): OpSegment {
  const place = { rows, forwardRow, forwardSegment, gradientRow, gradientSegment };
  return { ...place, passRow: 0, targetRow: forwardRow, instance: 0 };
}

function numbers(count: number, salt: number): Values {
  return Float32Array.from({ length: count }, (_, index) => hashed(index, salt));
}

const CASES: readonly (readonly [Side, number])[] = [
  [{ height: 14, width: 14, channels: 32 }, 8],
  [{ height: 4, width: 4, channels: 128 }, 8],
  [{ height: 3, width: 5, channels: 15 }, 5],
  [{ height: 2, width: 3, channels: 21 }, 3],
  [{ height: 1, width: 1, channels: 10 }, 2],
  [{ height: 5, width: 2, channels: 6 }, 6],
  [{ height: 7, width: 1, channels: 9 }, 1],
  [{ height: 1, width: 1, channels: 20 }, 1],
];

const NORM = { gamma: 'gamma', beta: 'beta', epsilon: EPSILON };

interface Written {
  /** [rows, 2, groups] */
  readonly statistics: Float64Array;
  /** x' */
  readonly normalised: Float64Array;
}

/** Mean and 1 / deviation of each row and group, and what becomes of each element. */
function normalise(raw: Values, { height, width, channels }: Side, groups: number): Written {
  const positions = height * width;
  const size = positions * channels;
  const inGroup = channels / groups;
  const statistics = new Float64Array(ROWS * 2 * groups);
  const normalised = new Float64Array(raw.length);
  for (let row = 0; row < ROWS; row++) {
    for (let group = 0; group < groups; group++) {
      const elements = Array.from({ length: positions * inGroup }, (_, i) => {
        const position = Math.floor(i / inGroup);
        return row * size + position * channels + group * inGroup + (i % inGroup);
      });
      const mean = elements.reduce((sum, e) => sum + raw[e]!, 0) / elements.length;
      const variance = elements.reduce((sum, e) => sum + (raw[e]! - mean) ** 2, 0) / elements.length;
      const inverse = 1 / Math.sqrt(variance + EPSILON);
      statistics[row * 2 * groups + group] = mean;
      statistics[row * 2 * groups + groups + group] = inverse;
      for (const element of elements) normalised[element] = (raw[element]! - mean) * inverse;
    }
  }
  return { statistics, normalised };
}

function rawOf(side: Side): Values {
  // Far from 0 beside its deviation, so that a difference of squares would show.
  return numbers(ROWS * sideSize(side), 1).map((value) => value + 3);
}

function parametersOf({ channels }: Side): ReadonlyMap<string, Values> {
  return new Map([
    ['gamma', numbers(channels, 2)],
    ['beta', numbers(channels, 3)],
  ]);
}

function shapeOf({ height, width, channels }: Side, rows: number): readonly number[] {
  return [rows, height, width, channels];
}

function forwardOp(side: Side, groups: number, epilogue: readonly Snippet[]): Operation {
  return {
    kind: 'groupNorm',
    name: 'norm',
    stage: 0,
    side,
    segments: FORWARD,
    source: 0,
    norm: { ...NORM, groups },
    statistics: 1,
    epilogue,
    target: 2,
  };
}

function backwardOp(side: Side, groups: number, hasGradient: boolean): Operation {
  const trained = BACKWARD.slice(0, 2);
  return {
    kind: 'groupNormGradient',
    name: 'norm gradient',
    stage: 0,
    side,
    segments: BACKWARD,
    splits: trained.map((own, split) => ({ ...own, split })),
    source: 0,
    raw: 1,
    statistics: 2,
    norm: { ...NORM, groups },
    target: 3,
    gradient: hasGradient ? 4 : null,
  };
}

interface Gradients {
  readonly ofRaw: Float64Array;
  readonly ofGamma: Float64Array;
  readonly ofBeta: Float64Array;
}

function differentiate(side: Side, groups: number, gradient: Values, gamma: Values): Gradients {
  const { height, width, channels } = side;
  const size = sideSize(side);
  const inGroup = channels / groups;
  const { statistics, normalised } = normalise(rawOf(side), side, groups);
  const ofRaw = new Float64Array(gradient.length);
  const [ofGamma, ofBeta] = [new Float64Array(channels), new Float64Array(channels)];
  for (const { rows, forwardRow, gradientRow, gradientSegment } of BACKWARD) {
    for (let row = 0; row < rows; row++) {
      const [g, x] = [(gradientRow + row) * size, (forwardRow + row) * size];
      for (let group = 0; group < groups; group++) {
        const inverse = statistics[(forwardRow + row) * 2 * groups + groups + group]!;
        const elements = Array.from({ length: size }, (_, e) => e).filter(
          (e) => Math.floor((e % channels) / inGroup) === group,
        );
        const count = height * width * inGroup;
        const scaled = (e: number): number => gamma[e % channels]! * gradient[g + e]!;
        const mean = elements.reduce((sum, e) => sum + scaled(e), 0) / count;
        const along = elements.reduce((sum, e) => sum + scaled(e) * normalised[x + e]!, 0) / count;
        for (const e of elements) ofRaw[g + e] = inverse * (scaled(e) - mean - normalised[x + e]! * along);
      }
      if (gradientSegment === 2) continue;
      for (let e = 0; e < size; e++) {
        ofGamma[e % channels]! += gradient[g + e]! * normalised[x + e]!;
        ofBeta[e % channels]! += gradient[g + e]!;
      }
    }
  }
  return { ofRaw, ofGamma, ofBeta };
}

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(actual.length, expected.length, what);
  const error = relativeError(actual, expected);
  assert.ok(error <= 3e-6, `${what} is off by ${error}`);
}

for (const simd of ['plain', 'relaxed'] as const) {
  describe(`group norm of the wasm engine, ${simd} SIMD`, () => {
    for (const [side, groups] of CASES) {
      const { height, width, channels } = side;
      const title = `${height} x ${width} x ${channels} in ${groups} groups`;

      it(`is what its sums say: ${title}`, async () => {
        const raw = rawOf(side);
        const parameters = parametersOf(side);
        const [gamma, beta] = [parameters.get('gamma')!, parameters.get('beta')!];
        const { statistics, normalised } = normalise(raw, side, groups);
        const affine = normalised.map((x, e) => gamma[e % channels]! * x + beta[e % channels]!);
        const leaky: Snippet = { kind: 'activation', activation: { name: 'leakyRelu', alpha: ALPHA } };
        const tanh: Snippet = { kind: 'activation', activation: { name: 'tanh' } };
        const rectified = affine.map((x) => (x > 0 ? x : ALPHA * x));
        for (const [epilogue, expected] of [
          [[], affine],
          [[leaky], rectified],
          [[leaky, tanh], rectified.map(Math.tanh)],
          [[tanh], affine.map(Math.tanh)],
        ] as const) {
          const { outputs } = await runOperations(
            simd,
            [forwardOp(side, groups, epilogue)],
            [
              { shape: shapeOf(side, ROWS), values: raw },
              { shape: [ROWS, 2, groups] },
              { shape: shapeOf(side, ROWS) },
            ],
            { parameters },
          );
          expectNear(outputs[0]!, statistics, 'statistics');
          expectNear(outputs[1]!, expected, 'output');
        }
      });

      it(`has the gradients that its sums say: ${title}`, async () => {
        const gradient = numbers(GRADIENT_ROWS * sideSize(side), 4);
        const parameters = parametersOf(side);
        const expected = differentiate(side, groups, gradient, parameters.get('gamma')!);
        const statistics = Float32Array.from(normalise(rawOf(side), side, groups).statistics);
        for (const hasGradient of [true, false]) {
          const { outputs } = await runOperations(
            simd,
            [backwardOp(side, groups, hasGradient)],
            [
              { shape: shapeOf(side, GRADIENT_ROWS), values: gradient },
              { shape: shapeOf(side, ROWS), values: rawOf(side) },
              { shape: [ROWS, 2, groups], values: statistics },
              { shape: shapeOf(side, GRADIENT_ROWS) },
              { shape: [SPLITS, 2, channels] },
            ],
            { parameters },
          );
          const [ofRaw, sums] = outputs;
          expectNear(ofRaw!, expected.ofRaw, 'gradient of the input');
          if (!hasGradient) continue;
          // Rows that follow each other are one partial sum.
          expectNear(sums!.subarray(0, channels), expected.ofGamma, 'gradient of gamma');
          expectNear(sums!.subarray(channels, 2 * channels), expected.ofBeta, 'gradient of beta');
        }
      });
    }

    it('gives the same bits on 1, 2 and 4 threads', async () => {
      const [side, groups] = CASES[0]!;
      const run = async (threads: number): Promise<readonly Values[]> => {
        const { outputs } = await runOperations(
          simd,
          [forwardOp(side, groups, [])],
          [
            { shape: shapeOf(side, ROWS), values: rawOf(side) },
            { shape: [ROWS, 2, groups] },
            { shape: shapeOf(side, ROWS) },
          ],
          { parameters: parametersOf(side), threads },
        );
        return outputs;
      };
      const one = await run(1);
      for (const threads of [2, 4]) assert.deepEqual(await run(threads), one);
    });
  });
}
