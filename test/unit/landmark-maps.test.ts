/** What a checkpoint keeps of landmarks: their map and how labels were spread, and what of it is refused. */

import assert from 'node:assert/strict';
import { before, describe, it, test } from 'node:test';
import type { SettingsInput } from '../../src/protocol/settings.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { checkpointState, readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { digestOf } from '../../src/worker/checkpoint/digest.js';
import {
  readSafetensors,
  writeSafetensors,
  type StoredTensor,
} from '../../src/worker/checkpoint/safetensors.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { tinyDataset } from './support/data.js';
import { fakeTable } from './support/fake-engine.js';
import { Clock, openTrainer } from './support/trainer.js';

/** Ten steps of `look`, one of `spread` twice, eight of `learn`. */
const FEW: SettingsInput = {
  recipe: 'few-labels',
  steps: 20,
  labels: 20,
  batch: 10,
  evalEvery: 5,
  balanced: false,
};

interface Content {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Record<string, string>;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** A run that is paused after so many steps, with maps as often as there can be. */
async function runTo(steps: number): ReturnType<typeof openTrainer> {
  const clock = new Clock();
  const { table } = fakeTable({ onStep: () => void (clock.ms += 30_000) });
  const opened = await openTrainer({ clock, table });
  for (let step = 0; step < steps; step++) await opened.trainer.step(FEW);
  return opened;
}

/** A file with something changed, its digest right. */
function changed(file: Bytes, change: (content: Content) => void): Bytes {
  const { tensors, metadata } = readSafetensors(file);
  const content = { tensors: new Map(tensors), metadata: { ...metadata } };
  change(content);
  content.metadata['digest'] = digestOf(content);
  return writeSafetensors(content);
}

describe('a run that is loaded', () => {
  it('has the spread labels back, their map to the byte and their figures exactly', async () => {
    const first = await runTo(13);
    const told = first.of('spread').at(-1)!;
    const second = await openTrainer();
    await second.trainer.load(await first.trainer.save(), {});
    const [found, ...more] = second.of('spread');
    assert.deepEqual(more, []);
    const { points, ...figures } = found!;
    const { points: pointsThen, ...figuresThen } = told;
    assert.deepEqual(figures, figuresThen);
    assert.equal(points.length, pointsThen.length);
    points.forEach((value, index) => assert.ok(Math.abs(value - pointsThen[index]!) <= 1 / 255 + 1e-6));
    const types = second.reports.map(({ type }) => type);
    assert.ok(types.indexOf('run') < types.indexOf('history'));
    assert.ok(types.indexOf('history') < types.indexOf('spread'));
    assert.deepEqual(second.of('featureMap'), []);
  });

  it('has the map of `look` back', async () => {
    const first = await runTo(6);
    const told = first.of('featureMap').at(-1)!;
    const second = await openTrainer();
    await second.trainer.load(await first.trainer.save(), {});
    const [found] = second.of('featureMap');
    assert.deepEqual([found!.step, found!.classes], [told.step, told.classes]);
    assert.deepEqual(second.of('spread'), []);
  });

  it('keeps them on through further loads, byte for byte', async () => {
    const first = await runTo(13);
    const file = await first.trainer.save();
    const second = await openTrainer();
    await second.trainer.load(file, {});
    const again = readCheckpoint(await second.trainer.save());
    assert.deepEqual(again.maps, readCheckpoint(file).maps);
  });

  it('is the same run from a file of an older build, without maps', async () => {
    const file = await (await runTo(13)).trainer.save();
    const older = changed(file, ({ metadata, tensors }) => {
      Reflect.deleteProperty(metadata, 'landmarkMaps');
      for (const name of ['spread/points', 'spread/classes']) tensors.delete(name);
    });
    const { trainer, of, reached } = await openTrainer();
    await trainer.load(older, {});
    assert.deepEqual([of('spread'), of('featureMap')], [[], []]);
    await trainer.start({});
    await reached('finished');
    // Nothing was spread since.
    assert.equal(of('evaluation').at(-1)!.pseudoLabels, null);
  });
});

test('a file holds three bytes a landmark of each map', async () => {
  const { tensors } = readSafetensors(await (await runTo(13)).trainer.save());
  const bytes = [...tensors].filter(([, { values }]) => values instanceof Uint8Array);
  assert.deepEqual(
    bytes.map(([name, { shape, values }]) => [name, shape, values.byteLength]),
    [
      ['spread/points', [60, 2], 120],
      ['spread/classes', [60], 60],
    ],
  );
});

describe('a checkpoint is refused, by the name of what is wrong,', () => {
  const dataset = tinyDataset();
  const settings = resolveSettings(FEW);
  const split = makeSplit(dataset, settings);
  const recipe = buildRecipe(settings, dataset, { channelDivisor: 16, scheduleSteps: 20 });
  let file: Bytes;

  before(async () => {
    file = await (await runTo(13)).trainer.save();
  });

  const refuses = (change: (content: Content) => void, message: RegExp): void =>
    assert.throws(() => checkpointState(readCheckpoint(changed(file, change)), recipe, dataset, split), {
      name: 'InvalidCheckpoint',
      message,
    });

  const withSpread =
    (fields: object) =>
    ({ metadata }: Content): void => {
      const maps = JSON.parse(metadata['landmarkMaps']!) as { spread: object };
      metadata['landmarkMaps'] = JSON.stringify({ ...maps, spread: { ...maps.spread, ...fields } });
    };

  const withClass =
    (row: number, value: number) =>
    ({ tensors }: Content): void => {
      const { shape, values } = tensors.get('spread/classes')!;
      tensors.set('spread/classes', { shape, values: values.slice().fill(value, row, row + 1) });
    };

  it('where nothing is, it loads', () => {
    assert.ok(checkpointState(readCheckpoint(file), recipe, dataset, split).step === 13);
  });

  it('where figures are none', () => {
    const wrong: [object, RegExp][] = [
      [{ step: 14 }, /"landmarkMaps" has a spread whose "step" is 14, allowed are 0 to 13/],
      [{ step: 1.5 }, /spread whose "step" is 1\.5/],
      [{ step: 12 }, /its spread is of step 12, the recipe few-labels spreads labels at 8 or 9/],
      [{ trust: 'some' }, /spread whose "trust" is "some", allowed are all, surest, none/],
      [{ leftOut: -1 }, /spread whose "leftOut" is -1/],
      [{ leftOut: 5, leftOutRight: 6 }, /spread whose "leftOutRight" is 6, allowed are 0 to 5/],
      [{ usedShare: 2 }, /spread whose "usedShare" is 2/],
      [{ reachedShare: '1' }, /spread whose "reachedShare" is "1"/],
      [{ agreement: null }, /spread whose "agreement" is null/],
    ];
    for (const [fields, message] of wrong) refuses(withSpread(fields), message);
  });

  it('where classes are none, or not those of the labels', () => {
    refuses(withClass(30, 10), /tensor "spread\/classes" holds 10 at element 30, which is no class/);
    const label = dataset.train.labels[split.labelled[2]!]!;
    refuses(
      withClass(2, (label + 1) % 10),
      /tensor "spread\/classes" holds \d at element 2, which is not the label of that image/,
    );
  });

  it('where tensors are missing, of another kind or of other landmarks', () => {
    refuses(({ tensors }) => tensors.delete('spread/points'), /it has no tensor "spread\/points"/);
    refuses(
      ({ tensors }) => tensors.set('spread/points', { shape: [60, 2], values: new Float32Array(120) }),
      /its tensor "spread\/points" is not uint8/,
    );
    refuses(
      ({ tensors }) => tensors.set('spread/points', { shape: [59, 2], values: new Uint8Array(118) }),
      /its tensor "spread\/points" is \[59, 2\], expected \[60, 2\]/,
    );
    refuses(({ tensors }) => {
      tensors.set('spread/points', { shape: [40, 2], values: new Uint8Array(80) });
      tensors.set('spread/classes', {
        shape: [40],
        values: tensors.get('spread/classes')!.values.slice(0, 40),
      });
    }, /its spread is of 40 landmarks, expected as many as the recipe's 60/);
  });

  it('where spread labels are none that a run spreads', () => {
    const withTargets =
      (change: (values: Float32Array) => void) =>
      ({ tensors }: Content): void => {
        const { shape, values } = tensors.get('landmarks/targets')!;
        const changedValues = Float32Array.from(values as Float32Array).fill(0);
        change(changedValues);
        tensors.set('landmarks/targets', { shape, values: changedValues });
      };
    const label = dataset.train.labels[split.labelled[2]!]!;
    const [own, other] = [20 + label, 20 + ((label + 1) % 10)];
    const open = (change: (values: Float32Array) => void): number =>
      checkpointState(readCheckpoint(changed(file, withTargets(change))), recipe, dataset, split).step;
    assert.equal(
      open((values) => (values[own] = 1)),
      13,
    );
    const wrong: [(values: Float32Array) => void, RegExp][] = [
      [(values) => (values[own] = 0.5), /"landmarks\/targets" holds 0\.5 at element \d+; a target is 0 or 1/],
      [(values) => (values[own] = 2), /holds 2 at element \d+; a target is between 0 and 1/],
      [(values) => values.fill(1, 300, 302), /holds 1 at element 301; a landmark has one target at most/],
      [(values) => (values[other] = 1), /holds 1 at element \d+; that image is labelled otherwise/],
      [(values) => (values[600] = 1), /holds 1 at element 600; there are fewer landmarks/],
    ];
    for (const [change, message] of wrong) refuses(withTargets(change), message);
  });

  it('where maps and their description are not of each other', () => {
    refuses(
      ({ metadata }) => Reflect.deleteProperty(metadata, 'landmarkMaps'),
      /it has a tensor "spread\/points", but its metadata has no "landmarkMaps"/,
    );
    refuses(
      ({ metadata }) => (metadata['landmarkMaps'] = '{}'),
      /it has a tensor "spread\/points", but its "landmarkMaps" has no spread/,
    );
    refuses(
      ({ metadata }) => (metadata['landmarkMaps'] = '{"spread": 1}'),
      /"landmarkMaps" has a spread that is not an object/,
    );
    refuses(({ metadata }) => (metadata['landmarkMaps'] = '['), /metadata "landmarkMaps" is not JSON/);
    refuses(({ metadata }) => (metadata['landmarkMaps'] = '[]'), /metadata "landmarkMaps" is not an object/);
  });

  it('where the recipe has no landmarks', () => {
    const bare = { ...recipe, landmarks: null };
    assert.throws(() => checkpointState(readCheckpoint(file), bare, dataset, split), {
      name: 'InvalidCheckpoint',
      message: /it has a spread, but the recipe few-labels has no landmarks/,
    });
  });
});
