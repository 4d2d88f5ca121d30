/** What the page knows of a run, from reports; the session's commands; the files that are saved. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unzipSync } from 'fflate';
import type { EvaluationReport, Report, TrainerState } from '../../../src/protocol/reports.js';
import { baselineAt, Baselines } from '../../../src/ui/charts/baselines.js';
import { RunModel } from '../../../src/ui/element/run-model.js';
import { fileName, metricsCsv, zipFiles } from '../../../src/ui/element/saved-files.js';
import { completeSettings } from '../../../src/protocol/check-settings.js';
import { TrainerSession } from '../../../src/ui/trainer-session.js';
import { planStages, spanAt, stageSpans } from '../../../src/ui/element/stage-progress.js';
import { evaluationAt, FakeTrainer, gridAt, runOf, spreadAt } from '../../ui/support/fake-trainer.js';

const NOTEBOOK = completeSettings({ recipe: 'notebook' });
const settings = completeSettings({ recipe: 'notebook', steps: 400 });
const state = (name: TrainerState, step = 0): Report => ({ type: 'state', state: name, step, error: null });

function take(model: RunModel, ...reports: Report[]): void {
  for (const report of reports) model.take(report);
}

function makeSession() {
  const fakes: FakeTrainer[] = [];
  const states: TrainerState[] = [];
  const session = new TrainerSession({
    createClient: (hooks) => {
      const fake = new FakeTrainer(hooks);
      fakes.push(fake);
      return fake;
    },
    onReport: () => undefined,
    onBatch: () => undefined,
    onState: (to) => states.push(to),
  });
  return { session, fakes, states };
}

test('settings that come while loading begin a new run, others only raise its steps', () => {
  const model = new RunModel();
  take(
    model,
    state('loading'),
    { type: 'settings', settings, scheduleSteps: null },
    state('running'),
    evaluationAt(1, settings),
  );
  take(model, { type: 'settings', settings: { ...settings, steps: 800 }, scheduleSteps: 400 });
  assert.equal(model.evaluations.length, 1);
  assert.equal(model.settings!.steps, 800);
  assert.equal(model.scheduleEnd, 400);
  take(model, state('loading'), { type: 'settings', settings, scheduleSteps: null });
  assert.equal(model.evaluations.length, 0);
});

test('steps that are made again are known until they are made, or the run rests', () => {
  const model = new RunModel();
  const replay = (isUnderWay: boolean): Report => ({
    type: 'replay',
    stepsMade: 3,
    stepsTotal: 9,
    isUnderWay,
  });
  take(model, state('running', 20), replay(true));
  assert.equal(model.replay?.stepsTotal, 9);
  assert.equal(model.step, 20);
  take(model, replay(false));
  assert.equal(model.replay, null);
  take(model, replay(true), state('paused', 20));
  assert.equal(model.replay, null);
});

test('time that went into a run is known before any evaluation', () => {
  const model = new RunModel();
  const steps = (firstStep: number): Report => ({
    type: 'metrics',
    firstStep,
    steps: 50,
    values: new Float32Array(50),
    stepsPerSecond: 2,
  });
  take(model, state('loading'), { type: 'settings', settings, scheduleSteps: null }, state('running'));
  assert.equal(model.trainedMs, 0);
  take(model, steps(1), steps(51));
  assert.equal(model.trainedMs, 50_000);
  take(model, { ...evaluationAt(100, settings), elapsedMs: 80_000 });
  assert.equal(model.trainedMs, 80_000);
  take(model, steps(101));
  assert.equal(model.trainedMs, 105_000);
  take(model, state('loading'), { type: 'settings', settings, scheduleSteps: null });
  assert.equal(model.trainedMs, 0);
});

test('a note is of the run that stands: a run made anew has none', () => {
  const model = new RunModel();
  take(model, state('loading'), { type: 'settings', settings, scheduleSteps: null });
  take(model, { type: 'note', note: 'checkpointWithoutDigest' }, state('paused', 7));
  assert.equal(model.note, 'checkpointWithoutDigest');
  take(model, state('loading'), { type: 'settings', settings, scheduleSteps: null });
  assert.equal(model.note, null);
});

test('real images outlive a reset, generated ones do not', () => {
  const model = new RunModel();
  const images = (source: 'real' | 'generated'): Report => ({
    type: 'images',
    source,
    step: 0,
    grid: gridAt(0, 1, 1),
  });
  take(model, images('real'), images('generated'));
  take(model, state('loading'), { type: 'settings', settings, scheduleSteps: null });
  assert.notEqual(model.real, null);
  assert.equal(model.generated, null);
});

test('an evaluation is known to be under way where one is due', () => {
  const model = new RunModel();
  take(model, state('loading'), { type: 'settings', settings, scheduleSteps: null }, state('running'));
  assert.equal(model.isEvaluating, false);
  assert.equal(model.nextEvaluation, 1);
  take(model, state('running', 200));
  assert.equal(model.isEvaluating, true);
  take(model, evaluationAt(200, settings));
  assert.equal(model.isEvaluating, false);
  assert.equal(model.nextEvaluation, 400);
  take(model, state('finished', 400));
  assert.equal(model.nextEvaluation, null);
});

test('nothing is made for commands that need no worker', async () => {
  const { session, fakes } = makeSession();
  assert.equal(await session.pause(), 'idle');
  assert.equal(await session.reset(settings), 'idle');
  await assert.rejects(session.save(), { name: 'NothingToSave' });
  assert.equal(fakes.length, 0);
});

test('a run without steps is made anew for changed settings, one with steps goes on', async () => {
  const { session, fakes } = makeSession();
  await session.start(settings);
  await session.reset(settings);
  await session.start({ ...settings, seed: 2 });
  assert.deepEqual(
    fakes[0]!.calls.map(([name]) => name),
    ['start', 'reset', 'reset', 'start'],
  );
  await session.pause();
  await session.start({ ...settings, seed: 3 });
  assert.deepEqual(
    fakes[0]!.calls.slice(4).map(([name]) => name),
    ['pause', 'start'],
  );
});

test('after a death commands are refused until a reset, which gets a fresh worker', async () => {
  const { session, fakes, states } = makeSession();
  await session.start(settings);
  fakes[0]!.die({ kind: 'WorkerDied', message: 'gone' });
  assert.equal(session.model.state, 'failed');
  await assert.rejects(session.start(settings), { name: 'RunFailed', message: /WorkerDied: gone/ });
  await assert.rejects(session.step(settings), { name: 'RunFailed' });
  await assert.rejects(session.save(), { name: 'NothingToSave' });
  assert.equal(await session.pause(), 'failed');
  assert.equal(await session.reset(settings), 'idle');
  assert.equal(await session.start(settings), 'running');
  assert.equal(fakes.length, 2);
  assert.deepEqual(states, ['loading', 'running', 'failed', 'idle', 'loading', 'running']);
});

test('a run that failed while its worker lives can still be saved', async () => {
  const { session, fakes } = makeSession();
  await session.start(settings);
  fakes[0]!.fail({ kind: 'NonFiniteLoss', message: 'diverged' });
  assert.equal(session.canSave, true);
  assert.equal((await session.save()).length, 3);
});

test('what an ended client still reports is not heard', async () => {
  const { session, fakes } = makeSession();
  await session.start(settings);
  session.end();
  fakes[0]!.isTerminated = false;
  fakes[0]!.advance(1);
  fakes[0]!.die({ kind: 'WorkerDied', message: 'late' });
  assert.equal(session.model.state, 'idle');
  assert.equal(session.model.step, 0);
});

/** What fakes train on. */
const { data: DATA } = runOf({ recipe: 'notebook' });

