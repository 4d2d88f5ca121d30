import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkData,
  checkpointState,
  readCheckpoint,
  writeCheckpoint,
} from '../../src/worker/checkpoint/checkpoint.js';
import { NO_MAPS } from '../../src/worker/checkpoint/landmark-maps.js';
import { initialTensors } from '../../src/worker/model/parameters.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { digestOf } from '../../src/worker/checkpoint/digest.js';
import {
  readSafetensors,
  writeSafetensors,
  type Safetensors,
  type StoredTensor,
} from '../../src/worker/checkpoint/safetensors.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import type { RunSnapshot } from '../../src/worker/checkpoint/snapshot.js';
import { fingerprintOf } from '../../src/worker/data/fingerprint.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { tinyDataset } from './support/data.js';

const dataset = tinyDataset();

/** The scalars of a step by name. */
const LAST_VALUES = {
  notebook: {
    trainAccuracy: 1 / 3,
    discriminatorLoss: 2,
    generatorLoss: 3,
    realUnlabelledLoss: 4,
    fakeLoss: 5,
    supervisedLoss: 6,
    fakeAsRealLoss: 7,
    featureMatchingLoss: 8,
  },
  'labels-only': { trainAccuracy: 1 / 3, discriminatorLoss: 2, supervisedLoss: 6 },
};

function makeSnapshot(recipeName: 'notebook' | 'labels-only' = 'notebook'): RunSnapshot {
  const settings = resolveSettings({ recipe: recipeName, seed: 2 ** 53 - 1, labels: 20, steps: 100 });
  const recipe = buildRecipe(settings, dataset, { channelDivisor: 16 });
  return {
    settings,
    scheduleSteps: 90,
    recipe,
    dataset,
    split: makeSplit(dataset, settings),
    engine: { engine: 'tfjs-wasm', adapter: '', isSoftware: false },
    state: { step: 17, tensors: initialTensors(recipe, settings.seed) },
    progress: {
      step: 17,
      unmeasuredSteps: 0,
      evaluatedStep: 10,
      accuracySum: 0.1 + 0.2,
      evaluations: [],
      accuracyCount: 7,
      lastValues: LAST_VALUES[recipeName],
      elapsedMs: 1234.5678901234567,
    },
    maps: NO_MAPS,
  };
}

const snapshot = makeSnapshot();
const file = writeCheckpoint(snapshot);

/** The file with something changed before it was written, so that its digest is right. */
function changed(
  change: (content: {
    readonly tensors: Map<string, StoredTensor>;
    readonly metadata: Record<string, string>;
  }) => void,
): Uint8Array<ArrayBuffer> {
  const { tensors, metadata } = readSafetensors(file);
  const content = { tensors: new Map(tensors), metadata: { ...metadata } };
  change(content);
  content.metadata['digest'] = digestOf(content);
  return writeSafetensors(content satisfies Safetensors);
}

/** A copy without some of its entries. */
function without<T>(record: Readonly<Record<string, T>>, ...names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}

const open = (bytes: Uint8Array<ArrayBuffer>, { recipe, dataset: data, split }: RunSnapshot = snapshot) => {
  const read = readCheckpoint(bytes);
  checkData(read, data);
  return checkpointState(read, recipe, data, split);
};

const refuses = (bytes: Uint8Array<ArrayBuffer>, message: RegExp, against = snapshot): void =>
  assert.throws(() => open(bytes, against), { name: 'InvalidCheckpoint', message });

test('a run is read back as it was written, to the bit', () => {
  for (const written of [snapshot, makeSnapshot('labels-only')]) {
    const bytes = writeCheckpoint(written);
    const { settings, scheduleSteps, progress } = readCheckpoint(bytes);
    assert.deepEqual(settings, written.settings);
    assert.equal(scheduleSteps, 90);
    assert.deepEqual(progress, written.progress);
    const state = open(bytes, written);
    assert.equal(state.step, 17);
    assert.deepEqual(new Map([...state.tensors].sort()), new Map([...written.state.tensors].sort()));
  }
});

