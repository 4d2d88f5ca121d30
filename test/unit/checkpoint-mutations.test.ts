/**
 * Thousands of damaged checkpoints, the same ones every time. Each is refused as a bad file, in a message
 * that can be read, or loads to a state that a run can have; one with its digest, to exactly its own.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkpointState, readCheckpoint, writeCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import {
  readSafetensors,
  writeSafetensors,
  type StoredTensor,
} from '../../src/worker/checkpoint/safetensors.js';
import type { RunSnapshot } from '../../src/worker/checkpoint/snapshot.js';
import type { EngineState } from '../../src/worker/engine/engine.js';
import { NO_MAPS } from '../../src/worker/checkpoint/landmark-maps.js';
import { initialTensors } from '../../src/worker/model/parameters.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { metricNames } from '../../src/recipe/metrics.js';
import { tinyDataset } from './support/data.js';

const MUTANTS = 1500;

/** Whole numbers below a bound, from a seed (Numerical Recipes' generator, its upper bits). */
function makeDraw(seed: number): (bound: number) => number {
  let word = seed;
  return (bound) => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return Math.floor((word / 2 ** 32) * bound);
  };
}

/** A run in the middle: moments and running statistics that are none of the first step's. */
function makeSnapshot(): RunSnapshot {
  const dataset = tinyDataset();
  const settings = resolveSettings({ recipe: 'notebook', labels: 20, steps: 100, batch: 10 });
  const recipe = buildRecipe(settings, dataset, { channelDivisor: 16 });
  const draw = makeDraw(7);
  const tensors = initialTensors(recipe, settings.seed);
  for (const [name, { values }] of tensors) {
    const isSquare = name.startsWith('adam/v/') || name.endsWith('/moving_variance');
    for (let i = 0; i < values.length; i++) {
      if (isSquare) values[i] = 1e-6 * (1 + draw(1000));
      else values[i]! += 1e-4 * (draw(2001) - 1000);
    }
  }
  return {
    settings,
    scheduleSteps: 100,
    recipe,
    dataset,
    split: makeSplit(dataset, settings),
    engine: { engine: 'wasm', adapter: '', isSoftware: false },
    state: { step: 17, tensors },
    progress: {
      step: 17,
      unmeasuredSteps: 0,
      evaluatedStep: 10,
      accuracySum: 3.5,
      evaluations: [
        {
          step: 10,
          trainAccuracy: 1,
          meanTrainAccuracy: 0.75,
          testAccuracy: 0.5,
          losses: { discriminatorLoss: 1.25 },
          generated: null,
          pseudoLabels: null,
          elapsedMs: 1000,
        },
      ],
      accuracyCount: 7,
      lastValues: Object.fromEntries(metricNames(recipe.stages[0]!).map((name, i) => [name, i + 0.5])),
      elapsedMs: 1234.5,
    },
    maps: NO_MAPS,
  };
}

const snapshot = makeSnapshot();
const file = writeCheckpoint(snapshot);
const headerEnd = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));

interface Content {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Record<string, string>;
}

type Draw = (bound: number) => number;
type Mutation = (bytes: Uint8Array<ArrayBuffer>, draw: Draw) => Uint8Array<ArrayBuffer>;

function flip(bytes: Uint8Array<ArrayBuffer>, position: number, bit: number): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  changed[position]! ^= 1 << bit;
  return changed;
}

const rewritten =
  (change: (content: Content, draw: Draw) => void): Mutation =>
  (bytes, draw) => {
    const { tensors, metadata } = readSafetensors(bytes);
    const content = { tensors: new Map(tensors), metadata: { ...metadata } };
    change(content, draw);
    return writeSafetensors(content);
  };

function pick<T>(items: readonly T[], draw: Draw): T {
  return items[draw(items.length)]!;
}