test('a baseline is that of the same labelled draws of the same data', () => {
  const baselines = new Baselines();
  const labelsOnly = completeSettings({ recipe: 'labels-only' });
  const evaluations = [evaluationAt(1, labelsOnly), evaluationAt(200, labelsOnly)];
  baselines.remember(labelsOnly, DATA, evaluations);
  assert.equal(baselines.of(NOTEBOOK, DATA), evaluations);
  assert.deepEqual(baselines.of({ ...NOTEBOOK, seed: 2 }, DATA), []);
  assert.deepEqual(baselines.of({ ...NOTEBOOK, labels: 100 }, DATA), []);
  assert.deepEqual(baselines.of(labelsOnly, DATA), []);
  assert.deepEqual(
    baselines.of(NOTEBOOK, { fingerprint: 'other images' }),
    [],
    'of another element on the page',
  );
  assert.deepEqual(baselines.of(NOTEBOOK, null), [], 'its data are not known yet');
  assert.equal(baselineAt(evaluations, 199)!.step, 1);
  assert.equal(baselineAt(evaluations, 0), null);
});

test('few labels have a baseline of their own, and one without GAN', () => {
  const baselines = new Baselines();
  const few = completeSettings({ recipe: 'few-labels' });
  const evaluations = new Map(
    (['labels-only-augmented', 'few-labels-no-gan', 'few-labels-no-look', 'labels-only'] as const).map(
      (recipe) => {
        const other = completeSettings({ ...few, recipe });
        const found = [evaluationAt(2000, other)];
        baselines.remember(other, DATA, found);
        return [recipe, found];
      },
    ),
  );
  assert.equal(baselines.of(few, DATA), evaluations.get('labels-only-augmented'));
  assert.equal(baselines.withoutGan(few, DATA), evaluations.get('few-labels-no-gan'));
  const withoutGan = { ...few, recipe: 'few-labels-no-gan' } as const;
  assert.equal(baselines.of(withoutGan, DATA), evaluations.get('labels-only-augmented'));
  assert.deepEqual(baselines.withoutGan(withoutGan, DATA), []);
  assert.deepEqual(baselines.withoutGan(NOTEBOOK, DATA), []);
  assert.deepEqual(baselines.of({ ...few, seed: 2 }, DATA), []);
});

