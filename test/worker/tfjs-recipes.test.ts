/** What each recipe means, seen in what a step computes and changes. On the wasm backend. */

import { expect } from '@open-wc/testing';
import type { Settings } from '../../src/protocol/settings.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { parametersOf, type NamedTensor } from '../../src/worker/model/parameters.js';
import { expectIdentical, norm, relativeError } from './support/compare.js';
import { hashed, tinyInput } from './support/tiny.js';

type Tensors = ReadonlyMap<string, NamedTensor>;

async function withEngine<T>(
  recipe: RecipeName,
  work: (engine: Engine, input: EngineInput) => Promise<T>,
  overrides: Partial<Settings> = {},
): Promise<T> {
  const input = tinyInput(recipe, overrides);
  const engine = await createTfjsEngine('wasm', input);
  try {
    return await work(engine, input);
  } finally {
    engine.dispose();
  }
}

const inspect = (recipe: RecipeName, overrides: Partial<Settings> = {}): Promise<Tensors> =>
  withEngine(recipe, (engine) => engine.inspectStep(), overrides);

const having = (tensors: Tensors, prefix: string): Tensors =>
  new Map([...tensors].filter(([name]) => name.startsWith(prefix)));

/** Names of the values that change when one parameter is moved. */
async function changedBy(recipe: RecipeName, parameter: string): Promise<ReadonlySet<string>> {
  return withEngine(recipe, async (engine) => {
    const before = await engine.inspectStep();
    const state = await engine.exportState();
    state.tensors
      .get(parameter)!
      .values.forEach((value, i, values) => (values[i] = value + 0.1 + 0.01 * hashed(i, 8)));
    await engine.importState(state);
    const after = await engine.inspectStep();
    const isChanged = ([name, { values }]: [string, NamedTensor]): boolean =>
      values.some((value, i) => value !== after.get(name)!.values[i]);
    return new Set([...before].filter(isChanged).map(([name]) => name));
  });
}

/** Mean and variances of each channel of a layer's output [..., channels], in float64. */
function batchStatistics({ shape, values }: NamedTensor): { mean: number[]; unbiased: number[] } {
  const channels = shape.at(-1)!;
  const count = values.length / channels;
  const sumOf = (term: (value: number, channel: number) => number): number[] => {
    const sums = new Array<number>(channels).fill(0);
    values.forEach((value, i) => (sums[i % channels]! += term(value, i % channels)));
    return sums;
  };
  const mean = sumOf((value) => value).map((sum) => sum / count);
  const unbiased = sumOf((value, channel) => (value - mean[channel]!) ** 2).map((sum) => sum / (count - 1));
  return { mean, unbiased };
}

describe('the recipe labels-only', () => {
  it('sees the same labelled batch, masks and discriminator as the notebook', async () => {
    const only = await inspect('labels-only');
    const notebook = await inspect('notebook');
    expectIdentical(having(only, 'labelled/'), having(notebook, 'labelled/'));
    expect(only.get('supervisedLoss')).to.deep.equal(notebook.get('supervisedLoss'));
    expect(only.get('discriminatorLoss')).to.deep.equal(only.get('supervisedLoss'));
  });

  it('has no other pass and no generator', async () => {
    const names = [...(await inspect('labels-only')).keys()];
    expect(names.some((name) => /^(unlabelled|fake|generated)\/|generator/.test(name))).to.equal(false);
  });
});

