/**
 * The device goes on purpose in every state of the command table, under the real trainer: the run goes on
 * on a fresh device, says so, reports nothing twice, and ends with the bits of an unbroken run. A fresh device
 * compiles everything anew, so one run loses its device many times.
 */

import { expect } from '@open-wc/testing';
import type { SettingsInput } from '../../src/protocol/settings.js';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { createYield } from '../../src/worker/commands/yield.js';
import { openTrainer, rowsOf, type TestTrainer } from '../unit/support/trainer.js';
import { Devices, FAILURES, type Failure } from './support/failing-devices.js';
import { describeWebGpu } from './support/webgpu.js';

const SETTINGS: SettingsInput = {
  engine: 'webgpu',
  recipe: 'labels-only',
  steps: 9,
  labels: 20,
  batch: 10,
  evalEvery: 3,
  seed: 8,
};

function openOn({ table, clock }: Devices): Promise<TestTrainer> {
  return openTrainer({ table, clock, yieldToCommands: createYield() });
}

interface Outcome {
  readonly tensors: ReadonlyMap<string, readonly number[]>;
  readonly rows: readonly (readonly number[])[];
  readonly accuracies: readonly number[];
}

/** What a run can save, and has reported. */
async function outcomeOf({ trainer, of }: TestTrainer): Promise<Outcome> {
  const { tensors } = readCheckpoint(await trainer.save());
  return {
    tensors: new Map(Array.from(tensors, ([name, { values }]) => [name, [...values]] as const)),
    rows: rowsOf(of('metrics')),
    accuracies: of('evaluation').map(({ testAccuracy }) => testAccuracy),
  };
}

async function finish(run: TestTrainer): Promise<Outcome> {
  await run.trainer.start({});
  await run.reached('finished');
  return outcomeOf(run);
}

/** Engines that took over, in order. */
function replacements({ of }: TestTrainer): readonly string[] {
  return of('engine').flatMap(({ reason, engine }) => (reason === 'deviceLost' ? [engine] : []));
}

/** Ready at step 0. */
async function makeReady({ trainer }: TestTrainer, settings: SettingsInput): Promise<void> {
  const started = trainer.start(settings);
  await trainer.pause();
  expect(await started).to.equal('ready');
}

async function runUnbroken(settings: SettingsInput): Promise<Outcome> {
  const devices = new Devices();
  const run = await openOn(devices);
  await makeReady(run, settings);
  const outcome = await finish(run);
  expect(devices.opened.length).to.equal(1);
  expect(outcome.rows.length).to.equal(9);
  expect(outcome.accuracies.length).to.equal(4);
  return outcome;
}