test('labels are known to be spread from the end of the stage before until their report comes', () => {
  const few = completeSettings({ recipe: 'few-labels', steps: 400 });
  const model = new RunModel();
  take(model, state('loading'), { type: 'settings', settings: few, scheduleSteps: 400 }, runOf(few));
  take(model, state('running', 159));
  assert.equal(model.isSpreading, false);
  take(model, state('running', 160));
  assert.equal(model.isSpreading, true);
  take(model, state('paused', 160));
  assert.equal(model.isSpreading, false);
  take(model, state('running', 160), spreadAt(160));
  assert.equal(model.isSpreading, false);
  assert.equal(model.map?.step, 160);
  take(model, state('running', 176));
  assert.equal(model.isSpreading, true, 'before the second time');
});

test('evaluations from before a load are shown, but tell nothing of how fast this machine is', () => {
  const model = new RunModel();
  take(model, state('loading'), { type: 'settings', settings, scheduleSteps: null }, runOf(settings));
  take(model, { type: 'history', evaluations: [evaluationAt(1, settings), evaluationAt(200, settings)] });
  take(model, state('running', 200), evaluationAt(400, settings));
  assert.deepEqual(
    model.evaluations.map(({ step }) => step),
    [1, 200, 400],
  );
  assert.deepEqual(
    model.ownEvaluations.map(({ step }) => step),
    [400],
  );
  assert.deepEqual(model.losses.columns().steps, [1, 200]);
});

test('the stages of a run are one where they have one key, and end with the run', () => {
  const { stages } = planStages(completeSettings({ recipe: 'few-labels', steps: 400 }));
  assert.deepEqual(stages, runOf({ recipe: 'few-labels', steps: 400 }).stages);
  const ends = (steps: number): unknown[] =>
    stageSpans(stages, steps).map(({ key, first, end }) => [key, first, end]);
  assert.deepEqual(ends(400), [
    ['look', 0, 160],
    ['spread', 160, 192],
    ['learn', 192, 340],
    ['draw', 340, 400],
  ]);
  assert.deepEqual(ends(800), [
    ['look', 0, 160],
    ['spread', 160, 192],
    ['learn', 192, 340],
    ['draw', 340, 800],
  ]);
  assert.deepEqual(ends(170), [
    ['look', 0, 160],
    ['spread', 160, 170],
  ]);
  assert.deepEqual(
    [0, 159, 160, 400].map((step) => spanAt(stageSpans(stages, 400), step)!.key),
    ['look', 'look', 'spread', 'draw'],
  );
});

test('metrics are CSV with a line an evaluation, a column a loss, and empty fields where there is no value', () => {
  const evaluation: EvaluationReport = {
    ...evaluationAt(1, { recipe: 'labels-only' }),
    losses: { discriminatorLoss: 0.25, mixLoss: 3 },
    testAccuracy: 0.5,
    elapsedMs: 7,
  };
  const other = { ...evaluation, losses: { discriminatorLoss: 0.5 } };
  const [head, line, next, end] = metricsCsv([evaluation, other]).split('\r\n');
  assert.equal(head, 'step,trainAccuracy,meanTrainAccuracy,testAccuracy,discriminatorLoss,mixLoss,elapsedMs');
  assert.match(line!, /^1,1,[\d.]+,0\.5,0\.25,3,7$/);
  assert.match(next!, /^1,1,[\d.]+,0\.5,0\.5,,7$/);
  assert.equal(end, '');
});

test('a zip holds its files by their paths', () => {
  const bytes = new TextEncoder().encode('{"a":1}');
  const files = unzipSync(zipFiles([{ path: 'generator/model.json', bytes }]));
  assert.deepEqual(Object.keys(files), ['generator/model.json']);
  assert.deepEqual([...files['generator/model.json']!], [...bytes]);
});

test('a file’s name says which run it is of', () => {
  assert.equal(fileName(settings, 200, 'samples', 'png'), 'sgan-notebook-seed1-step200-samples.png');
});
