/** The engine's gradients against central differences of its own losses, on the cpu backend. */

import { expect } from '@open-wc/testing';
import type { RecipeName } from '../../../src/recipe/recipes.js';
import type { Engine } from '../../../src/worker/engine/engine.js';
import { createTfjsEngine } from '../../../src/worker/engine/tfjs/index.js';
import type { NamedTensor } from '../../../src/worker/model/parameters.js';
import { exactZerosOf } from '../../support/exact-zeros.js';
import { norm } from '../../worker/support/compare.js';
import { checkGradients, disagreements } from '../../worker/support/finite-differences.js';
import { tinyInput } from '../../worker/support/tiny.js';

const CHANNEL_DIVISOR = 16;

const lossOf = (parameter: string): string =>
  parameter.startsWith('generator') ? 'generatorLoss' : 'discriminatorLoss';

type Inspected = ReadonlyMap<string, NamedTensor>;

async function withEngine(
  recipe: RecipeName,
  dropout: number,
  work: (engine: Engine, inspected: Inspected, isNoise: (name: string) => boolean) => Promise<void>,
): Promise<void> {
  const input = tinyInput(recipe, { dropout }, CHANNEL_DIVISOR);
  const engine = await createTfjsEngine('cpu', input);
  try {
    await work(engine, await engine.inspectStep(), exactZerosOf(input.recipe));
  } finally {
    engine.dispose();
  }
}

function gradientsOf(inspected: Inspected): Map<string, NamedTensor> {
  return new Map([...inspected].filter(([name]) => name.startsWith('gradient/')));
}

describe('the gradients of the reference engine', () => {
  const cases = [
    ['notebook', 0.5],
    ['notebook', 0],
    ['notebook-as-run', 0],
    ['notebook-feature-matching', 0.5],
    ['labels-only', 0.5],
  ] as const;
  for (const [recipe, dropout] of cases) {
    it(`agree with finite differences of the losses (${recipe}, dropout ${dropout})`, async () => {
      await withEngine(recipe, dropout, async (engine, inspected, isNoise) => {
        const gradients = new Map([...gradientsOf(inspected)].filter(([name]) => !isNoise(name)));
        const checks = await checkGradients(engine, gradients, lossOf);
        expect(checks.length).to.equal(2 * gradients.size);
        expect(disagreements(checks)).to.deep.equal([]);
      });
    }).timeout(120_000);
  }

  it('of a bias before a batch norm are nothing but rounding', async () => {
    await withEngine('notebook-as-run', 0, async (_, inspected, isNoise) => {
      const biases = [...gradientsOf(inspected)].filter(([name]) => isNoise(name));
      expect(biases.length).to.equal(3 * 2 + 3);
      for (const [name, { values }] of biases) expect(norm(values), name).to.be.below(1e-5);
    });
  });

  it('with the wrong sign, the wrong scale or half of it missing are found out', async () => {
    await withEngine('notebook', 0.5, async (engine, inspected) => {
      const name = 'gradient/discriminator/conv1/kernel';
      const { shape, values } = inspected.get(name)!;
      const check = async (gradient: Float32Array<ArrayBuffer>): Promise<number> => {
        const planted = new Map([[name, { shape, values: gradient }]]);
        return disagreements(await checkGradients(engine, planted, lossOf)).length;
      };
      expect(await check(values)).to.equal(0);
      expect(await check(values.map((value) => -value))).to.be.above(0);
      expect(await check(values.map((value) => value * 1.1))).to.be.above(0);
      const halfOfIt = values.map((value, i) => (i % 2 === 0 ? value : 0));
      expect(await check(halfOfIt)).to.be.above(0);
    });
  });
});