const FACTORS = [-1, 0, 1e-20, 0.5, 2, 1e6, 1e20, 1e38, NaN, Infinity];

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'a bit of the header': (bytes, draw) => flip(bytes, draw(headerEnd), draw(8)),
  'a bit of the tensors': (bytes, draw) => flip(bytes, headerEnd + draw(bytes.length - headerEnd), draw(8)),
  'two tensors under each other’s names': rewritten(({ tensors }, draw) => {
    const [first, second] = [pick([...tensors.keys()], draw), pick([...tensors.keys()], draw)];
    const [a, b] = [tensors.get(first)!, tensors.get(second)!];
    tensors.set(first, b).set(second, a);
  }),
  'a scaled tensor': rewritten(({ tensors }, draw) => {
    const name = pick([...tensors.keys()], draw);
    const { shape, values } = tensors.get(name)!;
    const factor = pick(FACTORS, draw);
    const scaled = values.slice();
    for (let i = 0; i < scaled.length; i++) scaled[i]! *= factor;
    tensors.set(name, { shape, values: scaled });
  }),
  'one scaled value': rewritten(({ tensors }, draw) => {
    const name = pick([...tensors.keys()], draw);
    const { shape, values } = tensors.get(name)!;
    const changed = values.slice();
    changed[draw(changed.length)]! *= pick(FACTORS, draw);
    tensors.set(name, { shape, values: changed });
  }),
  'another number in the progress': rewritten(({ metadata }, draw) => {
    const progress = JSON.parse(metadata['progress']!) as Record<string, unknown>;
    const field = pick(Object.keys(progress), draw);
    const other = pick([-1, 0, 1, 8, 16, 18, 1e9, 1e300, null, '17', [], 0.25], draw);
    metadata['progress'] = JSON.stringify({ ...progress, [field]: other });
  }),
  'two fields of the progress in each other’s place': rewritten(({ metadata }, draw) => {
    const progress = JSON.parse(metadata['progress']!) as Record<string, unknown>;
    const [first, second] = [pick(Object.keys(progress), draw), pick(Object.keys(progress), draw)];
    const swapped = { ...progress, [first]: progress[second], [second]: progress[first] };
    metadata['progress'] = JSON.stringify(swapped);
  }),
  'a file cut off, or longer': (bytes, draw) =>
    draw(2) === 0 ? bytes.slice(0, draw(bytes.length)) : Uint8Array.of(...bytes, draw(256)),
};

/** The state, or null where the file is refused; fails where it is refused badly. */
function open(bytes: Uint8Array<ArrayBuffer>, what: string): EngineState | null {
  try {
    const { recipe, dataset, split } = snapshot;
    return checkpointState(readCheckpoint(bytes), recipe, dataset, split);
  } catch (error) {
    const { name, message } = error as Error;
    assert.equal(name, 'InvalidCheckpoint', `${what}: ${name}: ${message}`);
    assert.ok(message.length < 500, `${what}: a message of ${message.length} characters`);
    assert.doesNotMatch(message, /learning rate/i, what);
    return null;
  }
}

function eachMutant(
  bytes: Uint8Array<ArrayBuffer>,
  check: (mutant: Uint8Array<ArrayBuffer>, what: string) => void,
): void {
  const names = Object.keys(MUTATIONS);
  for (let seed = 1; seed <= MUTANTS; seed++) {
    const name = names[seed % names.length]!;
    // The first draws of neighbouring seeds are neighbours.
    const draw = makeDraw(Math.imul(seed, 2654435761));
    check(MUTATIONS[name]!(bytes, draw), `mutant ${seed}, ${name}`);
  }
}

const sorted = ({ tensors }: EngineState): unknown => [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));

test('a damaged checkpoint is refused, or loads to exactly what was saved', () => {
  const saved = sorted(snapshot.state);
  let refused = 0;
  eachMutant(file, (mutant, what) => {
    const state = open(mutant, what);
    if (state === null) {
      refused++;
      return;
    }
    assert.deepEqual(sorted(state), saved, what);
    assert.deepEqual(readCheckpoint(mutant).progress, snapshot.progress, what);
    assert.deepEqual(readCheckpoint(mutant).settings, snapshot.settings, what);
  });
  // The rest are swaps of a thing with itself, factors that change nothing, and the like.
  assert.ok(refused > 0.85 * MUTANTS, `${refused} of ${MUTANTS} were refused`);
});

test('without a digest a damaged checkpoint is refused, or loads to a state that a run can have', () => {
  const { tensors, metadata } = readSafetensors(file);
  // The format of before the digest has its metrics by position.
  const progress = JSON.stringify({ ...snapshot.progress, lastValues: [0.5, 2, 3, 4, 5, 6, 7, 8] });
  const older = { ...metadata, formatVersion: '1', progress };
  for (const name of ['digest', 'scheduleSteps']) Reflect.deleteProperty(older, name);
  eachMutant(writeSafetensors({ tensors, metadata: older }), (mutant, what) => {
    const state = open(mutant, what);
    if (state === null) return;
    for (const [name, { values }] of state.tensors) {
      const isSquare = name.startsWith('adam/v/') || name.endsWith('/moving_variance');
      assert.ok(
        values.every((value) => Number.isFinite(value) && (!isSquare || value >= 0)),
        `${what}: ${name}`,
      );
    }
    const { step, evaluatedStep, accuracySum, accuracyCount, elapsedMs } = readCheckpoint(mutant).progress;
    assert.equal(accuracyCount, step - evaluatedStep, what);
    assert.ok(accuracySum >= 0 && accuracySum <= accuracyCount, what);
    assert.ok(elapsedMs >= 0 && elapsedMs < 1e12, what);
  });
});
