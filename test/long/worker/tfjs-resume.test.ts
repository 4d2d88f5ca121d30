/** A run that is taken up again goes on as if it had never stopped. */

import { expect } from '@open-wc/testing';
import type { RecipeName } from '../../../src/recipe/recipes.js';
import type { Engine, EngineState, StepMetrics } from '../../../src/worker/engine/engine.js';
import { createTfjsEngine, type TfjsBackend } from '../../../src/worker/engine/tfjs/index.js';
import { forEachBackend } from '../../worker/support/backends.js';
import { exactZerosOf } from '../../support/exact-zeros.js';
import { expectClose, expectIdentical } from '../../worker/support/compare.js';
import { tinyInput } from '../../worker/support/tiny.js';

interface Outcome {
  readonly state: EngineState;
  readonly metrics: readonly StepMetrics[];
}

/** Makes `steps` updates on a new engine, which goes on from `from` where it is given. */
async function run(
  backend: TfjsBackend,
  recipe: RecipeName,
  steps: number,
  from?: EngineState,
  before: (engine: Engine) => Promise<unknown> = () => Promise.resolve(),
): Promise<Outcome> {
  const engine = await createTfjsEngine(backend, tinyInput(recipe));
  try {
    if (from !== undefined) await engine.importState(from);
    await before(engine);
    const metrics = await engine.advance(steps);
    return { metrics, state: await engine.exportState() };
  } finally {
    engine.dispose();
  }
}

forEachBackend('a resumed run', (backend) => {
  for (const recipe of ['notebook', 'notebook-as-run'] as const) {
    it(`equals an unbroken one bit for bit (${recipe})`, async () => {
      const unbroken = await run(backend, recipe, 4);
      const half = await run(backend, recipe, 2);
      const resumed = await run(backend, recipe, 2, half.state);
      expect(resumed.state.step).to.equal(4);
      expectIdentical(resumed.state.tensors, unbroken.state.tensors);
      const valuesOf = ({ metrics }: Outcome): number[][] => metrics.map(({ values }) => Array.from(values));
      expect([...valuesOf(half), ...valuesOf(resumed)]).to.deep.equal(valuesOf(unbroken));
    });
  }

  it('is not changed by looking at it', async () => {
    const plain = await run(backend, 'notebook', 2);
    const lookedAt = await run(backend, 'notebook', 2, undefined, async (engine) => {
      await engine.countCorrect(0, 20);
      await engine.generate(new Float32Array(200), 2);
      await engine.inspectStep();
      await engine.exportState();
    });
    expectIdentical(lookedAt.state.tensors, plain.state.tensors);
  });

  it('goes on from the state of another engine', async () => {
    const half = await run('cpu', 'notebook', 1);
    const moved = await run(backend, 'notebook', 1, half.state);
    const stayed = await run('cpu', 'notebook', 1, half.state);
    const isNoise = exactZerosOf(tinyInput('notebook').recipe);
    // Adam's first steps are signs, so single elements may go the other way: compare what is smooth.
    const smooth = (state: EngineState): EngineState['tensors'] =>
      new Map([...state.tensors].filter(([name]) => /moving_|adam\/m\//.test(name) && !isNoise(name)));
    expectClose(smooth(moved.state), smooth(stayed.state), () => 1e-3);
  });

  it('of another seed is another run: the comparison can fail', async () => {
    const { state } = await run(backend, 'notebook', 1);
    const engine = await createTfjsEngine(backend, tinyInput('notebook', { seed: 2 }));
    try {
      await engine.advance(1);
      const other = await engine.exportState();
      expect(() => expectIdentical(other.tensors, state.tensors)).to.throw('differs at element');
    } finally {
      engine.dispose();
    }
  });
});
