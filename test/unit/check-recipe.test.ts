/** What a recipe is refused for, by name and reason, when it is built. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { checkRecipe, RecipeError } from '../../src/recipe/check-recipe.js';
import type { LayerDescription } from '../../src/recipe/layers.js';
import {
  inStage,
  type DataShape,
  type Pass,
  type Phase,
  type Recipe,
  type Term,
} from '../../src/recipe/recipe.js';
import { RECIPE_NAMES } from '../../src/recipe/recipes.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { planTrainStep } from '../../src/worker/engine/plan/plan.js';
import { randomInput } from '../support/random-recipes.js';

const DATA: DataShape = { imageShape: [28, 28, 1], classes: 10 };

type Changeable<T> = T extends object ? { -readonly [K in keyof T]: Changeable<T[K]> } : T;
/** A recipe as plain data that may be changed. */
type Draft = Changeable<Recipe>;

function draft(): Draft {
  const settings = resolveSettings({ recipe: 'notebook-feature-matching' });
  return structuredClone(buildRecipe(settings, DATA, { channelDivisor: 8 })) as Draft;
}

function refuses(change: (recipe: Draft) => void, why: RegExp, data = DATA): void {
  const recipe = draft();
  change(recipe);
  assert.throws(
    () => checkRecipe(recipe, data),
    (error: unknown) => {
      assert.ok(error instanceof RecipeError);
      assert.match(error.message, /^The recipe "notebook-feature-matching" cannot be computed: /);
      assert.match(error.message, why);
      return true;
    },
  );
}

const layersOf = (recipe: Draft, network = 0): LayerDescription[] => recipe.networks[network]!.network.layers;

/** A term by which the generated images' pass teaches itself, or learns from another. */
function teach(recipe: Draft, teacher: string, isSoft: boolean): void {
  const { terms, updates } = recipe.stages[0]!.phases[0]!;
  const pass = terms.find(({ kind }) => kind === 'featureMatching')!.pass;
  const layer = recipe.classifier.layer;
  terms.push({
    kind: 'pseudoLabelCrossEntropy',
    name: 'taught',
    pass,
    layer,
    weight: 1,
    teacher: { pass: teacher === 'itself' ? pass : teacher, threshold: 0, isSoft },
    usesStore: false,
  });
  updates.at(-1)!.terms.push('taught');
}

