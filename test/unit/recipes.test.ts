/** The recipes as data: frozen, complete in themselves, and the notebook's where they say so. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { NOTEBOOK_RECIPES } from '../support/notebook-recipes.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { groupOf, type Recipe } from '../../src/recipe/recipe.js';
import { metricNames } from '../../src/recipe/metrics.js';

const DATA = { imageShape: [28, 28, 1], classes: 10 } as const;
const recipes = NOTEBOOK_RECIPES.map((recipe) => buildRecipe(resolveSettings({ recipe }), DATA));
const [notebook, asRun, matching, labelsOnly] = recipes as [Recipe, Recipe, Recipe, Recipe];

/** Rows of the notebook's groups at a batch. */
function batchRows(batch: number): Record<string, number> {
  const { groups } = buildRecipe(resolveSettings({ recipe: 'notebook', batch }), DATA).stages[0]!.phases[0]!;
  return Object.fromEntries(groups.map(({ name, rows }) => [name, rows]));
}

function assertFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  assert.ok(Object.isFrozen(value));
  Object.values(value).forEach(assertFrozen);
}

describe('the batch', () => {
  it('is divided as int(0.9 b) and int(0.1 b) do it', () => {
    assert.deepEqual(batchRows(32), { labelled: 3, unlabelled: 28, latents: 32 });
    assert.deepEqual(batchRows(10), { labelled: 1, unlabelled: 9, latents: 10 });
    assert.deepEqual(batchRows(19), { labelled: 1, unlabelled: 17, latents: 19 });
    // In binary 0.1 x 30 is 3 and 0.9 x 30 is 27 after rounding, as in Python.
    assert.deepEqual(batchRows(30), { labelled: 3, unlabelled: 27, latents: 30 });
    for (let batch = 10; batch <= 1024; batch++) assert.ok(batchRows(batch)['labelled']! >= 1);
  });
});

describe('a generator that is asked for classes', () => {
  it('is asked for each in every step, however small the batch and many the classes', () => {
    for (const [batch, classes] of [
      [10, 10],
      [128, 10],
      [128, 100],
    ] as const) {
      const { stages } = buildRecipe(resolveSettings({ recipe: 'few-labels', batch }), { ...DATA, classes });
      const groups = stages.flatMap(({ phases }) => phases.flatMap((phase) => phase.groups));
      const asked = groups.filter(({ isConditional }) => isConditional === true);
      assert.ok(asked.length > 0);
      for (const { rows } of asked) assert.equal(rows, Math.max(Math.floor(batch / 2), classes));
    }
  });
});

for (const recipe of recipes) {
  describe(`the recipe ${recipe.name}`, () => {
    it('is frozen to the last field', () => assertFrozen(recipe));

    it('refers only to what it has', () => {
      const networks = new Map(recipe.networks.map((each) => [each.network.name, each]));
      const hasLayer = (network: string, layer: string): boolean =>
        networks.get(network)!.network.layers.some(({ name }) => name === layer);
      const names = metricNames(recipe.stages[0]!);
      assert.equal(new Set(names).size, names.length);
      for (const phase of recipe.stages[0]!.phases) {
        const { groups, passes, terms, updates } = phase;
        for (const { indicesOf } of groups) {
          assert.ok(indicesOf === null || groups.some(({ name }) => name === indicesOf));
        }
        passes.forEach((pass, index) => {
          assert.ok(pass.instance < networks.get(pass.network)!.instances, pass.name);
          const { input } = pass;
          if (input.kind === 'pass')
            assert.ok(passes.slice(0, index).some(({ name }) => name === input.pass));
          assert.ok(groups.includes(groupOf(phase, pass)));
        });
        const networkOf = (name: string): string => passes.find((pass) => pass.name === name)!.network;
        for (const term of terms) {
          assert.ok(names.includes(term.name));
          assert.ok(hasLayer(networkOf(term.pass), term.layer), term.name);
          if (term.kind === 'featureMatching') assert.ok(hasLayer(networkOf(term.against), term.layer));
          if (term.kind === 'sigmoidCrossEntropy') assert.equal(term.column, DATA.classes);
        }
        for (const update of updates) {
          assert.ok(update.networks.every((network) => networks.has(network)));
          assert.ok(update.terms.length > 0);
          assert.ok(names.includes(update.loss));
          for (const term of update.terms) assert.ok(terms.some(({ name }) => name === term));
        }
      }
      assert.ok(hasLayer(recipe.classifier.network, recipe.classifier.layer));
      assert.equal(recipe.networks[0]!.network.name, 'discriminator');
    });

    it('tells the masks of its passes apart, by the same number in every recipe', () => {
      const streams = recipe.stages[0]!.phases.flatMap(({ passes }) =>
        passes.map(({ name, stream }) => [name, stream] as const),
      );
      assert.equal(new Set(streams.map(([, stream]) => stream)).size, streams.length);
      const inNotebook = new Map(
        notebook.stages[0]!.phases[0]!.passes.map(({ name, stream }) => [name, stream]),
      );
      for (const [name, stream] of streams) assert.equal(stream, inNotebook.get(name));
    });
  });
}

describe('what the recipes differ in', () => {
  const [phase] = notebook.stages[0]!.phases;
  const generatorTerms = ({ stages }: Recipe): readonly string[] =>
    stages[0]!.phases[0]!.updates.find(({ networks }) => networks.includes('generator'))?.terms ?? [];

  it('the notebook: five terms, of which feature matching is reported alone', () => {
    assert.deepEqual(
      phase!.terms.map(({ name }) => name),
      ['realUnlabelledLoss', 'fakeLoss', 'supervisedLoss', 'fakeAsRealLoss', 'featureMatchingLoss'],
    );
    assert.deepEqual(phase!.updates[0]!.terms, ['realUnlabelledLoss', 'fakeLoss', 'supervisedLoss']);
    assert.deepEqual(generatorTerms(notebook), ['fakeAsRealLoss']);
    const targets = phase!.terms.map((term) => (term.kind === 'sigmoidCrossEntropy' ? term.target : null));
    assert.deepEqual(targets, [0, 1, null, 0, null]);
    assert.deepEqual(
      phase!.passes.map(({ name }) => name),
      ['labelled', 'unlabelled', 'generated', 'fake'],
    );
  });

  it('feature matching: the line that the notebook comments out', () => {
    assert.deepEqual([...generatorTerms(matching)].sort(), ['fakeAsRealLoss', 'featureMatchingLoss']);
  });

  it('as run: three discriminators, running statistics left alone', () => {
    assert.equal(asRun.networks[0]!.instances, 3);
    const instances = Object.fromEntries(
      asRun.stages[0]!.phases[0]!.passes.map(({ name, instance }) => [name, instance]),
    );
    assert.deepEqual(instances, { labelled: 0, unlabelled: 1, generated: 0, fake: 2 });
    assert.equal(asRun.updatesRunningStatistics, false);
    assert.equal(notebook.updatesRunningStatistics, true);
  });

  it('labels only: one pass, one term, no generator', () => {
    assert.equal(labelsOnly.generator, null);
    assert.deepEqual(labelsOnly.stages[0]!.phases[0]!.passes, [notebook.stages[0]!.phases[0]!.passes[0]]);
    assert.deepEqual(labelsOnly.stages[0]!.phases[0]!.updates[0]!.terms, ['supervisedLoss']);
    assert.deepEqual(labelsOnly.networks[0], notebook.networks[0]);
  });
});
