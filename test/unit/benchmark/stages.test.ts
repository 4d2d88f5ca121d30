import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stageMeant, stagesOf, stageTold } from '../../../src/protocol/benchmark/stages.js';
import { recipeLabel } from '../../../src/protocol/benchmark/table.js';
import { evaluationCount } from '../../../src/protocol/evaluation-schedule.js';
import { RECIPE_NAMES } from '../../../src/recipe/recipes.js';
import { oneStage, stageKeys } from '../../../src/recipe/one-stage.js';
import { inStage, unmeasuredSteps } from '../../../src/recipe/recipe.js';
import { stageRun } from '../../../src/worker/benchmark/stage-run.js';
import { stepArithmetic } from '../../../src/worker/benchmark/step-arithmetic.js';
import { tinyInput } from '../../worker/support/tiny.js';

describe('a stage of a recipe', () => {
  it('is the longest that learns from labels unless another is meant, and is named where there are several', () => {
    assert.deepEqual(stagesOf('few-labels'), ['look', 'spread', 'learn', 'draw']);
    assert.equal(stageMeant('few-labels', null), 'learn');
    assert.equal(stageTold('few-labels', null), 'learn');
    assert.equal(stageTold('few-labels', 'look'), 'look');
    assert.equal(stageTold('notebook', null), null);
    assert.equal(recipeLabel({ recipe: 'few-labels', stage: 'look' }), 'few-labels, stage look');
    assert.equal(recipeLabel({ recipe: 'notebook' }), 'notebook');
  });

  it('is trained by itself as a run begins, with nothing before it', () => {
    const input = tinyInput('few-labels');
    const { recipe } = input;
    for (const key of stageKeys(recipe)) {
      const alone = oneStage(recipe, key);
      const index = recipe.stages.findIndex((stage) => stage.key === key);
      assert.equal(alone.stages.length, 1);
      assert.deepEqual(inStage(alone, 0).phases, inStage(recipe, index).phases);
      assert.deepEqual(inStage(alone, 0).networks, inStage(recipe, index).networks);
      assert.deepEqual([alone.stages[0]!.optimisers, alone.stages[0]!.before], ['fresh', null]);
    }
    assert.throws(() => oneStage(recipe, 'rest'), /has no stage "rest"; it has look, spread, learn, draw\./);
  });

  it('has multiply-adds of its own', () => {
    const input = tinyInput('few-labels');
    const of = (key: string): number =>
      stepArithmetic({ ...input, recipe: oneStage(input.recipe, key) }).multiplyAdds;
    assert.ok(of('look') > 0 && of('learn') > of('look'));
    assert.equal(of('spread'), of('learn'));
  });

  it('has its share of a run’s steps and evaluations, all of them together the run’s', () => {
    for (const name of RECIPE_NAMES) {
      const { recipe, settings } = tinyInput(name);
      const runs = stageKeys(recipe).map((key) => stageRun(recipe, key, settings));
      const sum = (of: (run: (typeof runs)[number]) => number): number =>
        runs.reduce((total, run) => total + of(run), 0);
      const schedule = { ...settings, unmeasuredSteps: unmeasuredSteps(recipe) };
      assert.deepEqual(
        [sum(({ steps }) => steps), sum(({ evaluations }) => evaluations)],
        [settings.steps, evaluationCount(schedule)],
        name,
      );
    }
    const { recipe, settings } = tinyInput('few-labels');
    assert.equal(stageRun(recipe, 'look', settings).evaluations, 0);
  });
});
