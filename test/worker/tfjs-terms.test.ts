/**
 * The terms of learning from few labels on every tfjs backend, against plain float64 loops, and their gradients against
 * finite differences of those: also where logits are large, equal, or zero.
 */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import type { Term } from '../../src/recipe/recipe.js';
import { startBackend, TFJS_BACKENDS, type TfjsBackend } from '../../src/worker/engine/tfjs/index.js';
import { lossTerm } from '../../src/worker/engine/tfjs/losses.js';
import { recordForward } from '../../src/worker/engine/tfjs/tape.js';
import { forEachBackend } from './support/backends.js';
import { relativeError } from './support/compare.js';
import { hashed } from './support/tiny.js';

/** Rows of numbers. */
type Rows = readonly (readonly number[])[];
type Outputs = Readonly<Record<string, Rows>>;

interface Found {
  readonly value: number;
  /** Of each pass's output, flat. */
  readonly gradients: Readonly<Record<string, Float32Array>>;
}

const FIELDS = { name: 'term', layer: 'layer', weight: 1 } as const;

function rowsOf(rows: number, width: number, salt: number, scale = 1): Rows {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (_unused, column) => scale * hashed(row * width + column, salt)),
  );
}

/** A term's value and its gradient at every pass's output. */
async function compute(
  backend: TfjsBackend,
  term: Term,
  outputs: Outputs,
  { classes = 3, stored = [[]] }: { readonly classes?: number; readonly stored?: Rows } = {},
): Promise<Found> {
  const started = await startBackend(backend);
  try {
    started.activate();
    const passes = Object.keys(outputs);
    const tensors = tf.tidy(() => {
      const inputs = passes.map((pass) => tf.tensor2d(outputs[pass]!.map((row) => [...row])));
      const recording = recordForward(() =>
        lossTerm(term, {
          classes,
          outputOf: (pass) => inputs[passes.indexOf(pass)]!,
          oneHotOf: () => {
            throw new Error('The term has no labels.');
          },
          storedOf: () => tf.tensor2d(stored.map((row) => [...row])),
        }),
      );
      const gradients = recording.gradients(recording.result, inputs);
      recording.dispose();
      return [recording.result, ...gradients];
    });
    const [value, ...gradients] = await Promise.all(
      tensors.map(async (tensor) => Float32Array.from(await tensor.data<'float32'>())),
    );
    tf.dispose(tensors);
    return {
      value: value![0]!,
      gradients: Object.fromEntries(passes.map((pass, index) => [pass, gradients[index]!])),
    };
  } finally {
    started.dispose();
  }
}

/** Central differences of a function of a pass's output, in float64. */
function differences(outputs: Outputs, pass: string, lossOf: (outputs: Outputs) => number): number[] {
  const step = 1e-5;
  const width = outputs[pass]![0]!.length;
  const moved = (at: number, by: number): number =>
    lossOf({
      ...outputs,
      [pass]: outputs[pass]!.map((row, r) =>
        row.map((value, c) => (r * width + c === at ? value + by : value)),
      ),
    });
  return outputs[pass]!.flat().map((_, at) => (moved(at, step) - moved(at, -step)) / (2 * step));
}

