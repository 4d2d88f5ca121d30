/** Every check against the reference fails on a defect planted for it. On wasm, the quickest backend. */

import { expect } from '@open-wc/testing';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import type { LayerDescription } from '../../src/recipe/layers.js';
import type { Update } from '../../src/recipe/recipe.js';
import { ADAM_RATES, compareAdam } from '../reference/check-adam.js';
import {
  checkAgainstReference,
  compareWithReference,
  referenceInput,
  type Part,
} from '../reference/check-engine.js';
import { expectWithin, isWithin } from '../reference/compare.js';
import { shakenTensors } from '../reference/inputs.js';
import { fetchReference } from '../reference/load.js';
import { forEachBackend } from './support/backends.js';
import {
  exportChanged,
  movingVarianceBy,
  overriding,
  showing,
  withLayer,
  withOptimiser,
  withPass,
  withPhase,
  withSeed,
  type SpoilEngine,
  type SpoilInput,
} from './support/planted-defects.js';
import { updateByTfjsAdam } from './support/tfjs-adam.js';

const reference = await fetchReference();

interface Defect {
  readonly what: string;
  /** Where it is looked for; `notebook` unless named. */
  readonly caseName?: string;
  readonly parts: readonly Part[];
  readonly spoilInput?: SpoilInput;
  readonly spoilEngine?: SpoilEngine;
  /** One of the comparisons that must fail. */
  readonly found: string;
  /** One that must not. */
  readonly unharmed?: string;
}

const STEP: readonly Part[] = ['step'];
const AFTER1: readonly Part[] = ['after1'];

const DEFECTS: readonly Defect[] = [
  {
    what: 'a stream number off by one',
    parts: STEP,
    spoilInput: withPass('fake', { stream: 3 }),
    found: 'fake/dropout1',
    unharmed: 'labelled/logits',
  },
  {
    what: 'a seed off by one',
    parts: STEP,
    spoilInput: withSeed((seed) => seed + 1),
    found: 'generated/input',
  },
  {
    what: 'a leak of 0.21 instead of 0.2',
    parts: STEP,
    spoilInput: withLayer('leaky3', (layer) => ({ ...layer, alpha: 0.21 }) as LayerDescription),
    found: 'unlabelled/logits',
    unharmed: 'unlabelled/norm3',
  },
  {
    what: 'an epsilon of 1e-5 in a batch norm',
    parts: STEP,
    spoilInput: withLayer('norm2', (layer) => ({ ...layer, epsilon: 1e-5 }) as LayerDescription),
    found: 'generated/norm2',
  },
  {
    what: 'a loss that takes fakes for real',
    parts: STEP,
    spoilInput: withPhase(({ terms }) => ({
      terms: terms.map((term) => (term.name === 'fakeLoss' ? { ...term, target: 0 } : term)),
    })),
    found: 'fakeLoss',
    unharmed: 'supervisedLoss',
  },
  {
    what: 'a term left out of the discriminator’s loss',
    parts: STEP,
    spoilInput: withPhase(({ updates }) => ({
      updates: updates.map((update): Update => ({ ...update, terms: update.terms.slice(-1) })),
    })),
    found: 'gradient/discriminator/conv4/kernel',
    unharmed: 'gradient/generator/deconv4/kernel',
  },
  {
    what: 'feature matching left out of the generator’s loss',
    caseName: 'notebook-feature-matching',
    parts: STEP,
    spoilInput: withPhase(({ updates }) => ({
      updates: updates.map((update): Update => ({ ...update, terms: update.terms.slice(-1) })),
    })),
    found: 'gradient/generator/deconv1/kernel',
  },
  {
    what: 'one discriminator where there are three',
    caseName: 'notebook-as-run',
    parts: STEP,
    spoilInput: withPass('fake', { instance: 0 }),
    found: 'fake/logits',
  },
  {
    what: 'running statistics that move in another order',
    parts: STEP,
    spoilInput: withPhase(({ passes: [labelled, unlabelled, ...rest] }) => ({
      passes: [unlabelled!, labelled!, ...rest],
    })),
    caseName: 'notebook-shaken',
    found: 'updated/discriminator/norm3/moving_variance',
    unharmed: 'gradient/discriminator/conv1/kernel',
  },
  {
    what: 'one flipped sign in one gradient',
    parts: STEP,
    spoilEngine: showing('gradient/discriminator/conv1/bias', (values) =>
      Float32Array.from(values, (value, i) => (i === 0 ? -value : value)),
    ),
    found: 'gradient/discriminator/conv1/bias',
    unharmed: 'gradient/discriminator/conv1/kernel',
  },
  {
    what: 'a bias before a batch norm with the gradient of the norm’s offset',
    caseName: 'notebook-as-run',
    parts: STEP,
    spoilEngine: (engine) =>
      overriding(engine, 'inspectStep', async () => {
        const inspected = new Map(await engine.inspectStep());
        return inspected.set(
          'gradient/generator/deconv1/bias',
          inspected.get('gradient/generator/norm1/beta')!,
        );
      }),
    found: 'gradient/generator/deconv1/bias',
  },
  {
    what: 'a learning rate a tenth too high',
    parts: AFTER1,
    spoilInput: withOptimiser('generator', { lr: 1.1e-3 }),
    found: 'after1/parameters',
    unharmed: 'after1/evaluation/logits',
  },
  {
    what: 'a beta1 that no first step shows',
    caseName: 'notebook-shaken',
    parts: AFTER1,
    spoilInput: withOptimiser('discriminator', { beta1: 0.8 }),
    found: 'after1/adam/m/discriminator/logits/kernel',
  },
  {
    what: 'a small tensor that was not updated',
    parts: AFTER1,
    spoilEngine: (engine) =>
      overriding(engine, 'exportState', () =>
        exportChanged(engine, 'discriminator/logits/bias', (values) => new Float32Array(values.length)),
      ),
    found: 'after1/discriminator/logits/bias',
  },
  {
    what: 'a running mean that evaluation does not take',
    caseName: 'notebook-shaken',
    parts: ['evaluation'],
    spoilEngine: (engine) =>
      overriding(engine, 'importState', ({ step, tensors }) => {
        const name = 'discriminator/norm2/moving_mean';
        const { shape, values } = tensors.get(name)!;
        const changed = new Map(tensors).set(name, { shape, values: new Float32Array(values.length) });
        return engine.importState({ step, tensors: changed });
      }),
    found: 'evaluation/logits',
    unharmed: 'generate/images',
  },
  {
    what: 'metrics that are those of another term',
    parts: AFTER1,
    spoilEngine: (engine) =>
      overriding(engine, 'advance', async (steps) => {
        const metrics = await engine.advance(steps);
        return metrics.map(({ step, values }) => ({ step, values: values.slice().reverse() }));
      }),
    found: 'supervisedLoss',
  },
  {
    what: 'a step too many',
    parts: AFTER1,
    spoilEngine: (engine) => overriding(engine, 'advance', (steps) => engine.advance(steps + 1)),
    found: 'after1/step',
  },
];

