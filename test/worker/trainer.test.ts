/** The trainer on real engines, with networks an eighth of the notebook's and a tiny data set. */

import { expect } from '@open-wc/testing';
import type { SettingsInput } from '../../src/protocol/settings.js';
import { readCheckpoint } from '../../src/worker/checkpoint/checkpoint.js';
import { ENGINES } from '../../src/worker/engine/engine-table.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { createYield } from '../../src/worker/commands/yield.js';
import { openTrainer, type TestTrainer } from '../unit/support/trainer.js';

const SMALL: SettingsInput = { engine: 'tfjs-wasm', steps: 8, labels: 20, batch: 10, evalEvery: 3, seed: 4 };

function openReal(): Promise<TestTrainer> {
  return openTrainer({
    engines: ENGINES,
    buildRecipe: (settings, data, options) => buildRecipe(settings, data, { ...options, channelDivisor: 8 }),
    now: () => performance.now(),
    yieldToCommands: createYield(),
  });
}

async function tensorsOf({ trainer }: TestTrainer): Promise<Map<string, number[]>> {
  const { tensors } = readCheckpoint(await trainer.save());
  return new Map(Array.from(tensors, ([name, { values }]) => [name, [...values]] as const));
}

/** Every scalar of every step. */
function scalarsOf({ of }: TestTrainer): number[] {
  return of('metrics').flatMap(({ values }) => [...values]);
}

describe('trainer on tfjs-wasm', () => {
  it('resumes a run to the bits, scalars and accuracies of an unbroken one', async () => {
    const whole = await openReal();
    await whole.trainer.start(SMALL);
    await whole.reached('finished');

    const first = await openReal();
    for (let step = 0; step < 4; step++) await first.trainer.step(SMALL);
    const second = await openReal();
    expect(await second.trainer.load(await first.trainer.save(), {})).to.equal('paused');
    await second.trainer.start({});
    await second.reached('finished');

    expect(await tensorsOf(second)).to.deep.equal(await tensorsOf(whole));
    expect(scalarsOf(second)).to.deep.equal(scalarsOf(whole).slice(4 * whole.of('run')[0]!.metrics.length));
    const accuracies = (run: TestTrainer): number[] =>
      run.of('evaluation').map(({ testAccuracy }) => testAccuracy);
    expect([...accuracies(first), ...accuracies(second)]).to.deep.equal(accuracies(whole));
  });

  it('gives the same run after a reset to the same seed, and another one for another seed', async () => {
    const run = await openReal();
    await run.trainer.start(SMALL);
    await run.reached('finished');
    const first = await tensorsOf(run);
    for (const [seed, isSame] of [
      [4, true],
      [5, false],
    ] as const) {
      await run.trainer.reset({ ...SMALL, seed });
      await run.trainer.start({});
      await run.reached('finished');
      const kernel = (await tensorsOf(run)).get('discriminator/conv2/kernel');
      const wanted = first.get('discriminator/conv2/kernel');
      if (isSame) expect(kernel).to.deep.equal(wanted);
      else expect(kernel).to.not.deep.equal(wanted);
    }
  });

  it('moves a run to another engine, where it goes on', async () => {
    const first = await openReal();
    for (let step = 0; step < 2; step++) await first.trainer.step(SMALL);
    const saved = await first.trainer.save();
    await first.trainer.load(saved, { engine: 'tfjs-cpu' });
    expect(first.of('engine').at(-1)!.engine).to.equal('tfjs-cpu');
    expect(await first.trainer.step({})).to.equal('paused');
    expect(first.of('state').at(-1)!.step).to.equal(3);
  });

  it('takes wasm for auto where the only adapter is software, and says why', async () => {
    const { trainer, of } = await openReal();
    await trainer.step({ ...SMALL, engine: 'auto' });
    const { engine, reason, passedOver } = of('engine')[0]!;
    expect([engine, reason]).to.deep.equal(['wasm', 'fallback']);
    expect(passedOver.map((over) => `${over.engine} ${over.reason}`)).to.deep.equal([
      'webgpu softwareAdapter',
      'tfjs-webgpu softwareAdapter',
    ]);
    expect(passedOver[0]!.detail).to.match(/swiftshader/i);
  });
});
