/** A headless run from its options to its end, on a trainer that computes nothing. */

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { LostPageError } from '../../../scripts/lib/headless-trainer.mjs';
import { importSource } from '../../../scripts/lib/source-modules.mjs';
import { isOwnFault } from '../../../scripts/lib/sweep-run.mjs';
import { train } from '../../../scripts/lib/train-run.mjs';
import { writeRun } from './support/checkpoint.mjs';

const { completeSettings } = await importSource('src/protocol/check-settings.ts');

async function inFolder(context) {
  const folder = await mkdtemp(path.join(tmpdir(), 'train-'));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** Makes all steps at once; `save(onUpload)` uploads the checkpoint. */
class FakeTrainer extends EventEmitter {
  #onUpload;
  #save;

  constructor({ onUpload }, save) {
    super();
    this.#onUpload = onUpload;
    this.#save = save;
  }

  async open() {}
  async load() {}
  async close() {}
  async saveSamples() {}

  async browserVersion() {
    return 'Chrome/1';
  }

  async start(given) {
    const settings = completeSettings(given);
    const { steps: step } = settings;
    for (const report of [
      { type: 'engine', engine: 'wasm', adapter: '', isSoftware: false, passedOver: [] },
      { type: 'settings', settings, scheduleSteps: null },
      { type: 'state', state: 'running', step: 0 },
      { type: 'state', state: 'finished', step },
    ]) {
      this.emit('report', report);
    }
  }

  save() {
    return this.#save(this.#onUpload);
  }

  async exportModel(folder) {
    await this.#onUpload(`${folder}discriminator/model.json`, '{}');
    return ['discriminator/model.json'];
  }
}

function surroundings(save) {
  const lines = [];
  return {
    lines,
    ...{ readFiles: async () => new Map(), signal: new AbortController().signal, machine: () => ({}) },
    makeTrainer: (given) => new FakeTrainer(given, save),
    display: {
      ...{ line: (text) => lines.push(text), end: (text) => lines.push(text) },
      ...{ stage() {}, total() {}, progress() {}, evaluated() {}, stop() {} },
    },
  };
}

const GIVEN = { recipe: 'few-labels', labels: 20, steps: 1 };

test('a run that has ended before its first accuracy is finished: its networks can be written', async (context) => {
  const out = await inFolder(context);
  await writeRun(out, GIVEN, 1, { unmeasuredSteps: 1 });
  const { lines, ...own } = surroundings();
  await assert.rejects(train({ given: {}, resume: out }, own), /has finished its 1 steps; --steps N goes on/);
  assert.equal(await train({ given: {}, resume: out, export: true }, own), 0);
  assert.match(lines.at(-1), /^Exported .*model\.json$/);
  assert.equal(await readFile(path.join(out, 'model', 'discriminator', 'model.json'), 'utf8'), '{}');
});

test('a folder that takes no files does so on every machine; a page that is lost was lost on one', async (context) => {
  const folder = await inFolder(context);
  const failureOf = async (name, save) => {
    const out = path.join(folder, name);
    const failure = await train({ given: GIVEN, out }, surroundings(save)).catch((error) => error);
    assert.equal(failure.name, 'UsageError');
    assert.match(failure.message, new RegExp(`^Writing to .*${name} failed: `));
    return failure;
  };
  const full = await failureOf('full', async (onUpload) => {
    await mkdir(path.join(folder, 'full', 'checkpoint.safetensors'));
    // The page hears words alone.
    await onUpload('checkpoint.safetensors', 'bytes').catch(({ message }) => {
      throw new Error(message);
    });
  });
  assert.match(full.message, /failed: E\w+: .*checkpoint\.safetensors/);
  assert.ok(isOwnFault(full));
  const lost = await failureOf('lost', async () => {
    throw new LostPageError('The browser has ended.');
  });
  assert.ok(!isOwnFault(lost));
});
