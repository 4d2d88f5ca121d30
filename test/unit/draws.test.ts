/** What a step draws: from which stream, out of which images. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NOTEBOOK_RECIPES } from '../support/notebook-recipes.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import {
  drawPhase,
  dropoutStream,
  groupStream,
  sampleLatents,
  type GroupDraw,
} from '../../src/worker/model/draws.js';
import { RandomStreams, streamNumber } from '../../src/worker/random/streams.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { inStage, type Recipe } from '../../src/recipe/recipe.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';

const DATA = { imageShape: [28, 28, 1], classes: 10 } as const;
const SPLIT = {
  labelled: Uint32Array.from({ length: 50 }, (_, i) => 7000 + i),
  unlabelled: Uint32Array.from({ length: 400 }, (_, i) => 3 * i),
};

function recipeOf(recipe: RecipeName): Recipe {
  return buildRecipe(resolveSettings({ recipe }), DATA);
}

function drawGroups(recipe: RecipeName, step: number, seed = 5): ReadonlyMap<string, GroupDraw> {
  return drawPhase(new RandomStreams(seed), inStage(recipeOf(recipe), 0), SPLIT, 0, step);
}

interface NotebookDraw {
  readonly labelled: Uint32Array;
  readonly unlabelled: Uint32Array;
  readonly latents: Float32Array;
}

/** What the notebook's groups draw. */
function draw(step: number, seed = 5): NotebookDraw {
  const drawn = drawGroups('notebook', step, seed);
  return {
    labelled: drawn.get('labelled')!.indices!,
    unlabelled: drawn.get('unlabelled')!.indices!,
    latents: drawn.get('latents')!.latents!,
  };
}

/** Stream of one of the notebook's groups, as if its phase were one of another index. */
function streamOf(group: string, phaseIndex = 0): number {
  const phase = recipeOf('notebook').stages[0]!.phases[0]!;
  return groupStream(
    phaseIndex,
    phase,
    phase.groups.find(({ name }) => name === group)!,
  );
}

describe('the draws of a step', () => {
  it('are as many as the batch has rows, out of the pools they belong to', () => {
    const { labelled, unlabelled, latents } = draw(0);
    assert.equal(labelled.length, 3);
    assert.equal(unlabelled.length, 28);
    assert.equal(latents.length, 32 * 100);
    assert.ok(labelled.every((index) => SPLIT.labelled.includes(index)));
    assert.ok(unlabelled.every((index) => SPLIT.unlabelled.includes(index)));
    assert.ok(latents.every((value) => value >= -1 && value < 1));
  });

  it('come from the streams of their use at the step', () => {
    const { labelled, unlabelled, latents } = draw(12);
    const streams = new RandomStreams(5);
    const picked = streams.indices(streamOf('labelled'), 12, 3, 50);
    assert.deepEqual(
      Array.from(labelled),
      Array.from(picked, (i) => SPLIT.labelled[i]!),
    );
    const others = streams.indices(streamOf('unlabelled'), 12, 28, 400);
    assert.deepEqual(
      Array.from(unlabelled),
      Array.from(others, (i) => SPLIT.unlabelled[i]!),
    );
    assert.deepEqual(latents, streams.uniform(streamOf('latents'), 12, 3200, -1, 1));
  });

  it('are the same again, and others at another step or seed', () => {
    assert.deepEqual(draw(3), draw(3));
    assert.notDeepEqual(draw(4).latents, draw(3).latents);
    assert.notDeepEqual(draw(3, 6).latents, draw(3).latents);
  });

  it('give every recipe the same labelled images', () => {
    for (const recipe of NOTEBOOK_RECIPES) {
      const { labelled } = draw(8);
      // One of them draws more.
      assert.deepEqual(drawGroups(recipe, 8).get('labelled')!.indices!.slice(0, labelled.length), labelled);
    }
  });

  it('are none but the groups that a pass reads', () => {
    assert.deepEqual([...drawGroups('labels-only', 0).keys()], ['labelled']);
  });

  it('repeat images, since they are drawn with replacement', () => {
    const labelled = Array.from({ length: 40 }, (_, step) => Array.from(draw(step).labelled)).flat();
    assert.ok(new Set(labelled).size < labelled.length);
    assert.ok(new Set(labelled).size > 35, 'and all of the pool is drawn in time');
  });
});

describe('the stream of a group', () => {
  it('is that of its pool’s use', () => {
    assert.equal(streamOf('labelled'), streamNumber('labelledIndex'));
    assert.equal(streamOf('unlabelled', 1), streamNumber('unlabelledIndex', 1));
    assert.equal(streamOf('latents'), streamNumber('latent'));
  });

  it('is another for a second group of the pool, and the same for one that takes the first one’s indices', () => {
    const { groups, ...phase } = recipeOf('notebook').stages[0]!.phases[0]!;
    const first = groups.find(({ name }) => name === 'unlabelled')!;
    const taking = { ...first, name: 'again', indicesOf: 'unlabelled' };
    const second = { ...first, name: 'others' };
    const wider = { ...phase, groups: [...groups, taking, second] };
    assert.equal(groupStream(0, wider, taking), groupStream(0, wider, first));
    assert.equal(groupStream(0, wider, second), streamNumber('unlabelledIndex', 0, 1));
  });
});

describe('the other streams', () => {
  it('differ by phase, pass and layer', () => {
    const { passes } = recipeOf('notebook').stages[0]!.phases[0]!;
    const numbers = [0, 1].flatMap((phase) =>
      passes.flatMap((pass) => [1, 9].map((layer) => dropoutStream(phase, pass, layer))),
    );
    const all = [
      ...numbers,
      streamOf('labelled'),
      streamOf('labelled', 1),
      streamOf('unlabelled'),
      streamOf('latents'),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  it('give the samples their fixed latents, whatever the step', () => {
    const generator = { network: 'generator', latentSize: 100, parameters: 'current' } as const;
    const recipe = { classes: 3, generator };
    const latents = sampleLatents(new RandomStreams(5), 64, recipe);
    assert.equal(latents.length, 6400);
    assert.deepEqual(latents, new RandomStreams(5).uniform(streamNumber('sampleLatent'), 0, 6400, -1, 1));
    assert.deepEqual(sampleLatents(new RandomStreams(5), 8, recipe), latents.slice(0, 800));
    assert.equal(sampleLatents(new RandomStreams(5), 8, { classes: 3, generator: null }).length, 0);
  });

  it('begin conditional latents with a code of the class, all classes in turn', () => {
    const generator = {
      network: 'generator',
      latentSize: 5,
      isConditional: true,
      parameters: 'current',
    } as const;
    const plain = sampleLatents(new RandomStreams(5), 7, {
      classes: 3,
      generator: { ...generator, isConditional: false },
    });
    const latents = sampleLatents(new RandomStreams(5), 7, { classes: 3, generator });
    for (let row = 0; row < 7; row++) {
      const code = [0, 0, 0];
      code[row % 3] = 1;
      assert.deepEqual([...latents.slice(row * 5, row * 5 + 3)], code);
      assert.deepEqual(latents.slice(row * 5 + 3, row * 5 + 5), plain.slice(row * 5 + 3, row * 5 + 5));
    }
  });
});
