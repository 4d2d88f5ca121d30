/** The benchmark's plain yardstick of the recipe for few labels, for a round on tiny data. */

import { expect } from '@open-wc/testing';
import type { ContenderName } from '../../../src/protocol/benchmark/contenders.js';
import { fixedTurns } from '../../../src/protocol/benchmark/pacing.js';
import type { BenchmarkResult } from '../../../src/protocol/benchmark/report.js';
import { oneStage } from '../../../src/recipe/one-stage.js';
import { measure } from '../../../src/worker/benchmark/measure.js';
import { stageInputs } from '../../../src/worker/benchmark/stage-inputs.js';
import type { TfjsBackend } from '../../../src/worker/engine/tfjs/index.js';
import { createWasmEngine } from '../../../src/worker/engine/wasm/index.js';
import { forEachBackend } from './backends.js';
import { tinyInput } from './tiny.js';

/** What is known of a contender at the end. */
async function measureRound(engine: ContenderName, stage: string): Promise<BenchmarkResult> {
  const whole = tinyInput('few-labels');
  const input = { ...whole, recipe: oneStage(whole.recipe, stage) };
  const wasm = await createWasmEngine(input, { threads: 1 });
  const reference = { step: await wasm.inspectStep(), inputs: await stageInputs(wasm, input), next: null };
  wasm.dispose();
  let last: BenchmarkResult | null = null;
  await measure({
    contenders: [{ engine, threads: null }],
    recipe: 'few-labels',
    stage,
    batch: null,
    pacing: fixedTurns(1),
    wantsOperations: false,
    // Whose device is there already has no calls to count.
    ground: { input, gpu: undefined, peers: {} },
    reference,
    alongside: () => undefined,
    emit: (event) => {
      if (event.type === 'result') last = event.result;
    },
  });
  return last!;
}

/** A software GPU compiles some hundred shaders first. */
const LIMIT_MS = 10 * 60_000;

/** Tests on each of the backends. */
export function testPlainFewLabels(backends: readonly TfjsBackend[]): void {
  forEachBackend(
    'the plain yardstick of few-labels',
    (backend) => {
      for (const stage of ['look', 'learn']) {
        it(`is measured for a round, and computes the step ${stage} of wasm`, async function () {
          this.timeout(LIMIT_MS);
          const result = await measureRound(`tfjs-${backend}`, stage);
          const { failure, msPerStep, steps, difference, evaluationCorrect } = result;
          expect(failure).to.equal(null);
          expect(msPerStep!.min).to.be.above(0);
          expect(steps).to.be.above(0);
          expect(evaluationCorrect).to.be.within(0, 100);
          expect(difference!.losses).to.be.below(1e-4);
          expect(difference!.gradients).to.be.below(1e-3);
          expect(difference!.logits ?? 0).to.be.below(1e-4);
        });
      }
    },
    backends,
  );
}
