/**
 * The device goes on purpose in every state of the command table, and while images are made: the run goes on as in
 * `test/worker/webgpu-recovery.test.ts`. A fresh device compiles everything anew, so one run loses its device often.
 */

import { expect } from '@open-wc/testing';
import type { SettingsInput } from '../../../src/protocol/settings.js';
import { Devices, FAILURES, type Failure } from '../../worker/support/failing-devices.js';
import {
  finish,
  makeReady,
  openOn,
  outcomeOf,
  replacements,
  runUnbroken,
  SETTINGS,
} from '../../worker/support/lost-run.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

describeWebGpu('a run whose device goes in any state', () => {
  it('is the unbroken run where the device goes while loading, ready, paused, running and finished', async function () {
    this.timeout(300_000);
    const devices = new Devices();
    const unbroken = await runUnbroken(SETTINGS);
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

  it('is the unbroken run, images included, where the device goes while they are made', async function () {
    this.timeout(300_000);
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
});
