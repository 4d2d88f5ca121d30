/** What a step draws: from which stream, out of which images. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_SETTINGS } from '../../src/protocol/settings.js';
import { RECIPE_NAMES, type RecipeName } from '../../src/recipe/recipes.js';
import {
  drawPhase,
  dropoutStream,
  labelledStream,
  latentStream,
  sampleLatents,
  unlabelledStream,
  type PhaseDraws,
} from '../../src/worker/model/draws.js';
import { RandomStreams, streamNumber } from '../../src/worker/random/streams.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';

const DATA = { imageShape: [28, 28, 1], classes: 10 } as const;
const SPLIT = {
  labelled: Uint32Array.from({ length: 50 }, (_, i) => 7000 + i),
  unlabelled: Uint32Array.from({ length: 400 }, (_, i) => 3 * i),
};

function draw(recipe: RecipeName, step: number, seed = 5, batch = 32): PhaseDraws {
  const settings = { ...DEFAULT_SETTINGS, recipe, seed, batch };
  return drawPhase(new RandomStreams(seed), buildRecipe(recipe, DATA), settings, SPLIT, 0, step);
}

describe('the draws of a step', () => {
  it('are as many as the batch has rows, out of the pools they belong to', () => {
    const { labelled, unlabelled, latents } = draw('notebook', 0);
    assert.equal(labelled.length, 3);
    assert.equal(unlabelled.length, 28);
    assert.equal(latents.length, 32 * 100);
    assert.ok(labelled.every((index) => SPLIT.labelled.includes(index)));
    assert.ok(unlabelled.every((index) => SPLIT.unlabelled.includes(index)));
    assert.ok(latents.every((value) => value >= -1 && value < 1));
  });

  it('come from the streams of their use at the step', () => {
    const { labelled, unlabelled, latents } = draw('notebook', 12);
    const streams = new RandomStreams(5);
    const picked = streams.indices(labelledStream(0), 12, 3, 50);
    assert.deepEqual(
      Array.from(labelled),
      Array.from(picked, (i) => SPLIT.labelled[i]!),
    );
    const others = streams.indices(unlabelledStream(0), 12, 28, 400);
    assert.deepEqual(
      Array.from(unlabelled),
      Array.from(others, (i) => SPLIT.unlabelled[i]!),
    );
    assert.deepEqual(latents, streams.uniform(latentStream(0), 12, 3200, -1, 1));
  });

  it('are the same again, and others at another step or seed', () => {
    assert.deepEqual(draw('notebook', 3), draw('notebook', 3));
    assert.notDeepEqual(draw('notebook', 4).latents, draw('notebook', 3).latents);
    assert.notDeepEqual(draw('notebook', 3, 6).latents, draw('notebook', 3).latents);
  });

  it('give every recipe the same labelled images', () => {
    for (const recipe of RECIPE_NAMES)
      assert.deepEqual(draw(recipe, 8).labelled, draw('notebook', 8).labelled);
  });

  it('are empty where no pass asks for them', () => {
    const { unlabelled, latents } = draw('labels-only', 0);
    assert.equal(unlabelled.length, 0);
    assert.equal(latents.length, 0);
  });

  it('repeat images, since they are drawn with replacement', () => {
    const labelled = Array.from({ length: 40 }, (_, step) =>
      Array.from(draw('notebook', step).labelled),
    ).flat();
    assert.ok(new Set(labelled).size < labelled.length);
    assert.ok(new Set(labelled).size > 35, 'and all of the pool is drawn in time');
  });
});

describe('the other streams', () => {
  it('differ by phase, pass and layer', () => {
    const { passes } = buildRecipe('notebook', DATA).phases[0]!;
    const numbers = [0, 1].flatMap((phase) =>
      passes.flatMap((pass) => [1, 9].map((layer) => dropoutStream(phase, pass, layer))),
    );
    const all = [...numbers, labelledStream(0), labelledStream(1), unlabelledStream(0), latentStream(0)];
    assert.equal(new Set(all).size, all.length);
  });

  it('give the samples their fixed latents, whatever the step', () => {
    const latents = sampleLatents(new RandomStreams(5), 64, 100);
    assert.equal(latents.length, 6400);
    assert.deepEqual(latents, new RandomStreams(5).uniform(streamNumber('sampleLatent'), 0, 6400, -1, 1));
    assert.deepEqual(sampleLatents(new RandomStreams(5), 8, 100), latents.slice(0, 800));
  });
});