forEachBackend(
  'the check against TensorFlow',
  (backend) => {
    for (const { what, caseName = 'notebook', parts, spoilInput, spoilEngine, found, unharmed } of DEFECTS) {
      it(`finds ${what}`, async () => {
        const comparisons = await compareWithReference(
          reference,
          caseName,
          async (input) => {
            const engine = await createTfjsEngine(backend, spoilInput?.(input) ?? input);
            return spoilEngine?.(engine) ?? engine;
          },
          parts,
        );
        const named = (name: string): boolean[] =>
          comparisons.filter((comparison) => comparison.name === name).map(isWithin);
        expect(named(found), found).to.include(false);
        if (unharmed !== undefined) expect(named(unharmed), unharmed).to.deep.equal([true]);
      });
    }

    for (const [name, layers] of [
      ['discriminator/norm2/moving_variance', ['labelled/conv2', 'unlabelled/conv2', 'fake/conv2']],
      // 1,440 values to a channel: the two estimates differ by 0.07 %.
      ['generator/norm3/moving_variance', ['generated/deconv3']],
    ] as const) {
      it(`finds the biased variance in ${name}, and passes the unbiased one`, async () => {
        const caseName = 'notebook-shaken';
        const { recipe } = referenceInput(reference, caseName);
        const old = shakenTensors(recipe, reference.seed).get(name)!;
        for (const less of [0, 1] as const) {
          const spoil = movingVarianceBy(name, old, layers, less);
          const make = async (input: EngineInput): Promise<Engine> =>
            spoil(await createTfjsEngine(backend, input));
          const comparisons = await compareWithReference(reference, caseName, make, STEP);
          const failed = comparisons.filter((comparison) => !isWithin(comparison));
          expect(failed.map((comparison) => comparison.name)).to.deep.equal(
            less === 0 ? [`updated/${name}`] : [],
          );
        }
      });
    }

    it('finds an epsilon under the root, rates from float32 and a count off by one in Adam', async () => {
      const update = updateByTfjsAdam(backend);
      const defects = [
        // What an epsilon under the root would make: sqrt(v + 1e-8) instead of sqrt(v) + 1e-8.
        async (...[state, gradient, t]: Parameters<typeof update>) => {
          const { parameter, m, v } = await update(state, gradient, t);
          const values = parameter.values.map((value, i) => {
            const root = Math.sqrt(v.values[i]!);
            const step = value - state.parameter.values[i]!;
            return state.parameter.values[i]! + (step * (root + 1e-8)) / Math.sqrt(v.values[i]! + 1e-8);
          });
          return { parameter: { shape: parameter.shape, values }, m, v };
        },
        updateByTfjsAdam(backend, { ...ADAM_RATES, beta2: Math.fround(0.999) }),
        updateByTfjsAdam(backend, ADAM_RATES, 1),
      ];
      expectWithin(await compareAdam(reference, update));
      for (const defect of defects) {
        const comparisons = await compareAdam(reference, defect);
        expect(comparisons.every(isWithin)).to.equal(false);
      }
    });

    it('names the cases there are when asked for another', async () => {
      const missing = checkAgainstReference(reference, 'no such case', (input) =>
        createTfjsEngine(backend, input),
      );
      const message = await missing.then(
        () => 'it resolved',
        (error: unknown) => (error as Error).message,
      );
      expect(message).to.match(/no case "no such case".*notebook-as-run/);
    });
  },
  ['wasm'],
);