const CASES: readonly [what: string, change: (recipe: Draft) => void, why: RegExp][] = [
  ['no phase', (recipe) => (recipe.stages[0]!.phases = []), /it has no phase/],
  [
    'a network twice',
    (recipe) => recipe.networks.push(recipe.networks[0]!),
    /a network called "discriminator" appears twice/,
  ],
  ['no instance', (recipe) => (recipe.networks[0]!.instances = 0), /"discriminator" has 0 instances/],
  ['an average without decay', (recipe) => (recipe.networks[0]!.average = { decay: 1 }), /has a decay of 1/],
  [
    'two layers of a name',
    (recipe) => layersOf(recipe).push({ kind: 'relu', name: 'conv1' }),
    /the layer "conv1" appears twice/,
  ],
  [
    'shapes that do not fit',
    (recipe) => layersOf(recipe).unshift({ kind: 'reshape', name: 'odd', shape: [5] }),
    /"discriminator" has shapes that do not fit: .*\[28, 28, 1\] to \[5\]/,
  ],
  [
    'a norm before every linear layer',
    (recipe) => layersOf(recipe).unshift({ kind: 'batchNorm', name: 'first', momentum: 0.9, epsilon: 1e-3 }),
    /"first" of the network "discriminator" stands before the first convolution/,
  ],
  [
    'two activations in a row',
    (recipe) => layersOf(recipe).splice(3, 0, { kind: 'relu', name: 'second' }),
    /"second" .* is the second activation in a row/,
  ],
  [
    'a norm behind an activation',
    (recipe) =>
      layersOf(recipe).splice(3, 0, { kind: 'batchNorm', name: 'late', momentum: 0.9, epsilon: 1e-3 }),
    /"late" .* does not follow its linear layer at once/,
  ],
  [
    'a rate of one',
    (recipe) => Object.assign(recipe.networks[0]!.network.layers[1]!, { rate: 1 }),
    /"dropout1" .* has a rate of 1/,
  ],
  [
    'a group without rows',
    (recipe) => (recipe.stages[0]!.phases[0]!.groups[0]!.rows = 0),
    /its group "labelled" has 0 rows; a larger "batch"/,
  ],
  [
    'a group twice',
    (recipe) => recipe.stages[0]!.phases[0]!.groups.push(recipe.stages[0]!.phases[0]!.groups[0]!),
    /a group of rows called "labelled" appears twice/,
  ],
  [
    'indices of another pool',
    (recipe) => (recipe.stages[0]!.phases[0]!.groups[1]!.indicesOf = 'labelled'),
    /"unlabelled" takes the indices of "labelled", which is no group of as many unlabelled images/,
  ],
  [
    'a pass twice',
    (recipe) => recipe.stages[0]!.phases[0]!.passes.push(recipe.stages[0]!.phases[0]!.passes[0]!),
    /a pass called "labelled" appears twice/,
  ],
  [
    'a stream twice',
    (recipe) => (recipe.stages[0]!.phases[0]!.passes[1]!.stream = 0),
    /the stream of a pass "0" appears twice/,
  ],
  [
    'an unknown network',
    (recipe) => (recipe.stages[0]!.phases[0]!.passes[0]!.network = 'judge'),
    /"labelled" runs the network "judge", which it does not have/,
  ],
  [
    'an unknown instance',
    (recipe) => (recipe.stages[0]!.phases[0]!.passes[0]!.instance = 1),
    /"labelled" runs instance 1 of "discriminator", which has 1/,
  ],
  [
    'an unknown group',
    (recipe) => (recipe.stages[0]!.phases[0]!.passes[0]!.input = { kind: 'group', group: 'more' }),
    /reads the group "more", which its phase does not draw/,
  ],
  [
    'latents of two sizes from one group',
    ({ stages }) => {
      const { passes } = stages[0]!.phases[0]!;
      const { input } = passes.find(({ network }) => network === 'generator')!;
      passes.push({ ...passes[0]!, name: 'second', stream: 9, input });
    },
    /"second" takes 784 latents of a row of the group ".*", and its pass "generated" takes 100/,
  ],
  [
    'a pass from later on',
    (recipe) => recipe.stages[0]!.phases[0]!.passes.reverse(),
    /reads "generated", which is no earlier pass/,
  ],
  [
    'a gradient in inference',
    (recipe) => (recipe.stages[0]!.phases[0]!.passes[0]!.mode = 'inference'),
    /"labelled" has a gradient, which is taken in training mode/,
  ],
  [
    'an average that is not kept',
    (recipe) =>
      Object.assign(recipe.stages[0]!.phases[0]!.passes[0]!, { gradient: false, parameters: 'average' }),
    /"labelled" reads averaged parameters of "discriminator", which keeps none/,
  ],
  [
    'images with codes of classes',
    (recipe) => (recipe.stages[0]!.phases[0]!.groups[0]!.isConditional = true),
    /its group "labelled" of labelled images is conditional, as only latents can be/,
  ],
  [
    'codes that leave no latents',
    (recipe) => {
      const generator = recipe.networks.find(({ network }) => network.name === 'generator')!.network;
      Object.assign(generator.layers[0]!, { shape: [1, 1, 10] });
      generator.inputShape = [10];
      recipe.generator!.latentSize = 10;
      recipe.stages[0]!.phases[0]!.groups.find(({ pool }) => pool === 'latents')!.isConditional = true;
    },
    /conditional, which 10 latents of a row are too few for: the data has 10 classes/,
  ],
  [
    'an accuracy of generated images',
    (recipe) => {
      const { phases } = recipe.stages[0]!;
      const { groups, passes } = phases[0]!;
      groups.find(({ pool }) => pool === 'latents')!.isConditional = true;
      recipe.stages[0]!.accuracy!.pass = passes.find(({ input }) => input.kind === 'pass')!.name;
    },
    /its accuracy is that of its pass ".*", which reads no labelled images/,
  ],
  [
    'a teacher with a gradient',
    (recipe) => teach(recipe, 'labelled', false),
    /its term "taught" has the teacher "labelled", which has a gradient/,
  ],
  [
    'a pass that is its own soft teacher',
    (recipe) => teach(recipe, 'itself', true),
    /its term "taught" is its own soft teacher, from which nothing can be learned/,
  ],
  [
    'an output that is read twice',
    (recipe) =>
      recipe.stages[0]!.phases[0]!.passes.push({
        ...recipe.stages[0]!.phases[0]!.passes[3]!,
        name: 'more',
        stream: 9,
      }),
    /the output of its pass "generated" is read twice \("fake", "more"\)/,
  ],
  [
    'a term without its pass',
    (recipe) => (recipe.stages[0]!.phases[0]!.terms[0]!.pass = 'nobody'),
    /"realUnlabelledLoss" taps "nobody"/,
  ],
  [
    'a term that is no number',
    (recipe) => (recipe.stages[0]!.phases[0]!.terms[0]!.weight = NaN),
    /"realUnlabelledLoss" has a weight that is not a number/,
  ],
  [
    'labels that are not there',
    (recipe) => (recipe.stages[0]!.phases[0]!.terms[2]!.pass = 'unlabelled'),
    /"supervisedLoss" needs labels, which its pass "unlabelled" does not have/,
  ],
  [
    'a column too many',
    (recipe) => Object.assign(recipe.stages[0]!.phases[0]!.terms[0]!, { column: 11 }),
    /takes column 11 of 11 logits/,
  ],
  [
    'a layer of no logits',
    (recipe) => (recipe.stages[0]!.phases[0]!.terms[0]!.layer = 'features'),
    /takes layer "features" of "discriminator", which is not a dense layer at its end/,
  ],
  [
    'features behind a norm',
    (recipe) => (recipe.stages[0]!.phases[0]!.terms[4]!.layer = 'leaky2'),
    /"featureMatchingLoss" taps layer "leaky2" of "discriminator"; it has to be the last of a linear layer without batch norm/,
  ],
  [
    'features at the end of a pass, whose gradient no later layer brings along',
    (recipe) => {
      for (const pass of recipe.stages[0]!.phases[0]!.passes) {
        if (pass.network === 'discriminator') pass.until = 'features';
      }
      const terms = recipe.stages[0]!.phases[0]!.terms.filter(({ kind }) => kind === 'featureMatching');
      recipe.stages[0]!.phases[0]!.terms = terms;
    },
    /"featureMatchingLoss" taps layer "features", after which its pass "fake" has no linear layer/,
  ],
  [
    'a metric twice',
    (recipe) => (recipe.stages[0]!.phases[0]!.updates[0]!.loss = 'fakeLoss'),
    /a metric called "fakeLoss" appears twice/,
  ],
  [
    'an update of nothing',
    (recipe) => (recipe.stages[0]!.phases[0]!.updates[0]!.terms = []),
    /"discriminatorLoss" has no term whose gradient comes to "discriminator"/,
  ],
  [
    'an unknown term',
    (recipe) => recipe.stages[0]!.phases[0]!.updates[0]!.terms.push('more'),
    /"discriminatorLoss" lists the term "more"/,
  ],
  [
    'a network that nothing trains',
    (recipe) => recipe.stages[0]!.phases[0]!.updates.pop(),
    /nothing trains its network "generator"/,
  ],
  [
    'two updates of one network',
    (recipe) => (recipe.stages[0]!.phases[0]!.updates[1]!.networks = ['discriminator']),
    /the network "discriminator" appears twice/,
  ],
  [
    'an instance that no loss reaches',
    (recipe) => (recipe.networks[0]!.instances = 2),
    /comes to instance 1 of "discriminator"/,
  ],
  [
    'an accuracy without labels',
    (recipe) => (recipe.stages[0]!.accuracy!.pass = 'fake'),
    /its accuracy needs labels/,
  ],
  [
    'a classifier that is not there',
    (recipe) => (recipe.classifier.network = 'judge'),
    /its classifier is "judge"/,
  ],
  [
    'a generator of other latents',
    (recipe) => (recipe.generator!.latentSize = 7),
    /its generator takes 100 latents, not 7/,
  ],
];

