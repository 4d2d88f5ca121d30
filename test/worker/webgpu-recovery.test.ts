/**
 * The device goes on purpose, under the real trainer: the run goes on on a fresh device, says so, reports nothing
 * twice, and ends with the bits of an unbroken run. `test/long` has every state of the command table.
 */

import { expect } from '@open-wc/testing';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { Devices } from './support/failing-devices.js';
import {
  finish,
  makeReady,
  openOn,
  replacements,
  runUnbroken,
  SETTINGS,
  type Outcome,
} from './support/lost-run.js';
import { describeWebGpu } from './support/webgpu.js';

describeWebGpu('a run whose device goes', () => {
  let unbroken: Outcome;
  before(async () => {
    unbroken = await runUnbroken(SETTINGS);
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
