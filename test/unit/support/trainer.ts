/** A trainer on fake surroundings: tiny data, fake engine, a clock that tests move. */

import type { MetricsReport, Report, TrainerState } from '../../../src/protocol/reports.js';
import { PROTOCOL_VERSION } from '../../../src/protocol/trainer-api.js';
import type { SettingsInput } from '../../../src/protocol/settings.js';
import type { EngineEntry } from '../../../src/worker/engine/engine-entry.js';
import { buildRecipe } from '../../../src/recipe/build-recipe.js';
import { PLAIN_KERNELS } from '../../../src/worker/spread/kernels.js';
import { Trainer, type TrainerOptions } from '../../../src/worker/commands/trainer.js';
import { fetchOf, tinyFiles } from './data.js';
import { fakeTable, type FakeEngineOptions } from './fake-engine.js';

export const DATA_URL = 'https://example.test/data/';

/** Settings of a run that is over soon. */
export const SHORT: SettingsInput = { recipe: 'notebook', steps: 8, labels: 20, batch: 10, evalEvery: 4 };

export class Clock {
  ms = 0;
  readonly now = (): number => this.ms;
}

export interface TestTrainer {
  readonly trainer: Trainer;
  readonly reports: Report[];
  readonly states: () => TrainerState[];
  readonly of: <T extends Report['type']>(type: T) => Extract<Report, { type: T }>[];
  readonly state: () => TrainerState;
  /** Resolves when the state is reached; at once when it is the state already. */
  readonly reached: (state: TrainerState) => Promise<void>;
}

export interface TestTrainerOptions extends Partial<TrainerOptions> {
  readonly table?: readonly EngineEntry[];
  readonly clock?: Clock;
}

/** An open trainer whose reports are delivered at once; networks an eighth of the notebook's. */
export async function openTrainer(options: TestTrainerOptions = {}): Promise<TestTrainer> {
  const { table = fakeTable().table, clock = new Clock(), ...overrides } = options;
  const reports: Report[] = [];
  const waiting: { readonly state: TrainerState; readonly resolve: () => void }[] = [];
  let state: TrainerState = 'idle';
  const trainer = new Trainer({
    engines: table,
    buildRecipe: (settings, data, options) => buildRecipe(settings, data, { ...options, channelDivisor: 16 }),
    spreadKernels: () => PLAIN_KERNELS,
    fetch: fetchOf(tinyFiles()),
    now: clock.now,
    schedule: (callback) => void queueMicrotask(callback),
    yieldToCommands: () => new Promise((resolve) => setImmediate(resolve)),
    exportModel: () => Promise.resolve([]),
    ...overrides,
  });
  await trainer.open({ protocolVersion: PROTOCOL_VERSION, dataUrl: DATA_URL }, (batch) => {
    for (const report of batch) {
      reports.push(report);
      if (report.type !== 'state') continue;
      state = report.state;
      for (const { resolve } of waiting.filter((entry) => entry.state === state)) resolve();
    }
  });
  return {
    trainer,
    reports,
    states: () => reports.filter((report) => report.type === 'state').map((report) => report.state),
    of: <T extends Report['type']>(type: T) =>
      reports.filter((report): report is Extract<Report, { type: T }> => report.type === type),
    state: () => state,
    reached: (wanted) =>
      state === wanted
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ state: wanted, resolve })),
  };
}

/** Every step's scalars, whatever chunks they came in: one row a step. */
export function rowsOf(metrics: readonly MetricsReport[]): number[][] {
  return metrics.flatMap(({ steps, values }) => {
    const width = values.length / steps;
    return Array.from({ length: steps }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
  });
}

/** Runs `SHORT` to its end in one go. */
export async function runUnbroken(options: FakeEngineOptions = {}): Promise<TestTrainer> {
  const whole = await openTrainer({ table: fakeTable(options).table });
  await whole.trainer.start(SHORT);
  await whole.reached('finished');
  return whole;
}