describe('a recipe is refused with its reason for', () => {
  for (const [what, change, why] of CASES) it(what, () => refuses(change, why));

  it('images that its generator does not make', () => {
    refuses(
      () => undefined,
      /gives "discriminator", which takes 28 x 28 x 1, something else: the data has images of 32 x 32 x 1/,
      {
        imageShape: [32, 32, 1],
        classes: 10,
      },
    );
    const gone = ['deconv3', 'norm3', 'relu3'];
    refuses(({ networks }) => {
      const { network } = networks[1]!;
      network.layers = network.layers.filter(({ name }) => !gone.includes(name));
    }, /"fake" gives "discriminator", which takes 28 x 28 x 1, something else: "generator" makes 14 x 14 x 1/);
  });

  it('more classes than logits', () => {
    refuses(() => undefined, /has 11 logits for the 12 classes of the data/, { ...DATA, classes: 12 });
  });
});

describe('what is not refused', () => {
  it('can be planned: every recipe, on images of many sizes', () => {
    for (const recipe of RECIPE_NAMES) {
      for (const imageShape of [
        [8, 8, 1],
        [9, 31, 3],
        [12, 20, 3],
        [28, 28, 3],
        [57, 64, 1],
        [128, 128, 3],
      ] as const) {
        const settings = resolveSettings({ recipe, batch: 10 });
        const data: DataShape = { imageShape, classes: 2 + (imageShape[0] % 99) };
        const built = buildRecipe(settings, data, { channelDivisor: 8 });
        built.stages.forEach((_, stage) => planTrainStep(inStage(built, stage)));
      }
    }
  });

  it('can be planned: random recipes, with all that a recipe can have among them', () => {
    const recipes = Array.from({ length: 60 }, (_, seed) => randomInput(seed).recipe);
    for (const recipe of recipes) recipe.stages.forEach((_, stage) => planTrainStep(inStage(recipe, stage)));
    const has = (what: (recipe: Recipe) => boolean): number => recipes.filter(what).length;
    const phasesOf = ({ stages }: Recipe): readonly Phase[] => stages.at(-1)!.phases;
    const passes = (recipe: Recipe): readonly Pass[] => phasesOf(recipe).flatMap((phase) => phase.passes);
    const hasLayer = (kind: LayerDescription['kind']): number =>
      has(({ networks }) =>
        networks.some(({ network }) => network.layers.some((layer) => layer.kind === kind)),
      );
    const hasTerm = (kind: Term['kind']): number =>
      has(({ stages }) =>
        stages.some(({ phases }) => phases.some(({ terms }) => terms.some((term) => term.kind === kind))),
      );
    for (const [what, count] of Object.entries({
      phases: has((recipe) => phasesOf(recipe).length > 1),
      gradientDraft: has((recipe) => passes(recipe).some(({ gradient }) => !gradient)),
      averaged: has((recipe) => passes(recipe).some(({ parameters }) => parameters === 'average')),
      inference: has((recipe) => passes(recipe).some(({ mode }) => mode === 'inference')),
      ramps: has((recipe) =>
        phasesOf(recipe).some(({ terms }) => terms.some(({ weight }) => typeof weight !== 'number')),
      ),
      schedules: has(({ networks }) => networks.some(({ optimiser }) => optimiser.schedule.cosine !== null)),
      twoViews: has((recipe) =>
        phasesOf(recipe).some(({ groups }) => groups.some(({ indicesOf }) => indicesOf !== null)),
      ),
      stages: has(({ stages }) => stages.length > 1),
      landmarks: has(({ landmarks }) => landmarks !== null),
      groupNorm: hasLayer('groupNorm'),
      noise: hasLayer('gaussianNoise'),
      contrastive: hasTerm('contrastive'),
      pseudoLabels: hasTerm('pseudoLabelCrossEntropy'),
      ownTeachers: has((recipe) =>
        phasesOf(recipe).some(({ terms }) =>
          terms.some((term) => term.kind === 'pseudoLabelCrossEntropy' && term.teacher?.pass === term.pass),
        ),
      ),
      conditional: has((recipe) =>
        phasesOf(recipe).some(({ groups }) => groups.some(({ isConditional = false }) => isConditional)),
      ),
      asked: has((recipe) =>
        phasesOf(recipe).some(({ terms }) => terms.some(({ name }) => name.startsWith('asked'))),
      ),
      confident: hasTerm('confidentShare'),
      logsumexp: hasTerm('logsumexpCrossEntropy'),
      warps: has((recipe) =>
        phasesOf(recipe).some(({ groups }) => groups.some(({ view }) => view.kind === 'warp')),
      ),
      instances: has(({ networks }) => networks.some(({ instances }) => instances > 1)),
      // All of it in one.
      together: has(
        (recipe) =>
          phasesOf(recipe).length > 1 &&
          passes(recipe).some(({ parameters }) => parameters === 'average') &&
          recipe.networks.some(({ optimiser }) => optimiser.schedule.cosine !== null) &&
          phasesOf(recipe).some(({ terms }) => terms.some(({ weight }) => weight !== 1)),
      ),
    })) {
      assert.ok(count >= 3, `${what}: ${count} of ${recipes.length}`);
    }
  });
});
