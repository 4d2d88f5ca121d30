/** The webgpu engine learns as tfjs does: its accuracy over 1,000 steps beside that of several seeds. */

import { expect } from '@open-wc/testing';
import { loadDataset } from '../../../src/worker/data/load.js';
import type { Engine, EngineInput } from '../../../src/worker/engine/engine.js';
import { createTfjsEngine } from '../../../src/worker/engine/tfjs/index.js';
import { createWebGpuEngine } from '../../../src/worker/engine/webgpu/index.js';
import { buildRecipe } from '../../../src/recipe/build-recipe.js';
import { resolveSettings } from '../../../src/protocol/check-settings.js';
import { makeSplit } from '../../../src/worker/data/split.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

/** Of the networks' channels, so that three runs of tfjs and one in software take minutes. */
const CHANNEL_DIVISOR = 8;
const STEPS = 1000;
const EVAL_EVERY = 200;
const TEST_IMAGES = 2000;

/** Test accuracy after every 200 of 1,000 steps. The engine is disposed. */
async function traceOf(engine: Engine): Promise<readonly number[]> {
  const trace: number[] = [];
  try {
    for (let step = EVAL_EVERY; step <= STEPS; step += EVAL_EVERY) {
      // Bits of a chunk: a software adapter takes seconds for a hundred steps.
      for (let done = 0; done < EVAL_EVERY; done += 20) await engine.advance(20);
      await engine.flush();
      let correct = 0;
      for (let first = 0; first < TEST_IMAGES; first += 200) correct += await engine.countCorrect(first, 200);
      trace.push(correct / TEST_IMAGES);
    }
  } finally {
    engine.dispose();
  }
  return trace;
}

describeWebGpu('the webgpu engine over 1,000 steps of the notebook', () => {
  it('has an accuracy within the spread of the tfjs engine’s seeds', async function () {
    this.timeout(540_000);
    const dataset = await loadDataset({
      dataUrl: new URL('/data/', location.href).href,
      fetch: (input, init) => fetch(input, init),
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    const inputOf = (seed: number): EngineInput => {
      const settings = resolveSettings({ recipe: 'notebook', seed });
      const recipe = buildRecipe(settings, dataset, { channelDivisor: CHANNEL_DIVISOR });
      return { recipe, settings, dataset, split: makeSplit(dataset, settings) };
    };
    const traces: (readonly number[])[] = [];
    for (const seed of [1, 2, 3]) traces.push(await traceOf(await createTfjsEngine('wasm', inputOf(seed))));
    const own = await traceOf(await createWebGpuEngine(inputOf(1)));
    const told = `${own.join(' ')} beside ${traces.map((trace) => trace.join(' ')).join(' | ')}`;
    own.forEach((accuracy, index) => {
      const seen = traces.map((trace) => trace[index]!);
      const [lowest, highest] = [Math.min(...seen), Math.max(...seen)];
      // Three seeds are few: as much again as lies between them, and two points at least.
      const margin = Math.max(highest - lowest, 0.02);
      expect(accuracy, `step ${(index + 1) * EVAL_EVERY}: ${told}`).to.be.within(
        lowest - margin,
        highest + margin,
      );
    });
  });
});
