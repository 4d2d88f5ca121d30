import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkpointState, readCheckpoint, writeCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { initialTensors } from '../../src/worker/model/parameters.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import {
  readSafetensors,
  writeSafetensors,
  type Safetensors,
  type StoredTensor,
} from '../../src/worker/checkpoint/safetensors.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import type { RunSnapshot } from '../../src/worker/checkpoint/snapshot.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { tinyDataset } from './support/data.js';

const dataset = tinyDataset();

function makeSnapshot(recipeName: 'notebook' | 'labels-only' = 'notebook'): RunSnapshot {
  const settings = resolveSettings({ recipe: recipeName, seed: 2 ** 53 - 1, labels: 20, steps: 100 });
  const recipe = buildRecipe(recipeName, dataset, 16);
  const isNotebook = recipeName === 'notebook';
  return {
    settings,
    recipe,
    dataset,
    split: makeSplit(dataset, settings),
    engine: { engine: 'tfjs-wasm', adapter: '', isSoftware: false },
    state: { step: 17, tensors: initialTensors(recipe, settings.seed) },
    progress: {
      step: 17,
      evaluatedStep: 10,
      accuracySum: 0.1 + 0.2,
      accuracyCount: 7,
      lastValues: [1 / 3, 2, 3, 4, 5, 6, 7, 8].map((value, i) =>
        isNotebook || i < 2 || i === 5 ? value : null,
      ),
      elapsedMs: 1234.5678901234567,
    },
  };
}

const snapshot = makeSnapshot();
const file = writeCheckpoint(snapshot);

/** The file with something changed. */
function changed(
  change: (content: {
    readonly tensors: Map<string, StoredTensor>;
    readonly metadata: Record<string, string>;
  }) => void,
): Uint8Array<ArrayBuffer> {
  const { tensors, metadata } = readSafetensors(file);
  const content = { tensors: new Map(tensors), metadata: { ...metadata } };
  change(content);
  return writeSafetensors(content satisfies Safetensors);
}

const open = (bytes: Uint8Array<ArrayBuffer>, { recipe, dataset: data, split }: RunSnapshot = snapshot) =>
  checkpointState(readCheckpoint(bytes), recipe, data, split);

const refuses = (bytes: Uint8Array<ArrayBuffer>, message: RegExp, against = snapshot): void =>
  assert.throws(() => open(bytes, against), { name: 'InvalidCheckpoint', message });

test('a run is read back as it was written, to the bit', () => {
  for (const written of [snapshot, makeSnapshot('labels-only')]) {
    const bytes = writeCheckpoint(written);
    const { settings, progress } = readCheckpoint(bytes);
    assert.deepEqual(settings, written.settings);
    assert.deepEqual(progress, written.progress);
    const state = open(bytes, written);
    assert.equal(state.step, 17);
    assert.deepEqual(new Map([...state.tensors].sort()), new Map([...written.state.tensors].sort()));
  }
});

test('the bytes do not depend on the order in which an engine keeps its tensors', () => {
  const tensors = new Map([...snapshot.state.tensors].reverse());
  assert.deepEqual(writeCheckpoint({ ...snapshot, state: { step: 17, tensors } }), file);
});

