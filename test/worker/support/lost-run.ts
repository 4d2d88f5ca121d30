/** A run under the real trainer whose device goes when a test says so, and what it ends with. */

import { expect } from '@open-wc/testing';
import type { SettingsInput } from '../../../src/protocol/settings.js';
import { readCheckpoint } from '../../../src/worker/checkpoint/checkpoint.js';
import { createYield } from '../../../src/worker/commands/yield.js';
import { openTrainer, rowsOf, type TestTrainer } from '../../unit/support/trainer.js';
import { Devices } from './failing-devices.js';

export const SETTINGS: SettingsInput = {
  engine: 'webgpu',
  recipe: 'labels-only',
  steps: 9,
  labels: 20,
  batch: 10,
  evalEvery: 3,
  seed: 8,
};

export function openOn({ table, clock }: Devices): Promise<TestTrainer> {
  return openTrainer({ table, clock, yieldToCommands: createYield() });
}

export interface Outcome {
  readonly tensors: ReadonlyMap<string, readonly number[]>;
  readonly rows: readonly (readonly number[])[];
  readonly accuracies: readonly number[];
}

/** What a run can save, and has reported. */
export async function outcomeOf({ trainer, of }: TestTrainer): Promise<Outcome> {
  const { tensors } = readCheckpoint(await trainer.save());
  return {
    tensors: new Map(Array.from(tensors, ([name, { values }]) => [name, [...values]] as const)),
    rows: rowsOf(of('metrics')),
    accuracies: of('evaluation').map(({ testAccuracy }) => testAccuracy),
  };
}

export async function finish(run: TestTrainer): Promise<Outcome> {
  await run.trainer.start({});
  await run.reached('finished');
  return outcomeOf(run);
}

/** Engines that took over, in order. */
export function replacements({ of }: TestTrainer): readonly string[] {
  return of('engine').flatMap(({ reason, engine }) => (reason === 'deviceLost' ? [engine] : []));
}

/** Ready at step 0. */
export async function makeReady({ trainer }: TestTrainer, settings: SettingsInput): Promise<void> {
  const started = trainer.start(settings);
  await trainer.pause();
  expect(await started).to.equal('ready');
}

export async function runUnbroken(settings: SettingsInput): Promise<Outcome> {
  const devices = new Devices();
  const run = await openOn(devices);
  await makeReady(run, settings);
  const outcome = await finish(run);
  expect(devices.opened.length).to.equal(1);
  expect(outcome.rows.length).to.equal(9);
  expect(outcome.accuracies.length).to.equal(4);
  return outcome;
}
