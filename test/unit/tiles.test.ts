/** The tiles to choose from: each has a name of its own and fits what WebGPU promises everywhere. */

import { inStage } from '../../src/recipe/recipe.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECIPE_NAMES } from '../../src/recipe/recipes.js';
import {
  planEvaluate,
  planGenerate,
  planTrainStep,
  type PlannedProgram,
} from '../../src/worker/engine/plan/plan.js';
import type { Tiles } from '../../src/worker/engine/webgpu/kernels/linear.js';
import { controlLayout, type Memory } from '../../src/worker/engine/webgpu/kernels/shader.js';
import { ParameterLayout } from '../../src/worker/engine/webgpu/parameter-layout.js';
import { controlOf, programMemory, shaderOf, shadersOf } from '../../src/worker/engine/webgpu/program.js';
import { planStages } from '../../src/worker/engine/webgpu/stage-programs.js';
import {
  defaultTiles,
  TILE_CANDIDATES,
  tileName,
  tileNames,
} from '../../src/worker/engine/webgpu/tuning/tiles.js';
import { roleOf } from '../../src/worker/engine/webgpu/kernels/linear.js';
import { operationsOf } from '../../src/worker/engine/webgpu/tuning/tuner-trials.js';
import { metricNames } from '../../src/recipe/metrics.js';
import { randomInput } from '../support/random-recipes.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { tinyDataset } from './support/data.js';

/** WebGPU's default limits of a workgroup. */
const MOST_THREADS = 256;
const MOST_BYTES = 16_384;
/** WebGPU's default limit of storage buffers a shader stage. */
const MOST_BINDINGS = 8;
const TYPE_BYTES: Readonly<Record<string, number>> = { f32: 4, u32: 4, vec4f: 16 };

const recipeOf = (recipe: (typeof RECIPE_NAMES)[number]) =>
  buildRecipe(resolveSettings({ recipe }), tinyDataset());
/** Random recipes whose losses read logits and features from the most buffers. */
const RECIPES_OF_MANY_LOGITS = [33, 39, 142, 378];
const TABLE = { offset: 0, length: 1 };
const ROLES = Object.keys(TILE_CANDIDATES) as (keyof Tiles)[];

test('every candidate of a role has a name of its own, and the unmeasured tile comes first', () => {
  for (const role of ROLES) {
    const names = TILE_CANDIDATES[role].map(tileName);
    assert.equal(new Set(names).size, names.length);
    assert.equal(names[0], tileNames(defaultTiles(false))[role]);
  }
});

function memoryOf(planned: PlannedProgram, parameters: ParameterLayout): Memory {
  const places = programMemory(planned, '', { parameters, tables: {}, buffers: {} } as never);
  return { ...places, sizeOf: () => 2 ** 24 };
}

test('every candidate keeps to 256 threads and 16 KiB a workgroup, in every product of every recipe', () => {
  let checked = 0;
  for (const name of RECIPE_NAMES) {
    const recipe = recipeOf(name);
    const parameters = new ParameterLayout(recipe);
    const programs = [planTrainStep(inStage(recipe, 0)), planEvaluate(recipe, 100)];
    if (recipe.generator !== null) programs.push(planGenerate(recipe, 64));
    for (const planned of programs) {
      const memory = memoryOf(planned, parameters);
      for (const operation of planned.program.operations) {
        if (operation.kind !== 'product' && operation.kind !== 'filterGradient') continue;
        for (const tile of TILE_CANDIDATES[roleOf(operation)]) {
          const { code, label } = shaderOf(
            operation,
            memory,
            { forward: tile, filter: tile, narrow: tile },
            100,
          );
          const what = `${tileName(tile)} in ${label} of ${name}`;
          const [, across, down] = /@workgroup_size\((\d+)(?:, (\d+))?\)/.exec(code)!;
          assert.ok(Number(across) * Number(down ?? 1) <= MOST_THREADS, `threads of ${what}`);
          const arrays = [...code.matchAll(/var<workgroup> \w+: array<(\w+), (\d+)>/g)];
          if (tile.kind === 'shared') assert.ok(arrays.length > 0, `arrays of ${what}`);
          const bytes = arrays.reduce(
            (sum, [, type, length]) => sum + TYPE_BYTES[type!]! * Number(length),
            0,
          );
          assert.ok(bytes <= MOST_BYTES, `${bytes} bytes of ${what}`);
          checked++;
        }
      }
    }
  }
  assert.ok(checked > 0);
});