describeWebGpu('a run whose device goes', () => {
  let unbroken: Outcome;
  before(async () => {
    unbroken = await runUnbroken(SETTINGS);
  });

  it('is the unbroken run where the device goes while loading, ready, paused, running and finished', async () => {
    const devices = new Devices();
    const run = await openOn(devices);
    let losses = 0;
    const expectReplaced = (): void => {
      losses++;
      expect(devices.awaited).to.deep.equal([]);
      expect(replacements(run)).to.deep.equal(new Array(losses).fill('webgpu'));
    };
    // The second export of a run is the first state that it keeps; the first is the engine's own.
    devices.awaited.push('exportState');
    await makeReady(run, SETTINGS);
    expect(devices.opened.length, 'a device that goes before its engine is there is not told').to.equal(2);

    devices.fail();
    expect(await run.trainer.step({})).to.equal('paused');
    expectReplaced();
    for (const how of Object.keys(FAILURES) as Failure[]) {
      devices.fail(how);
      expect(await run.trainer.step({})).to.equal('paused');
      expectReplaced();
    }

    devices.fail();
    const { tensors: saved } = await outcomeOf(run);
    expect(saved.size).to.be.greaterThan(0);
    expectReplaced();

    devices.awaited.push('advance');
    const { tensors, rows, accuracies } = await finish(run);
    expectReplaced();
    expect({ tensors, rows, accuracies }).to.deep.equal(unbroken);

    devices.fail();
    expect(await outcomeOf(run)).to.deep.equal(unbroken);
    expectReplaced();
    expect(devices.opened.length).to.equal(losses + 2);

    devices.fail();
    expect(await run.trainer.reset(SETTINGS)).to.equal('ready');
    expect([...(await finish(run)).tensors]).to.deep.equal([...unbroken.tensors]);
    expect(replacements(run).length, 'nothing is replaced where all is made anew').to.equal(losses);
  });

  it('is the unbroken run where the device goes during a chunk, an evaluation, the recovery from that, and a save', async () => {
    const devices = new Devices();
    const run = await openOn(devices);
    await makeReady(run, SETTINGS);
    // The flush is the recovery's, which ends the replay of steps with one.
    devices.awaited.push('advance', 'countCorrect', 'flush', 'exportState');
    expect(await finish(run)).to.deep.equal(unbroken);
    expect(devices.awaited).to.deep.equal([]);
    expect(devices.opened.length).to.equal(5);
    expect(replacements(run)).to.deep.equal(['webgpu', 'webgpu', 'webgpu']);
  });

  it('is the unbroken run, images included, where the device goes while they are made', async () => {
    const settings: SettingsInput = { ...SETTINGS, recipe: 'notebook' };
    const whole = await runUnbroken(settings);
    const devices = new Devices();
    const run = await openOn(devices);
    devices.awaited.push('generateGrid');
    await makeReady(run, settings);
    devices.awaited.push('generateGrid');
    expect(await finish(run)).to.deep.equal(whole);
    expect(replacements(run)).to.deep.equal(['webgpu', 'webgpu']);
    const steps = run.of('images').flatMap(({ source, step }) => (source === 'generated' ? [step] : []));
    expect(steps).to.deep.equal([0, 1, 3, 6, 9]);
  });

  it('goes on with the next engine after the fourth loss in ten minutes, and reports no step twice', async () => {
    const devices = new Devices();
    const run = await openOn(devices);
    for (let step = 0; step < 4; step++) await run.trainer.step({ ...SETTINGS, engine: 'auto' });
    devices.areStillborn = true;
    devices.fail();
    const { rows, accuracies } = await finish(run);
    // The one that went, and three that came to nothing.
    expect(devices.opened.length).to.equal(4);
    expect(replacements(run)).to.deep.equal(['wasm']);
    expect(rows.length).to.equal(9);
    expect(accuracies.length).to.equal(4);
    // Up to the loss the numbers are the unbroken run's, after it those of another engine.
    expect(rows.slice(0, 4)).to.deep.equal(unbroken.rows.slice(0, 4));
    expect(readCheckpoint(await run.trainer.save()).progress.step).to.equal(9);
  });

  it('starts on the next engine where no device lives long enough, and says what was passed over', async () => {
    const devices = new Devices();
    devices.areStillborn = true;
    const run = await openOn(devices);
    await run.trainer.step({ ...SETTINGS, engine: 'auto' });
    expect(devices.opened.length).to.equal(4);
    const [{ engine, passedOver }] = run.of('engine') as [ReturnType<typeof run.of<'engine'>>[number]];
    expect(engine).to.equal('wasm');
    expect(passedOver.map((over) => `${over.engine} ${over.reason}`)).to.deep.equal(['webgpu failedToStart']);
  });

  it('fails with the reason where there is no other engine, and can still be saved', async () => {
    const devices = new Devices();
    const run = await openOn(devices);
    await run.trainer.step(SETTINGS);
    devices.areStillborn = true;
    devices.fail();
    const failure = await run.trainer.step({}).then(
      () => null,
      (error: Error) => error,
    );
    expect(failure!.name).to.equal('DeviceLost');
    expect(run.state()).to.equal('failed');
    expect(readCheckpoint(await run.trainer.save()).progress.step).to.equal(1);
  });
});