function logSumExp(row: readonly number[]): number {
  const largest = Math.max(...row);
  return largest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function contrastive(temperature: number): (outputs: Outputs) => number {
  return ({ first, second }) => {
    const all = [...first!, ...second!].map((row) => {
      const length = Math.max(Math.hypot(...row), 1e-12);
      return row.map((x) => x / length);
    });
    const rows = first!.length;
    const similarity = (i: number, j: number): number =>
      all[i]!.reduce((sum, x, k) => sum + x * all[j]![k]!, 0) / temperature;
    return mean(
      all.map((_, i) => {
        const others = all.flatMap((_unused, j) => (j === i ? [] : [similarity(i, j)]));
        return logSumExp(others) - similarity(i, (i + rows) % (2 * rows));
      }),
    );
  };
}

/** -sum of target log softmax, mean over rows. */
function towards(targets: Rows): (outputs: Outputs) => number {
  return ({ pupil }) =>
    mean(
      pupil!.map((row, r) =>
        targets[r]!.reduce((sum, share, c) => sum + share * (logSumExp(row) - row[c]!), 0),
      ),
    );
}

forEachBackend(
  'a term',
  (backend) => {
    for (const target of [0, 1] as const) {
      it(`of logsumexp towards ${target} is right for large, equal and small logits, and so is its gradient`, async () => {
        const term: Term = { ...FIELDS, kind: 'logsumexpCrossEntropy', pass: 'real', target };
        const outputs = { real: [[60, -60, 0], [2, 2, 2], [-30, -31, -32], ...rowsOf(4, 3, 1, 2)] };
        const lossOf = ({ real }: Outputs): number =>
          mean(real!.map((row) => softplus(logSumExp(row)) - target * logSumExp(row)));
        const { value, gradients } = await compute(backend, term, outputs);
        expect(value).to.be.closeTo(lossOf(outputs), 1e-5 * Math.max(1, lossOf(outputs)));
        expect(relativeError(gradients['real']!, differences(outputs, 'real', lossOf))).to.be.below(1e-4);
      });
    }

    const TEACHER = {
      pupil: rowsOf(6, 3, 2, 2),
      teacher: [
        [2, 0, 0],
        [1, 1, 0],
        [0, 3, 0],
        [0, 0, 0.5],
        [0, 0, 4],
        [-9, -9, -9],
      ],
    };
    const share = (row: readonly number[], column: number): number => Math.exp(row[column]! - logSumExp(row));
    const soft = (row: readonly number[]): number[] => row.map((_, column) => share(row, column));
    const none = [0, 0, 0];

    it('towards pseudo-labels takes hard ones above one threshold, and no others; the teacher has no gradient', async () => {
      const teacher = { pass: 'teacher', threshold: 0.6, isSoft: false };
      const term: Term = {
        ...FIELDS,
        kind: 'pseudoLabelCrossEntropy',
        pass: 'pupil',
        teacher,
        usesStore: false,
      };
      const lossOf = towards([[1, 0, 0], none, [0, 1, 0], none, [0, 0, 1], none]);
      const { value, gradients } = await compute(backend, term, TEACHER);
      expect(value).to.be.closeTo(lossOf(TEACHER), 1e-5);
      expect(relativeError(gradients['pupil']!, differences(TEACHER, 'pupil', lossOf))).to.be.below(1e-4);
      expect(gradients['teacher']!.every((slope) => slope === 0)).to.equal(true);
    });

    it('towards pseudo-labels takes soft ones above their class’s threshold, and the first class of equal ones', async () => {
      // The second row is undecided between the first two classes, whose thresholds differ.
      for (const [thresholds, isTaken] of [
        [[0.4, 0.999, 0.3], true],
        [[0.45, 0.4, 0.3], false],
      ] as const) {
        const teacher = { pass: 'teacher', threshold: thresholds, isSoft: true };
        const term: Term = {
          ...FIELDS,
          kind: 'pseudoLabelCrossEntropy',
          pass: 'pupil',
          teacher,
          usesStore: false,
        };
        const targets = TEACHER.teacher.map((row) => {
          const named = row.indexOf(Math.max(...row));
          return share(row, named) > thresholds[named]! ? soft(row) : none;
        });
        expect(targets[1]!.some((probability) => probability > 0)).to.equal(isTaken);
        const lossOf = towards(targets);
        const { value, gradients } = await compute(backend, term, TEACHER);
        expect(value).to.be.closeTo(lossOf(TEACHER), 1e-5);
        expect(relativeError(gradients['pupil']!, differences(TEACHER, 'pupil', lossOf))).to.be.below(1e-4);
      }
    });

    it('towards pseudo-labels takes the store’s where it has one, with logits beyond the classes', async () => {
      const outputs = {
        pupil: rowsOf(4, 4, 3, 2),
        // The last row's likeliest column is no class.
        teacher: [
          [5, 0, 0, 0],
          [0, 5, 0, 0],
          [0, 0, 0, 1],
          [0, 0, 0, 9],
        ],
      };
      const stored = [none, [0.25, 0.25, 0.5], [0, 0, 1], none];
      const hard = { pass: 'teacher', threshold: 0.5, isSoft: false };
      for (const teacher of [hard, null]) {
        const term: Term = {
          ...FIELDS,
          kind: 'pseudoLabelCrossEntropy',
          pass: 'pupil',
          teacher,
          usesStore: true,
        };
        const lossOf = towards([teacher === null ? none : [1, 0, 0], stored[1]!, stored[2]!, none]);
        const { value, gradients } = await compute(backend, term, outputs, { stored });
        expect(value).to.be.closeTo(lossOf(outputs), 1e-5);
        expect(relativeError(gradients['pupil']!, differences(outputs, 'pupil', lossOf))).to.be.below(1e-4);
      }
    });

    it('of confidence is the share of rows above, not at, the threshold, and has no gradient', async () => {
      const outputs = {
        teacher: [
          [0, 0],
          [3, 0],
          [0, 3],
          [-1, -1.5],
        ],
      };
      for (const [threshold, expected] of [
        [0.5, 0.75],
        [0.9, 0.5],
        [[0.9, 0.99], 0.25],
      ] as const) {
        const term: Term = { ...FIELDS, kind: 'confidentShare', pass: 'teacher', threshold };
        const { value, gradients } = await compute(backend, term, outputs, { classes: 2 });
        expect(value).to.be.closeTo(expected, 1e-6);
        expect(gradients['teacher']!.every((slope) => slope === 0)).to.equal(true);
      }
    });

    it('of absolute feature matching has the sign of the difference for a gradient, and none where means are equal', async () => {
      const term: Term = {
        ...FIELDS,
        kind: 'featureMatching',
        pass: 'fake',
        against: 'real',
        distance: 'absolute',
      };
      const outputs = {
        fake: [
          [1, 2, 3],
          [3, 2, 1],
        ],
        real: [
          [0, 2, 5],
          [1, 2, 4],
          [2, 2, 3],
        ],
      };
      const { value, gradients } = await compute(backend, term, outputs);
      expect(value).to.be.closeTo((1 + 0 + 2) / 3, 1e-6);
      const slopes = [1, 0, -1].map((sign) => sign / 3);
      expect(
        relativeError(
          gradients['fake']!,
          [...slopes, ...slopes].map((slope) => slope / 2),
        ),
      ).to.be.below(1e-6);
      const against = [...slopes, ...slopes, ...slopes].map((slope) => -slope / 3);
      expect(relativeError(gradients['real']!, against)).to.be.below(1e-6);
      expect(gradients['fake']![1]).to.equal(0);
    });

    for (const [rows, temperature] of [
      [5, 0.2],
      [1, 0.5],
      [3, 0.01],
    ] as const) {
      it(`of contrast over ${rows} pairs at temperature ${temperature} is InfoNCE, and so is its gradient`, async () => {
        const term: Term = { ...FIELDS, kind: 'contrastive', pass: 'first', against: 'second', temperature };
        const outputs = { first: rowsOf(rows, 4, 4, 3), second: rowsOf(rows, 4, 5, 3) };
        const lossOf = contrastive(temperature);
        const { value, gradients } = await compute(backend, term, outputs);
        expect(value).to.be.closeTo(lossOf(outputs), 1e-4 * Math.max(1, lossOf(outputs)));
        for (const pass of ['first', 'second']) {
          const expected = differences(outputs, pass, lossOf);
          // Of a single pair there is no other to tell it from: nothing is lost, and nothing to gain.
          if (rows === 1) expect(Math.max(...gradients[pass]!.map(Math.abs))).to.be.below(1e-5);
          else expect(relativeError(gradients[pass]!, expected)).to.be.below(1e-3);
        }
      });
    }

    it('of contrast stays finite where an embedding is zero or all are alike', async () => {
      const term: Term = {
        ...FIELDS,
        kind: 'contrastive',
        pass: 'first',
        against: 'second',
        temperature: 0.2,
      };
      for (const outputs of [
        {
          first: [
            [0, 0],
            [1, 2],
          ],
          second: [
            [1, 1],
            [2, 1],
          ],
        },
        {
          first: [
            [1, 2],
            [1, 2],
          ],
          second: [
            [1, 2],
            [1, 2],
          ],
        },
      ]) {
        const { value, gradients } = await compute(backend, term, outputs);
        expect(value).to.be.closeTo(contrastive(0.2)(outputs), 1e-4);
        expect(gradients['first']!.every(Number.isFinite)).to.equal(true);
        expect(gradients['second']!.every(Number.isFinite)).to.equal(true);
      }
    });
  },
  TFJS_BACKENDS,
);