test('averages travel as tensors of their own, and are not to be missing', () => {
  const average = { decay: 0.9 };
  const { recipe, settings } = snapshot;
  const averaged = { ...recipe, networks: recipe.networks.map((entry) => ({ ...entry, average })) };
  const tensors = initialTensors(averaged, settings.seed);
  const name = 'average/discriminator/conv1/kernel';
  tensors.get(name)!.values[0] = 0.125;
  const written = { ...snapshot, recipe: averaged, state: { step: 17, tensors } };
  const bytes = writeCheckpoint(written);
  assert.deepEqual(open(bytes, written).tensors.get(name)!.values, tensors.get(name)!.values);
  // Running statistics have none.
  assert.equal(tensors.has('average/discriminator/norm2/moving_mean'), false);
  refuses(bytes, /it has a tensor "average\//);
  refuses(file, /it has no tensor "average\/discriminator\/conv1\/kernel"/, written);
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

test('a file of a later format is refused with its version and those that are read', () => {
  refuses(
    changed(({ metadata }) => (metadata['formatVersion'] = '3')),
    /format version is "3", this build reads "1" and "2"/,
  );
});

/** A file as version 1 of the format has it, written out: scalars by position, and no steps of schedules. */
function firstVersion({ settings, state, split }: RunSnapshot, progress: string): Uint8Array<ArrayBuffer> {
  const labelled: StoredTensor = { shape: [20], values: split.labelled };
  return writeSafetensors({
    tensors: new Map<string, StoredTensor>([...state.tensors, ['split/labelled', labelled]]),
    metadata: {
      format: 'sgan-trainer-checkpoint',
      formatVersion: '1',
      trainerVersion: '0.1.0',
      settings:
        `{"recipe":"${settings.recipe}","engine":"auto","seed":9007199254740991,"steps":100,"labels":20,` +
        '"balanced":false,"batch":32,"evalEvery":200,"discriminatorLr":0.001,"discriminatorBeta1":0.9,' +
        '"discriminatorBeta2":0.999,"generatorLr":0.001,"generatorBeta1":0.9,"generatorBeta2":0.999,' +
        '"dropout":0.5,"threads":0}',
      progress,
      engine: '{"engine":"tfjs-wasm","adapter":"","isSoftware":false}',
      dataFingerprint: fingerprintOf(dataset),
    },
  });
}

const firstProgress = (lastValues: string, step = 17): string =>
  `{"step":${step},"evaluatedStep":${Math.min(step, 10)},"accuracySum":0.30000000000000004,` +
  `"accuracyCount":${Math.max(0, step - 10)},"lastValues":${lastValues},"elapsedMs":1234.5678901234567}`;

test('a file of the first format is read as what it would be now', () => {
  const values = {
    notebook: '[0.3333333333333333,2,3,4,5,6,7,8]',
    'labels-only': '[0.3333333333333333,2,null,null,null,6,null,null]',
  };
  for (const recipe of ['notebook', 'labels-only'] as const) {
    const written = makeSnapshot(recipe);
    const bytes = firstVersion(written, firstProgress(values[recipe]));
    const { settings, scheduleSteps, progress } = readCheckpoint(bytes);
    assert.deepEqual(settings, written.settings);
    assert.equal(scheduleSteps, 100, 'there were no schedules: the run’s own steps');
    assert.deepEqual(progress, written.progress);
    const state = open(bytes, written);
    assert.equal(state.step, 17);
    assert.deepEqual(new Map([...state.tensors].sort()), new Map([...written.state.tensors].sort()));
  }
  const atFirst = firstProgress('[]', 0).replace('0.30000000000000004', '0');
  assert.deepEqual(readCheckpoint(firstVersion(snapshot, atFirst)).progress.lastValues, {});
});

test('a file of the first format whose scalars cannot be is refused', () => {
  for (const values of ['[1,2]', '["1",2,3,4,5,6,7,8]', '{"trainAccuracy":1}', '[]', '[1,2,3,4,5,6,7,8,9]']) {
    refuses(firstVersion(snapshot, firstProgress(values)), /no valid "lastValues"/);
  }
  const without = '[1,null,3,4,5,6,7,8]';
  refuses(firstVersion(snapshot, firstProgress(without)), /no value of discriminatorLoss/);
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
    ['lastValues', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['lastValues', {}],
    ['lastValues', null],
    ['lastValues', { ...LAST_VALUES.notebook, fakeLoss: '5' }],
    ['lastValues', { ...LAST_VALUES.notebook, fakeLoss: null }],
  ];
  for (const [field, value] of bad) {
    const progress = JSON.stringify({ ...snapshot.progress, [field]: value });
    const pattern = new RegExp(`progress has (no valid )?"${field}"`);
    refuses(
      changed(({ metadata }) => (metadata['progress'] = progress)),
      pattern,
    );
  }
  const { discriminatorLoss, ...lacking } = LAST_VALUES.notebook;
  const withValues = (lastValues: unknown): Uint8Array<ArrayBuffer> =>
    changed(({ metadata }) => (metadata['progress'] = JSON.stringify({ ...snapshot.progress, lastValues })));
  refuses(withValues(lacking), /no value of discriminatorLoss/);
  refuses(withValues({ ...LAST_VALUES.notebook, mixLoss: discriminatorLoss }), /a value of mixLoss/);
  for (const steps of ['0', '1.5', 'many', '10000001']) {
    refuses(
      changed(({ metadata }) => (metadata['scheduleSteps'] = steps)),
      /its "scheduleSteps" is "/,
    );
  }
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
  const recipe = buildRecipe(snapshot.settings, dataset, { channelDivisor: 8 });
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

/** The file as builds before the digest wrote it: its metrics by position. */
function olderFile(): Uint8Array<ArrayBuffer> {
  const { tensors, metadata } = readSafetensors(file);
  const rest = without(metadata, 'digest', 'scheduleSteps');
  const lastValues = [1 / 3, 2, 3, 4, 5, 6, 7, 8];
  const progress = JSON.stringify({ ...snapshot.progress, lastValues });
  return writeSafetensors({ tensors, metadata: { ...rest, formatVersion: '1', progress } });
}

test('any change of what was saved is seen by the digest; only older files load without one', () => {
  const { tensors, metadata } = readSafetensors(file);
  assert.match(metadata['digest']!, /^crc32:[0-9a-f]{8}$/);
  assert.equal(readCheckpoint(file).hasDigest, true);
  const older = readCheckpoint(olderFile());
  assert.equal(older.hasDigest, false);
  assert.equal(older.progress.lastValues['trainAccuracy'], 1 / 3);
  assert.deepEqual(open(olderFile()).tensors, open(file).tensors);
  const undigested = without(metadata, 'digest');
  refuses(writeSafetensors({ tensors, metadata: undigested }), /its metadata has no "digest"/);
  const [name, { shape, values }] = [...tensors].find(([each]) => each === 'generator/deconv1/kernel')!;
  const other = values.slice();
  other[7]! *= 1.0001;
  const damaged = [
    { metadata, tensors: new Map(tensors).set(name, { shape, values: other }) },
    { metadata: { ...metadata, engine: '{}' }, tensors },
    { metadata: { ...metadata, digest: 'crc32:00000000' }, tensors },
  ];
  for (const content of damaged) {
    refuses(writeSafetensors(content), /damaged or changed after it was saved: its digest is "crc32:/);
  }
});

test('values that no run has are refused by the tensor, the value and its place', () => {
  const bad: [string, number, RegExp][] = [
    ['discriminator/norm2/moving_variance', -1e-3, /holds -0\.001.* at element 1; a variance is 0 or more/],
    ['adam/v/discriminator/conv1/kernel', -1e-9, /holds -\S+ at element 1; a second moment is 0 or more/],
    ['discriminator/conv1/kernel', 1e20, /holds 1\S+ at element 1; a parameter is between -1e11 and 1e11/],
    ['adam/m/discriminator/conv1/kernel', 0.5, /"adam\/v\/.*" holds 0 at element 1, where ".*" holds 0\.5/],
  ];
  for (const [name, value, message] of bad) {
    const bytes = changed(({ tensors }) => {
      const { shape, values } = tensors.get(name)!;
      tensors.set(name, { shape, values: (values as Float32Array<ArrayBuffer>).slice().fill(value, 1, 2) });
    });
    refuses(bytes, message);
  }
  const progress = JSON.stringify({
    step: 0,
    evaluatedStep: 0,
    accuracySum: 0,
    accuracyCount: 0,
    lastValues: {},
    elapsedMs: 0,
  });
  refuses(
    changed(({ tensors, metadata }) => {
      metadata['progress'] = progress;
      const { shape } = tensors.get('adam/v/discriminator/conv1/bias')!;
      tensors.set('adam/v/discriminator/conv1/bias', {
        shape,
        values: new Float32Array(shape[0]!).fill(0.5),
      });
    }),
    /moments "adam\/m\/discriminator\/conv1\/bias" and ".*" hold 0\.5 at step 0; there they are 0/,
  );
});

const EVALUATION = {
  step: 10,
  trainAccuracy: 1,
  meanTrainAccuracy: 0.75,
  testAccuracy: 0.5,
  losses: { discriminatorLoss: 1.25 },
  generated: { readShare: 0.5, classBits: 3.2, pixelDeviation: 0.4 },
  pseudoLabels: { confidentLandmarks: 0.75, spreadAgreement: 0.5 },
  elapsedMs: 1000,
};

test('evaluations are read back, and a file of an older build has none', () => {
  const withProgress = (fields: object): Uint8Array<ArrayBuffer> =>
    changed(({ metadata }) => (metadata['progress'] = JSON.stringify({ ...snapshot.progress, ...fields })));
  const noneConfident = { confidentLandmarks: 0, spreadAgreement: null };
  const evaluations = [
    { ...EVALUATION, step: 4, generated: null, pseudoLabels: null, elapsedMs: 400 },
    { ...EVALUATION, step: 5, pseudoLabels: noneConfident, elapsedMs: 500 },
    EVALUATION,
  ];
  assert.deepEqual(readCheckpoint(withProgress({ evaluations })).progress.evaluations, evaluations);
  assert.deepEqual(readCheckpoint(withProgress({ evaluations: undefined })).progress.evaluations, []);
  const older = [{ ...EVALUATION, pseudoLabels: undefined }];
  const [read] = readCheckpoint(withProgress({ evaluations: older })).progress.evaluations;
  assert.equal(read!.pseudoLabels, null);
});

test('progress whose fields contradict each other, or lie outside any run, is refused by its field', () => {
  const bad: [Partial<RunSnapshot['progress']>, RegExp][] = [
    [{ accuracyCount: 6 }, /"accuracyCount" 6, only 7 fits its other fields/],
    [{ accuracySum: 7.5 }, /"accuracySum" 7\.5, allowed are 0 to 7/],
    [{ evaluatedStep: 18 }, /"evaluatedStep" 18, allowed are 0 to 17/],
    [{ elapsedMs: 1e15 }, /"elapsedMs" 1,000,000,000,000,000, allowed are 0 to 315,360,000,000/],
    [
      { lastValues: { ...snapshot.progress.lastValues, trainAccuracy: 1.5 } },
      /a trainAccuracy of 1\.5, allowed are 0 to 1/,
    ],
    [{ lastValues: { ...snapshot.progress.lastValues, fakeLoss: 1e39 } }, /no valid "lastValues"/],
    [{ evaluations: [{ ...EVALUATION, step: 9 }] }, /"evaluations" that end at step 9, only 10 fits/],
    [{ evaluations: [{ ...EVALUATION, testAccuracy: 1.5 }] }, /"evaluations" whose entry 1 is none that can/],
    [{ evaluations: [EVALUATION, EVALUATION] }, /"evaluations" whose entry 2 is none that can follow/],
    [{ evaluations: [{ ...EVALUATION, losses: { fakeLoss: NaN } }] }, /"evaluations" whose entry 1 is none/],
    [
      { evaluations: [{ ...EVALUATION, generated: { ...EVALUATION.generated, readShare: 2 } }] },
      /"evaluations" whose entry 1 is none/,
    ],
    [
      { evaluations: [{ ...EVALUATION, pseudoLabels: { confidentLandmarks: 1, spreadAgreement: 1.5 } }] },
      /"evaluations" whose entry 1 is none/,
    ],
    [
      { evaluations: [{ ...EVALUATION, generated: { ...EVALUATION.generated, classBits: -1 } }] },
      /"evaluations" whose entry 1 is none/,
    ],
    [
      { evaluations: [{ ...EVALUATION, generated: { ...EVALUATION.generated, pixelDeviation: 1e9 } }] },
      /"evaluations" whose entry 1 is none/,
    ],
    [{ unmeasuredSteps: 17, accuracyCount: 0 }, /"evaluatedStep" 10, only 0 fits its other fields/],
    [
      {
        ...{ unmeasuredSteps: 9, evaluatedStep: 10 },
        evaluations: [{ ...EVALUATION, step: 4, elapsedMs: 400 }, EVALUATION],
      },
      /"evaluations" from step 4 on, which a run has after step 9 alone/,
    ],
    [
      { evaluations: [{ ...EVALUATION, pseudoLabels: null, losses: { criticLoss: 1 } }] },
      /its evaluation at step 10 has a value of criticLoss, which the recipe has not/,
    ],
    [{ evaluations: [EVALUATION] }, /at step 10 has a value of landmarks, which the recipe has not/],
    [{ evaluations: [{ ...EVALUATION, elapsedMs: 1235 }] }, /"evaluations" that end at step 10/],
    [{ evaluations: new Array<typeof EVALUATION>(1001).fill(EVALUATION) }, /"evaluations" a list, allowed/],
  ];
  for (const [fields, message] of bad) {
    const progress = JSON.stringify({ ...snapshot.progress, ...fields });
    refuses(
      changed(({ metadata }) => (metadata['progress'] = progress)),
      message,
    );
  }
});

test('a name that comes twice is refused, in the header and in the metadata', () => {
  const doubled = changed(
    ({ metadata }) => (metadata['progress'] = `{"step": 1, ${metadata['progress']!.slice(1)}`),
  );
  refuses(doubled, /its metadata "progress" names "step" twice/);
});

test('names and shapes of any length are cut in messages', () => {
  const name = 'x'.repeat(100_000);
  const shape = [...new Array<number>(50_000).fill(1), 3];
  const cases = [
    changed(({ tensors }) => tensors.set(name, { shape: [1], values: new Float32Array(1) })),
    changed(({ tensors }) =>
      tensors.set('discriminator/conv1/kernel', { shape, values: new Float32Array(3) }),
    ),
    changed(({ metadata }) => (metadata['settings'] = JSON.stringify({ [name]: 1 }))),
    changed(({ metadata }) => (metadata['progress'] = `{"${name}": 1, "${name}": 2}`)),
    changed(({ metadata }) => (metadata['formatVersion'] = name)),
  ];
  for (const bytes of cases) {
    assert.throws(
      () => open(bytes),
      ({ message }: Error) => message.includes('…') && message.length < 500,
    );
  }
});
