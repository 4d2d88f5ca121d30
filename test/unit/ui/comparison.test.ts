/** Runs that another is held against, trained in turns with it: on fake trainers. */

import assert from 'node:assert/strict';
import { afterEach, describe, it, test } from 'node:test';
import { completeSettings } from '../../../src/protocol/check-settings.js';
import type { Settings } from '../../../src/protocol/settings.js';
import type { RecipeName } from '../../../src/recipe/recipes.js';
import type { TrainerState } from '../../../src/protocol/reports.js';
import { baselines } from '../../../src/ui/charts/baselines.js';
import { comparedRecipes, comparedSettings } from '../../../src/ui/comparison/compared-settings.js';
import { Comparison } from '../../../src/ui/comparison/comparison.js';
import type { MeasuredReference } from '../../../src/ui/comparison/measured-reference.js';
import { referenceFor } from '../../../src/ui/comparison/references.js';
import { TrainerSession, type SessionOptions } from '../../../src/ui/trainer-session.js';
import { evaluationAt, FakeTrainer, runOf } from '../../ui/support/fake-trainer.js';
import { Timers } from '../support/timers.js';

/** What fakes train on. */
const { data: DATA } = runOf({ recipe: 'notebook' });

/** Seeds that no other test has: what was trained on a page is remembered. */
let nextSeed = 5000;

function settingsOf(more: Partial<Settings> = {}): Settings {
  return completeSettings({ recipe: 'few-labels', steps: 1000, seed: nextSeed++, ...more });
}

interface Page {
  readonly session: TrainerSession;
  readonly comparison: Comparison;
  /** The run's own trainer, and those of the others. */
  readonly own: () => FakeTrainer;
  readonly others: FakeTrainer[];
  /** States of the run, as a host hears of them. */
  readonly states: TrainerState[];
  /** Whose turn it was at each change. */
  readonly turns: (RecipeName | null)[];
}

const pages: Page[] = [];

/** A session with its comparison, wired as the element does it. */
function open(prepare: (other: FakeTrainer) => void = () => undefined, timers?: Timers): Page {
  const owns: FakeTrainer[] = [];
  const others: FakeTrainer[] = [];
  const states: TrainerState[] = [];
  const turns: (RecipeName | null)[] = [];
  const make = (into: FakeTrainer[]): SessionOptions['createClient'] => {
    return ({ onReports, onDeath }) => {
      const fake = new FakeTrainer({ workerUrl: '', dataUrl: '', onReports, onDeath });
      if (into === others) {
        fake.isEager = true;
        prepare(fake);
      }
      into.push(fake);
      return fake;
    };
  };
  const session = new TrainerSession({
    createClient: make(owns),
    onReport: (report) => {
      comparison.reported(report);
      if (report.type === 'state') states.push(report.state);
    },
    onBatch: () => undefined,
    onState: (state) => comparison.stateChanged(state),
  });
  const comparison: Comparison = new Comparison({
    session,
    createClient: make(others),
    onChange: () => turns.push(comparison.turnOf),
    startTimer: timers?.start,
  });
  comparison.isWanted = true;
  const page = { session, comparison, own: () => owns.at(-1)!, others, states, turns };
  pages.push(page);
  return page;
}

/** Lets everything that is due happen: fakes answer within a task or two. */
async function settle(): Promise<void> {
  for (let task = 0; task < 60; task++) await new Promise((resolve) => setImmediate(resolve));
  for (let task = 0; task < 8; task++) await new Promise((resolve) => setTimeout(resolve));
}

