/** The notebook with its faults mended: what each switch changes, and that the engines compute every choice alike. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { layerShapes, outputShapeOf, type Network } from '../../src/recipe/layers.js';
import { notebookGenerator } from '../../src/recipe/networks/notebook.js';
import { entryOf, type Phase, type Recipe } from '../../src/recipe/recipe.js';
import { readRepairs, REPAIRS, writeRepairs, type Repair } from '../../src/recipe/repairs.js';
import { DATA_LIMITS } from '../../src/worker/data/dataset.js';
import { holdRepairsTogether, REPAIR_CHOICES as CHOICES } from './support/repairs.js';

const DATA = { imageShape: [28, 28, 1], classes: 10 } as const;

function repaired(repairs: readonly Repair[]): Recipe {
  return buildRecipe(resolveSettings({ recipe: 'notebook-repaired', repairs: writeRepairs(repairs) }), DATA);
}

const phaseOf = ({ stages }: Recipe): Phase => stages[0]!.phases[0]!;
const without = (repair: Repair): readonly Repair[] => REPAIRS.filter((other) => other !== repair);

/** Kernels and strides of a generator's layers. */
function kernelsOf({ layers }: Network): readonly { size: readonly number[]; stride: number }[] {
  return layers.flatMap((layer) =>
    layer.kind === 'conv2dTranspose' ? [{ size: layer.kernelSize, stride: layer.stride }] : [],
  );
}

describe('the text of a choice of repairs', () => {
  it('is one for each choice, however the repairs are named', () => {
    for (const choice of CHOICES) assert.deepEqual(readRepairs(writeRepairs(choice)), choice);
    assert.equal(writeRepairs(readRepairs(' kernels,statistics ')!), 'statistics,kernels');
    assert.equal(writeRepairs(readRepairs(REPAIRS.join(','))!), 'all');
    assert.equal(writeRepairs([]), 'none');
  });

  it('names what there is, each once', () => {
    for (const text of ['', 'all,beta1', 'beta1,none', 'beta1,beta1', 'beta', 'Beta1', ','])
      assert.equal(readRepairs(text), null, text);
  });
});

describe('what each repair changes', () => {
  const none = repaired([]);

  it('without any it is the notebook, with feature matching alone the recipe of that name', () => {
    for (const [choice, recipe] of [
      [[], 'notebook'],
      [['feature-matching'], 'notebook-feature-matching'],
    ] as const) {
      const own = buildRecipe(resolveSettings({ recipe }), DATA);
      assert.deepEqual({ ...repaired(choice), name: recipe }, own);
    }
  });

  it('statistics: as many labelled rows as generated ones', () => {
    const rows = (recipe: Recipe): unknown => phaseOf(recipe).groups.map(({ rows }) => rows);
    assert.deepEqual(
      [rows(none), rows(repaired(['statistics']))],
      [
        [3, 28, 32],
        [32, 28, 32],
      ],
    );
  });

  it('logsumexp: no logit but the classes’, whose logsumexp is high for what is real', () => {
    const recipe = repaired(['logsumexp']);
    assert.deepEqual(outputShapeOf(entryOf(recipe, 'discriminator').network), [10]);
    const judged = phaseOf(recipe).terms.flatMap((term) =>
      term.kind === 'logsumexpCrossEntropy' ? [[term.name, term.pass, term.target]] : [],
    );
    assert.deepEqual(judged, [
      ['realUnlabelledLoss', 'unlabelled', 1],
      ['fakeLoss', 'fake', 0],
      ['fakeAsRealLoss', 'fake', 1],
    ]);
    assert.ok(!phaseOf(recipe).terms.some(({ kind }) => kind === 'sigmoidCrossEntropy'));
  });

  it('beta1: a default of both networks, over which what is given goes', () => {
    const beta1s = (input: object): unknown => {
      const { discriminatorBeta1, generatorBeta1 } = resolveSettings({
        recipe: 'notebook-repaired',
        ...input,
      });
      return [discriminatorBeta1, generatorBeta1];
    };
    assert.deepEqual(beta1s({}), [0.5, 0.5]);
    assert.deepEqual(beta1s({ repairs: 'beta1' }), [0.5, 0.5]);
    assert.deepEqual(beta1s({ repairs: writeRepairs(without('beta1')) }), [0.9, 0.9]);
    assert.deepEqual(beta1s({ generatorBeta1: 0.7 }), [0.5, 0.7]);
    assert.equal(entryOf(repaired(['beta1']), 'generator').optimiser.beta1, 0.5);
  });

  it('average: the discriminator is evaluated by one, and keeps none without', () => {
    const evaluated = (recipe: Recipe): unknown => [
      recipe.classifier.parameters,
      entryOf(recipe, 'discriminator').average,
    ];
    assert.deepEqual(evaluated(repaired(['average'])), ['average', { decay: 0.999 }]);
    assert.deepEqual(evaluated(none), ['current', null]);
  });

  it('kernels: those of the generator divide by their stride, which they did not', () => {
    const uneven = (recipe: Recipe): number =>
      kernelsOf(entryOf(recipe, 'generator').network).filter(({ size, stride }) =>
        size.some((side) => side % stride !== 0),
      ).length;
    assert.deepEqual([uneven(none), uneven(repaired(['kernels']))], [1, 0]);
    const shapes = layerShapes(entryOf(repaired(['kernels']), 'generator').network);
    const made = shapes.filter(({ layer }) => layer.kind === 'conv2dTranspose').map(({ output }) => output);
    assert.deepEqual(made, [
      [2, 2, 100],
      [4, 4, 64],
      [12, 12, 32],
      [28, 28, 1],
    ]);
  });

  it('kernels: images of every size are made, and all but the last kernel of an odd one are even', () => {
    const { min, max } = DATA_LIMITS.pixels;
    for (let height = min; height <= max; height++) {
      const width = min + ((height * 37) % (max - min + 1));
      const network = notebookGenerator({
        data: { imageShape: [height, width, 3], classes: 2 },
        biasBeforeNorm: 'zero',
        dropout: 0,
        channels: (count) => count,
        hasEvenKernels: true,
      });
      assert.deepEqual(outputShapeOf(network), [height, width, 3]);
      const strided = kernelsOf(network).filter(({ stride }) => stride > 1);
      for (const [index, { size, stride }] of strided.entries()) {
        const isLast = index === strided.length - 1;
        size.forEach((side, axis) => {
          const isOdd = [height, width][axis]! % 2 === 1;
          if (!(isLast && isOdd)) assert.equal(side % stride, 0, `${height} x ${width}, layer ${index}`);
        });
      }
    }
  });

  it('another recipe has none, whatever is asked for', () => {
    for (const recipe of ['notebook', 'few-labels'] as const) {
      const { repairs, discriminatorBeta1 } = resolveSettings({ recipe, repairs: 'all' });
      assert.deepEqual([repairs, discriminatorBeta1], ['none', 0.9]);
    }
  });
});

describe('all repairs together', () => {
  it('are computed alike by tfjs, wasm and the interpreter', () => holdRepairsTogether(REPAIRS));
});
