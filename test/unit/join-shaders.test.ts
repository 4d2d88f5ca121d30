/** Shaders joined to one: what is joined, what is not, and that it stays within what every adapter offers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demandsOf, excessesOf } from '../../bench/wgsl-check/limits.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { RECIPE_NAMES, type RecipeName } from '../../src/recipe/recipes.js';
import type { PlannedProgram } from '../../src/worker/engine/plan/plan.js';
import { joinShaders, workgroupBytes } from '../../src/worker/engine/webgpu/kernels/join-shaders.js';
import type { Tiles } from '../../src/worker/engine/webgpu/kernels/linear.js';
import { ShaderBuilder, type Memory, type Shader } from '../../src/worker/engine/webgpu/kernels/shader.js';
import { ParameterLayout } from '../../src/worker/engine/webgpu/parameter-layout.js';
import { controlOf, joinStages, programMemory, shadersOf } from '../../src/worker/engine/webgpu/program.js';
import { planStages } from '../../src/worker/engine/webgpu/stage-programs.js';
import { defaultTiles, TILE_CANDIDATES } from '../../src/worker/engine/webgpu/tuning/tiles.js';
import { tinyDataset } from './support/data.js';

const MEMORY = { sizeOf: () => 1024 } as unknown as Memory;
const TABLE = { offset: 0, length: 1 };

interface Kernel {
  readonly reads?: readonly string[];
  readonly writes?: readonly string[];
  readonly threads?: number;
  readonly numbers?: 'data';
  readonly text?: string;
}

function kernel(
  label: string,
  { reads = [], writes = [], threads = 64, numbers, text = '' }: Kernel,
): Shader {
  const builder = new ShaderBuilder(MEMORY, numbers);
  const written = writes.map((buffer) => builder.write(buffer, 'f32'));
  const read = reads.map((buffer) => builder.read(buffer, 'f32'));
  const body = `
const FACTOR = 2f;
var<workgroup> values: array<f32, 64>;
fn value_of(thread: u32) -> f32 { return FACTOR * ${read.map((name) => `${name}[thread]`).join(' + ') || '1f'}; }
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  values[thread] = value_of(thread);
  ${text}
  ${written.map((name) => `${name}[group.y] = values[thread];`).join('\n')}
}`;
  return builder.finish(label, body, [2, 3, 1]);
}

test('joins kernels by ranges of workgroups, each with names of its own, and buffers once', () => {
  const joined = joinShaders([
    kernel('one', { reads: ['a', 'b'], writes: ['c'] }),
    kernel('other', { reads: ['b'], writes: ['d'], threads: 63 }),
  ])!;
  assert.equal(joined.label, 'one + other');
  assert.deepEqual(joined.workgroups, [12, 1, 1]);
  assert.deepEqual(
    joined.bindings.map(({ buffer, access }) => [buffer, access]),
    [
      ['c', 'read_write'],
      ['a', 'read'],
      ['b', 'read'],
      ['d', 'read_write'],
    ],
  );
  const declared = Array.from(
    joined.code.matchAll(/^(?:fn|const|var<workgroup>|@group.*var<storage, \w+>) (\w+)/gm),
    ([, name]) => name,
  );
  assert.equal(new Set(declared).size, declared.length);
  assert.match(joined.code, /part_1_FACTOR \* b_f32\[thread\]/);
  assert.match(joined.code, /const PART_0_END = 6u;\nconst PART_1_END = 12u;/);
  assert.match(
    joined.code,
    /joined_number = joined_group\.x - PART_0_END;\s+if \(joined_index >= 63u\) \{ return; \}/,
  );
  assert.match(joined.code, /part_0_values\[joined_index\] = part_0_value_of\(joined_index\);/);
  assert.equal(workgroupBytes(joined.code), 512);
});

test('joins nothing that would be wrong, too large, or idle', () => {
  const one = kernel('one', { reads: ['a'], writes: ['b'] });
  const buffers = Array.from({ length: 7 }, (_, index) => `buffer ${index}`);
  for (const [why, other] of Object.entries({
    'writes what another reads': kernel('other', { writes: ['a'] }),
    'reads what another writes': kernel('other', { reads: ['b'], writes: ['c'] }),
    'numbers are data': kernel('other', { writes: ['c'], numbers: 'data' }),
    'too many buffers': kernel('other', { reads: buffers, writes: ['c'] }),
    'threads of another number wait for each other': kernel('other', {
      writes: ['c'],
      threads: 63,
      text: 'workgroupBarrier();',
    }),
    'the place in the whole grid is asked for': {
      ...one,
      body: one.body.replace('workgroup_id', 'global_invocation_id'),
    },
    'a wave more': kernel('other', { writes: ['c'], threads: 96 }),
  })) {
    assert.equal(joinShaders([one, other]), null, why);
  }
  assert.notEqual(joinShaders([one, kernel('other', { reads: ['a'], writes: ['b', 'c'] })]), null);
});

/** What each stage of a recipe dispatches, with these tiles. */
function stepsOf(name: RecipeName, tiles: Tiles): readonly (readonly Shader[])[] {
  const recipe = buildRecipe(resolveSettings({ recipe: name }), tinyDataset());
  const parameters = new ParameterLayout(recipe);
  return planStages(recipe).programs.map((planned: PlannedProgram) => {
    const places = programMemory(planned, '', { parameters, tables: {}, buffers: {} } as never);
    const memory = { ...places, sizeOf: () => 2 ** 24, control: controlOf(planned), table: () => TABLE };
    const { operations } = planned.program;
    const shaders = operations.map((operation) => shadersOf(operation, memory as Memory, tiles, 100));
    return joinStages(operations, shaders).flatMap((part) => part.shaders);
  });
}

test('both gradients of a layer are one dispatch on a GPU, with every tile within the limits of every adapter', () => {
  const { forward, filter, narrow } = TILE_CANDIDATES;
  const choices = forward.map((tile, index): Tiles => ({
    forward: tile,
    filter: filter[index % filter.length]!,
    narrow: narrow[index % narrow.length]!,
  }));
  for (const tiles of choices) {
    for (const shader of stepsOf('notebook', tiles).flat()) {
      assert.deepEqual(excessesOf(shader.code), [], shader.label);
      assert.ok(demandsOf(shader.code).storageBuffers <= 8);
    }
  }
  const [notebook] = stepsOf('notebook', defaultTiles(false));
  assert.equal(notebook!.length, 32);
  for (const name of RECIPE_NAMES) {
    for (const step of stepsOf(name, defaultTiles(false))) {
      const split = step.filter(({ label }) => / kernel gradient$/.test(label) && !label.includes(' + '));
      assert.ok(split.length <= 4, `${name}: ${split.map(({ label }) => label).join(', ')}`);
    }
  }
});