test('no product and no norm binds more than eight storage buffers, with its numbers as data', () => {
  let most = 0;
  for (const name of RECIPE_NAMES) {
    const recipe = recipeOf(name);
    const planned = planTrainStep(inStage(recipe, 0));
    const memory = memoryOf(planned, new ParameterLayout(recipe));
    for (const operation of planned.program.operations) {
      if (!/product|Gradient|normStatistics/.test(operation.kind)) continue;
      const { bindings, label } = shaderOf(operation, memory, defaultTiles(true), 100, 'data');
      assert.ok(bindings.length <= MOST_BINDINGS, `${bindings.length} buffers of ${label} of ${name}`);
      most = Math.max(most, bindings.length);
    }
  }
  assert.ok(most > 3);
});

test('no loss binds more than six storage buffers, in any recipe', () => {
  const recipes = [
    ...RECIPE_NAMES.map(recipeOf),
    ...RECIPES_OF_MANY_LOGITS.map((seed) => randomInput(seed).recipe),
  ];
  let most = 0;
  for (const recipe of recipes) {
    const planned = planTrainStep(inStage(recipe, 0));
    const control = controlLayout(metricNames(inStage(recipe, 0)).length, planned.program.stepScalars.length);
    const memory = { ...memoryOf(planned, new ParameterLayout(recipe)), control };
    for (const operation of planned.program.operations) {
      if (operation.kind !== 'loss') continue;
      const { bindings, label } = shaderOf(operation, memory, defaultTiles(true), 100);
      assert.ok(bindings.length <= 6, `${bindings.length} buffers of ${label} of ${recipe.name}`);
      most = Math.max(most, bindings.length);
    }
  }
  assert.equal(most, 6);
});

test('no kernel of any stage of any recipe binds more than eight storage buffers, and steps keep to their dispatches', () => {
  for (const name of RECIPE_NAMES) {
    const recipe = recipeOf(name);
    const parameters = new ParameterLayout(recipe);
    const plan = planStages(recipe);
    plan.programOf.forEach((program, stage) => {
      const planned = plan.programs[program]!;
      const memory = {
        ...memoryOf(planned, parameters),
        control: controlOf(planned),
        table: () => TABLE,
      } as Memory;
      let dispatches = 0;
      for (const operation of planned.program.operations) {
        const shaders = shadersOf(operation, memory, defaultTiles(true), 100, 'data');
        dispatches += shaders.length;
        for (const { bindings, label } of shaders) {
          const mostBuffers = operation.kind === 'loss' ? 6 : 8;
          assert.ok(bindings.length <= mostBuffers, `${bindings.length} buffers of ${label} of ${name}`);
        }
      }
      const { key } = recipe.stages[stage]!;
      const most = { train: 48, look: 40, draw: 110 }[key] ?? 90;
      assert.ok(dispatches <= most, `${dispatches} dispatches of ${key} of ${name}`);
    });
  }
});

test('a role is measured on its heaviest operation of each form', () => {
  const recipe = recipeOf('notebook');
  const { program } = planTrainStep(inStage(recipe, 0));
  const names = Object.fromEntries(
    ROLES.map((role) => [
      role,
      operationsOf(program, role)
        .map(({ name }) => name)
        .sort(),
    ]),
  );
  assert.deepEqual(names, {
    forward: ['discriminator/conv2', 'discriminator/conv2 input gradient'],
    filter: ['discriminator/conv2 kernel gradient'],
    narrow: ['discriminator/conv1', 'discriminator/conv1 kernel gradient', 'generator/deconv4'],
  });
});