/** Tasks until something holds, a bounded number of them. */
async function until(condition: () => boolean, what: string): Promise<void> {
  for (let task = 0; task < 500; task++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert.fail(`It never was so: ${what}.`);
}

afterEach(() => {
  for (const { session } of pages.splice(0)) session.end();
});

test('a run is held against the labels alone and against no GAN, with as many steps as their recipes have', () => {
  const settings = settingsOf();
  assert.deepEqual(comparedRecipes(settings), ['labels-only-augmented', 'few-labels-no-gan']);
  assert.deepEqual(comparedRecipes({ recipe: 'notebook' }), ['labels-only']);
  assert.deepEqual(comparedRecipes({ recipe: 'labels-only-augmented' }), []);
  const other = comparedSettings('labels-only-augmented', settings);
  const { seed, labels, balanced, batch } = settings;
  assert.deepEqual(other, {
    ...other,
    recipe: 'labels-only-augmented',
    steps: 600,
    seed,
    labels,
    balanced,
    batch,
  });
  assert.equal(comparedSettings('few-labels-no-gan', settings).steps, 1000);
  const fast = { ...settings, recipe: 'few-labels-fast' } as const;
  assert.deepEqual(
    comparedRecipes(fast),
    ['labels-only-augmented'],
    'no other recipe has its narrower network',
  );
  assert.equal(comparedSettings('labels-only-augmented', fast).steps, 600);
});

describe('what a run is held against', () => {
  it('takes turns with it: the run rests unheard, and goes on', async () => {
    const settings = settingsOf();
    const { session, comparison, own, others, states, turns } = open();
    await session.start(settings);
    assert.deepEqual(turns, [null]);
    own().advance(200);
    await until(() => others.length === 2 && own().calls.at(-1)![0] === 'start', 'both had a turn');
    const told = turns.filter((turn, i) => i > 0 && turn !== turns[i - 1]);
    assert.deepEqual(new Set(told), new Set(['labels-only-augmented', null, 'few-labels-no-gan']));
    assert.equal(comparison.turnOf, null, 'told when it is over');
    assert.deepEqual(
      others.map(({ settings: its, done }) => [its!.recipe, its!.seed, its!.engine, done]),
      [
        ['labels-only-augmented', settings.seed, 'tfjs-webgpu', 200],
        ['few-labels-no-gan', settings.seed, 'tfjs-webgpu', 200],
      ],
    );
    assert.deepEqual(
      own().calls.map(([name]) => name),
      ['start', 'pause', 'start'],
    );
    assert.ok(!states.includes('paused'));
    assert.equal(session.model.state, 'running');
    const known = baselines.of(settings, DATA);
    assert.equal(known.at(-1)!.step, 200);
    own().advance(100);
    await settle();
    assert.equal(others[0]!.done, 200, 'no turn before the next evaluation');
  });

  it('was made for all of its steps, and goes on by turns', async () => {
    const settings = settingsOf({ evalEvery: 150 });
    const { session, own, others } = open();
    await session.start(settings);
    own().advance(150);
    await until(() => others.length === 2, 'both had a turn');
    const [name, first] = others[0]!.calls[0]!;
    assert.deepEqual([name, (first as Settings).steps], ['step', 600]);
    await settle();
    own().advance(150);
    await until(() => others.every(({ done }) => done === 300), 'both went on');
    assert.equal(others.length, 2);
  });

  it('goes on to the end once the run has finished', async () => {
    const settings = settingsOf();
    const { session, comparison, own, others } = open();
    await session.start(settings);
    own().advance(1000);
    await until(() => others.length === 2 && others[1]!.done === 1000, 'the last turn');
    assert.equal(session.model.state, 'finished');
    assert.deepEqual([others[0]!.done, baselines.of(settings, DATA).at(-1)!.step], [600, 600]);
    assert.equal(baselines.withoutGan(settings, DATA).at(-1)!.step, 1000);
    await settle();
    assert.equal(comparison.takesTurns, false);
    assert.ok(
      others.every(({ isTerminated }) => isTerminated),
      'nothing more is asked of their workers',
    );
    assert.equal(comparison.stateOf('few-labels-no-gan'), 'training', 'that is no failure');
  });

  it('holds nothing up where the run goes on beyond the steps that it began with', async () => {
    const settings = settingsOf();
    const { session, comparison, own, others } = open();
    await session.start(settings);
    own().advance(1000);
    await until(() => others.length === 2 && others[1]!.done === 1000, 'the last turn');
    await settle();
    const before = own().calls.length;
    await session.start({ ...settings, steps: 4000 });
    assert.equal(comparison.takesTurns, false);
    own().advance(1000);
    await settle();
    assert.deepEqual(
      own()
        .calls.slice(before)
        .map(([name]) => name),
      ['start'],
    );
  });

  it('is not trained where nobody wants it, nor where it was trained on this page before', async () => {
    const settings = settingsOf();
    const { session, comparison, own, others } = open();
    comparison.isWanted = false;
    await session.start(settings);
    own().advance(400);
    await settle();
    assert.equal(others.length, 0);
    const labelsOnly = comparedSettings('labels-only-augmented', settings);
    baselines.remember(labelsOnly, DATA, [evaluationAt(600, labelsOnly)]);
    comparison.isWanted = true;
    assert.equal(comparison.stateOf('labels-only-augmented'), null);
    own().advance(200);
    await until(() => others.length === 1, 'the other has a turn');
    await settle();
    assert.deepEqual(
      others.map(({ settings: its }) => its!.recipe),
      ['few-labels-no-gan'],
    );
  });

  it('ends where it is switched off, and with the run', async () => {
    const { session, comparison, own, others } = open();
    await session.start(settingsOf({ evalEvery: 150 }));
    own().advance(150);
    await until(() => others.length === 2, 'both had a turn');
    await settle();
    comparison.isWanted = false;
    assert.ok(others.every(({ isTerminated }) => isTerminated));
    comparison.isWanted = true;
    own().advance(150);
    await until(() => others.length === 4, 'both had a turn again');
    await settle();
    await session.reset(settingsOf({ evalEvery: 150 }));
    assert.ok(others.every(({ isTerminated }) => isTerminated));
  });

  it('is left out where this machine is too slow, and nothing is said of how it began', async () => {
    // At 31.25 steps a second 8,000 steps take over three minutes, 4,000 do not.
    const settings = settingsOf({ steps: 8000 });
    const { session, comparison, own, others } = open();
    await session.start(settings);
    own().advance(400);
    await until(() => comparison.stateOf('few-labels-no-gan') === 'tooSlow', 'judged');
    assert.equal(comparison.stateOf('labels-only-augmented'), 'training');
    assert.deepEqual(
      others.map(({ isTerminated }) => isTerminated),
      [false, true],
    );
    assert.equal(others[1]!.done, 20);
    assert.deepEqual(baselines.withoutGan(settings, DATA), []);
    await settle();
    assert.equal(session.model.state, 'running');
  });

  it('is not even tried where the run itself takes long', async () => {
    const { session, comparison, own, others } = open();
    await session.start(settingsOf({ steps: 40_000 }));
    own().advance(400);
    await settle();
    assert.equal(others.length, 0);
    assert.equal(comparison.stateOf('labels-only-augmented'), 'tooSlow');
    assert.deepEqual(
      own().calls.map(([name]) => name),
      ['start'],
    );
  });

  it('is left out where it cannot be trained, and the run goes on', async () => {
    const { session, comparison, own } = open((other) => {
      other.nextError = Object.assign(new Error('no memory'), { name: 'OutOfMemory' });
    });
    await session.start(settingsOf());
    own().advance(200);
    await until(() => comparison.stateOf('few-labels-no-gan') === 'failed', 'both failed');
    assert.equal(comparison.stateOf('labels-only-augmented'), 'failed');
    await settle();
    assert.equal(own().state, 'running');
    assert.equal(session.model.error, null);
  });
});

test('another that does not answer holds the run up no longer than a minute', async () => {
  const timers = new Timers();
  const { session, comparison, own, others } = open((other) => {
    other.isSlow = true;
  }, timers);
  await session.start(settingsOf());
  own().advance(200);
  await until(() => others.length === 1, 'the first is loading');
  timers.pass(59_000);
  await settle();
  assert.deepEqual([own().state, others.length], ['paused', 1]);
  timers.pass(1000);
  // The fake does not know that it is gone.
  others[0]!.finishLoading();
  await until(() => others.length === 2, 'the second is loading');
  assert.equal(comparison.stateOf('labels-only-augmented'), 'failed');
  timers.pass(60_000);
  others[1]!.finishLoading();
  await until(() => own().state === 'running', 'the run goes on');
});

describe('a command while another has its turn', () => {
  /** In the first other's turn, which does not end by itself. */
  async function inTurn(): Promise<Page> {
    const page = open((other) => {
      other.isEager = false;
    });
    await page.session.start(settingsOf());
    page.own().advance(200);
    await until(() => page.others[0]?.state === 'running', 'a turn');
    assert.equal(page.own().state, 'paused');
    assert.equal(page.session.model.state, 'running');
    return page;
  }

  it('pause: both rest, and it is heard', async () => {
    const { session, own, others, states } = await inTurn();
    assert.equal(await session.pause(), 'paused');
    assert.equal(session.model.state, 'paused');
    assert.equal(states.at(-1), 'paused');
    await settle();
    assert.equal(others[0]!.state, 'paused');
    assert.deepEqual([own().state, others.length], ['paused', 1]);
    await session.start(session.model.settings!);
    assert.equal(session.model.state, 'running');
  });

  it('start: the run goes on at once', async () => {
    const { session, own, others } = await inTurn();
    await session.start(session.model.settings!);
    assert.equal(own().state, 'running');
    await settle();
    assert.equal(others[0]!.state, 'paused');
    assert.equal(own().calls.filter(([name]) => name === 'start').length, 2);
  });

  it('step and load: are refused, as while running', async () => {
    const { session } = await inTurn();
    await assert.rejects(session.step(session.model.settings!), { name: 'Busy' });
    await assert.rejects(session.load(new Uint8Array([1]), {}), { name: 'Busy' });
    assert.equal((await session.save()).length, 3);
  });

  it('reset: the others end, and the run rests at its beginning', async () => {
    const { session, own, others } = await inTurn();
    assert.equal(await session.reset(session.model.settings!), 'ready');
    await settle();
    assert.deepEqual([own().state, session.model.state], ['ready', 'ready']);
    assert.ok(others.every(({ isTerminated }) => isTerminated));
  });

  it('the death of the run’s worker: the others end', async () => {
    const { session, own, others } = await inTurn();
    own().die({ kind: 'WorkerDied', message: 'gone' });
    await settle();
    assert.equal(session.model.state, 'failed');
    assert.ok(others.every(({ isTerminated }) => isTerminated));
  });
});

test('a single step is never followed by a turn', async () => {
  const { session, own, others } = open();
  const settings = settingsOf({ evalEvery: 1 });
  for (let step = 0; step < 3; step++) await session.step(settings);
  await settle();
  assert.deepEqual([others.length, own().state, own().done], [0, 'paused', 3]);
});

describe('a measured reference', () => {
  const reference: MeasuredReference = {
    recipe: 'few-labels-no-gan',
    labels: 100,
    draws: 3,
    mean: 0.985,
    steps: 4000,
    dataFingerprint: 'mnist',
  };
  const data = { fingerprint: 'mnist' };
  const find = (more: Partial<Settings>, on: typeof data | null = data): MeasuredReference | null =>
    referenceFor('few-labels-no-gan', completeSettings({ recipe: 'few-labels', ...more }), on, [reference]);

  it('stands in for another draw of as many labels, whatever trains', () => {
    assert.equal(find({}), reference);
    assert.equal(find({ seed: 9, engine: 'wasm', threads: 2, subgroups: true, evalEvery: 0 }), reference);
  });

  it('is none of other labels, settings, steps, recipes or data', () => {
    const others: Partial<Settings>[] = [
      { labels: 20 },
      { balanced: false },
      { steps: 2000 },
      { batch: 64 },
      { discriminatorLr: 1e-3 },
      { float16: true },
    ];
    for (const more of others) assert.equal(find(more), null, JSON.stringify(more));
    assert.equal(find({}, { fingerprint: 'other' }), null);
    assert.equal(find({}, null), null);
    const settings = completeSettings({ recipe: 'few-labels' });
    assert.equal(referenceFor('labels-only-augmented', settings, data, [reference]), null);
  });
});