describe('the recipe notebook', () => {
  it('moves the running statistics pass by pass, with the unbiased variance', async () => {
    const inspected = await inspect('notebook');
    let mean = batchStatistics(inspected.get('labelled/conv2')!).mean.map(() => 0);
    let variance = mean.map(() => 1);
    for (const pass of ['labelled', 'unlabelled', 'fake']) {
      const batch = batchStatistics(inspected.get(`${pass}/conv2`)!);
      mean = mean.map((value, i) => 0.99 * value + 0.01 * batch.mean[i]!);
      variance = variance.map((value, i) => 0.99 * value + 0.01 * batch.unbiased[i]!);
    }
    const updated = (part: string): Float32Array =>
      inspected.get(`updated/discriminator/norm2/${part}`)!.values;
    expect(relativeError(updated('moving_mean'), mean)).to.be.below(1e-5);
    expect(relativeError(updated('moving_variance'), variance)).to.be.below(1e-6);
    // In another order, or with the biased variance, the check would fail.
    const once = batchStatistics(inspected.get('fake/conv2')!).mean.map((value) => 0.01 * value);
    expect(relativeError(updated('moving_mean'), once)).to.be.above(1e-2);
  });

  it('uses one discriminator for its three passes', async () => {
    const changed = await changedBy('notebook', 'discriminator/conv1/kernel');
    for (const pass of ['labelled', 'unlabelled', 'fake'])
      expect(changed.has(`${pass}/logits`), pass).to.equal(true);
    expect(changed.has('generated/tanh')).to.equal(false);
  });

  it('leaves the biases before a batch norm at zero and trains everything else', async () => {
    await withEngine('notebook', async (engine, { recipe }) => {
      const { tensors: before } = await engine.exportState();
      await engine.advance(2);
      const { tensors: after } = await engine.exportState();
      for (const { name, role } of parametersOf(recipe)) {
        const isMoved = after.get(name)!.values.some((value, i) => value !== before.get(name)!.values[i]);
        expect(isMoved, name).to.equal(role !== 'frozen');
        if (role === 'frozen') expect(norm(after.get(name)!.values), name).to.equal(0);
      }
    });
  });

  it('updates both networks by Adam from gradients at the same parameters', async () => {
    const settings = { generatorLr: 2e-3, generatorBeta1: 0.5, discriminatorBeta2: 0.99 };
    await withEngine(
      'notebook',
      async (engine) => {
        for (let t = 1; t <= 3; t++) {
          const gradients = having(await engine.inspectStep(), 'gradient/');
          const { tensors: before } = await engine.exportState();
          await engine.advance(1);
          const { tensors: after } = await engine.exportState();
          for (const [gradientName, { values: gradient }] of gradients) {
            const name = gradientName.slice('gradient/'.length);
            const isGenerator = name.startsWith('generator');
            const [lr, beta1, beta2] = isGenerator ? [2e-3, 0.5, 0.999] : [1e-3, 0.9, 0.99];
            const rate = (lr * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
            const [m, v] = ['m', 'v'].map((moment) => before.get(`adam/${moment}/${name}`)!.values);
            const old = before.get(name)!.values;
            const expected = gradient.map((g, i) => {
              const newM = beta1 * m![i]! + (1 - beta1) * g;
              const newV = beta2 * v![i]! + (1 - beta2) * g * g;
              return old[i]! - (rate * newM) / (Math.sqrt(newV) + 1e-8);
            });
            after.get(name)!.values.forEach((value, i) => {
              expect(value, `${name}[${i}] at update ${t}`).to.be.closeTo(expected[i]!, 1e-6);
            });
          }
        }
      },
      settings,
    );
  });

  it('evaluates with the running statistics and without dropout', async () => {
    await withEngine('notebook', async (engine) => {
      const images = Float32Array.from({ length: 4 * 784 }, (_, i) => hashed(i, 3));
      const plain = await engine.classify(images, 4);
      expect(await engine.classify(images, 4)).to.deep.equal(plain);
      expect(relativeError(await engine.classify(images.slice(0, 784), 1), plain.slice(0, 11))).to.be.below(
        1e-5,
      );
      const state = await engine.exportState();
      state.tensors.get('discriminator/norm2/moving_variance')!.values.fill(2);
      await engine.importState(state);
      expect(relativeError(await engine.classify(images, 4), plain)).to.be.above(1e-2);
    });
  });

  it('drops nothing where dropout is 0', async () => {
    const without = await inspect('notebook', { dropout: 0 });
    expect(without.get('fake/dropout1')).to.deep.equal(without.get('fake/conv1'));
    const dropped = (await inspect('notebook')).get('fake/dropout1')!.values.filter((value) => value === 0);
    expect(dropped.length / without.get('fake/conv1')!.values.length).to.be.closeTo(0.5, 0.05);
  });
});

describe('the recipe notebook-feature-matching', () => {
  it("differs from the notebook in the generator's loss alone", async () => {
    const notebook = await inspect('notebook');
    const matching = await inspect('notebook-feature-matching');
    expectIdentical(having(matching, 'gradient/discriminator'), having(notebook, 'gradient/discriminator'));
    const value = (name: string): number => matching.get(name)!.values[0]!;
    expect(value('generatorLoss')).to.be.closeTo(
      value('fakeAsRealLoss') + value('featureMatchingLoss'),
      1e-6,
    );
    const kernel = 'gradient/generator/deconv4/kernel';
    expect(relativeError(matching.get(kernel)!.values, notebook.get(kernel)!.values)).to.be.above(1e-3);
  });
});

describe('the recipe notebook-as-run', () => {
  it('has a discriminator of its own for each pass', async () => {
    const owners = { labelled: 'discriminator', unlabelled: 'discriminator_1', fake: 'discriminator_2' };
    for (const [owner, network] of Object.entries(owners)) {
      const changed = await changedBy('notebook-as-run', `${network}/conv4/kernel`);
      for (const pass of Object.keys(owners)) {
        expect(changed.has(`${pass}/logits`), `${network} in ${pass}`).to.equal(pass === owner);
      }
    }
  });

  it('shares the batch norms between them, and trains all of it', async () => {
    const changed = await changedBy('notebook-as-run', 'discriminator/norm2/gamma');
    for (const pass of ['labelled', 'unlabelled', 'fake'])
      expect(changed.has(`${pass}/logits`), pass).to.equal(true);
    await withEngine('notebook-as-run', async (engine, { recipe }) => {
      const { tensors: before } = await engine.exportState();
      await engine.advance(3);
      const { tensors: after } = await engine.exportState();
      const parameters = parametersOf(recipe);
      expect(parameters.filter(({ role }) => role === 'frozen')).to.deep.equal([]);
      expect(parameters.filter(({ name }) => name.endsWith('norm2/gamma')).length).to.equal(2);
      for (const { name, role } of parameters) {
        const isMoved = after.get(name)!.values.some((value, i) => value !== before.get(name)!.values[i]);
        // Nobody runs the updates of the moving averages: they stay at 0 and 1.
        expect(isMoved, name).to.equal(role === 'trained');
      }
    });
    expect(having(await inspect('notebook-as-run'), 'updated/').size).to.equal(0);
  });

  it('trains the generator against the third discriminator', async () => {
    const kernel = 'gradient/generator/deconv4/kernel';
    expect((await changedBy('notebook-as-run', 'discriminator_2/conv1/kernel')).has(kernel)).to.equal(true);
    expect((await changedBy('notebook-as-run', 'discriminator/conv1/kernel')).has(kernel)).to.equal(false);
  });

  it('drops nothing', async () => {
    const inspected = await inspect('notebook-as-run');
    expect(inspected.get('fake/dropout1')).to.deep.equal(inspected.get('fake/conv1'));
  });
});