test('what is no checkpoint is told apart from one that is cut off', () => {
  refuses(new TextEncoder().encode('{"hello": "world"}'), /it is not a safetensors file; it begins with/);
  refuses(new Uint8Array(0), /it has 0 bytes/);
  refuses(file.slice(0, file.length / 2), /it is cut off in tensor "/);
  refuses(file.slice(0, 100), /it is cut off: its header ends at byte/);
  assert.throws(() => readCheckpoint('x' as unknown as Uint8Array<ArrayBuffer>), {
    name: 'InvalidCheckpoint',
    message: /it is "x", not bytes/,
  });
});

test('a foreign safetensors file is refused', () => {
  const foreign = writeSafetensors({
    tensors: new Map([['wte.weight', { shape: [1], values: Float32Array.of(1) }]]),
    metadata: { format: 'pt' },
  });
  refuses(foreign, /a safetensors file, but not a checkpoint of sgan-trainer/);
});

test('a file of a later format is refused with both versions', () => {
  refuses(
    changed(({ metadata }) => (metadata['formatVersion'] = '2')),
    /format version is "2", this build reads "1"/,
  );
});

test('metadata that is missing or broken is refused by its name', () => {
  for (const key of ['settings', 'progress']) {
    refuses(
      changed(({ metadata }) => delete metadata[key]),
      new RegExp(`metadata has no "${key}"`),
    );
    refuses(
      changed(({ metadata }) => (metadata[key] = '{')),
      new RegExp(`metadata "${key}" is not JSON`),
    );
    refuses(
      changed(({ metadata }) => (metadata[key] = '[]')),
      new RegExp(`metadata "${key}" is not an object`),
    );
  }
  refuses(
    changed(({ metadata }) => delete metadata['dataFingerprint']),
    /no "dataFingerprint"/,
  );
  refuses(
    changed(({ metadata }) => (metadata['settings'] = '{"batch": 3}')),
    /Setting "batch" is 3; allowed: whole numbers from 10 to 1,024\.$/,
  );
});

test('progress that cannot be is refused by its field', () => {
  const bad: [string, unknown][] = [
    ['step', 101],
    ['step', -1],
    ['step', 1.5],
    ['step', '17'],
    ['evaluatedStep', 18],
    ['accuracySum', 8],
    ['accuracyCount', 8],
    ['elapsedMs', null],
    ['lastValues', [1, 2]],
    ['lastValues', ['1', 2, 3, 4, 5, 6, 7, 8]],
  ];
  for (const [field, value] of bad) {
    const progress = JSON.stringify({ ...snapshot.progress, [field]: value });
    const pattern = new RegExp(`progress has (no valid )?"${field}"`);
    refuses(
      changed(({ metadata }) => (metadata['progress'] = progress)),
      pattern,
    );
  }
  const progress = JSON.stringify({ ...snapshot.progress, lastValues: [1, null, 3, 4, 5, 6, 7, 8] });
  refuses(
    changed(({ metadata }) => (metadata['progress'] = progress)),
    /no value of discriminatorLoss/,
  );
});

test('a tensor that is missing, foreign or of another shape is refused by its name', () => {
  const name = 'discriminator/conv1/kernel';
  refuses(
    changed(({ tensors }) => tensors.delete(name)),
    new RegExp(`no tensor "${name}", which the recipe notebook`),
  );
  refuses(
    changed(({ tensors }) => tensors.delete(`adam/v/${name}`)),
    new RegExp(`no tensor "adam/v/${name}"`),
  );
  refuses(
    changed(({ tensors }) =>
      tensors.set('teacher/conv1/kernel', { shape: [1], values: new Float32Array(1) }),
    ),
    /tensor "teacher\/conv1\/kernel" that the recipe notebook does not know/,
  );
  refuses(
    changed(({ tensors }) => tensors.set(name, { shape: [3], values: new Float32Array(3) })),
    new RegExp(`tensor "${name}" is \\[3\\], expected \\[5, 5, 1, 2\\]`),
  );
  refuses(
    changed(({ tensors }) => tensors.set(name, { shape: [5, 5, 1, 2], values: new Uint32Array(50) })),
    new RegExp(`tensor "${name}" is not float32`),
  );
});

test('networks of another size are refused', () => {
  const recipe = buildRecipe('notebook', dataset, 8);
  refuses(file, /is \[.*\], expected \[/, { ...snapshot, recipe });
});

test('a value that is not finite is refused with its place', () => {
  const poisoned = changed(({ tensors }) => {
    const { shape, values } = tensors.get('generator/deconv1/kernel')!;
    tensors.set('generator/deconv1/kernel', { shape, values: values.slice().fill(NaN, 5, 6) });
  });
  refuses(poisoned, /tensor "generator\/deconv1\/kernel" holds NaN at element 5/);
});

test('other data is refused, and so is another split of the same data', () => {
  const other = tinyDataset();
  other.train.images[3]! ^= 1;
  refuses(file, /made with other data/, { ...snapshot, dataset: other });
  refuses(
    changed(({ tensors }) => tensors.delete('split/labelled')),
    /no tensor "split\/labelled"/,
  );
  const swapped = snapshot.split.labelled.slice().reverse();
  refuses(
    changed(({ tensors }) => tensors.set('split/labelled', { shape: [20], values: swapped })),
    /"split\/labelled" is not the split that its seed draws/,
  );
});
