/** A tfjs backend beside cpu: what the second step of a recipe computes. */

import type { RecipeName } from '../../../src/recipe/recipes.js';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import { createTfjsEngine, type TfjsBackend } from '../../../src/worker/engine/tfjs/index.js';
import type { NamedTensor } from '../../../src/worker/model/parameters.js';
import { expect } from '@open-wc/testing';
import { exactZerosOf } from '../../support/exact-zeros.js';
import { expectClose } from './compare.js';
import { tinyInput } from './tiny.js';

/** WebGL in software compiles a recipe for a quarter of a minute where it has the machine to itself. */
export const COMPARISON_TIMEOUT_MS = 180_000;

/** Recipes that backends are compared on. */
export const COMPARED = [
  'notebook',
  'notebook-as-run',
  'notebook-feature-matching',
  'labels-only',
  'notebook-repaired',
] as const;

export type Inspected = ReadonlyMap<string, NamedTensor>;

/** The project's limits: values 1e-4, gradients 1e-3. */
export const tolerance = (name: string): number => (name.startsWith('gradient/') ? 1e-3 : 1e-4);

/** What the second step computes: the first has running statistics and moments at their start. */
export async function inspectSecondStep(
  backend: TfjsBackend,
  input: EngineInput,
  state?: Inspected,
): Promise<Inspected> {
  const engine = await createTfjsEngine(backend, input);
  try {
    if (state !== undefined) await engine.importState({ step: 1, tensors: state });
    return await engine.inspectStep();
  } finally {
    engine.dispose();
  }
}

async function stateAfterOneStep(input: EngineInput): Promise<Inspected> {
  const engine = await createTfjsEngine('cpu', input);
  try {
    await engine.advance(1);
    return (await engine.exportState()).tensors;
  } finally {
    engine.dispose();
  }
}

const expected = new Map<RecipeName, Promise<{ readonly state: Inspected; readonly inspected: Inspected }>>();

/** The cpu backend's second step, computed once a recipe. */
export function reference(
  recipe: RecipeName,
): Promise<{ readonly state: Inspected; readonly inspected: Inspected }> {
  const make = async (): Promise<{ readonly state: Inspected; readonly inspected: Inspected }> => {
    const input = tinyInput(recipe);
    const state = await stateAfterOneStep(input);
    return { state, inspected: await inspectSecondStep('cpu', input, state) };
  };
  let found = expected.get(recipe);
  if (found === undefined) {
    found = make();
    expected.set(recipe, found);
  }
  return found;
}

/** Layers, losses, gradients and running statistics of a recipe are those of the cpu backend. */
export async function checkBeside(backend: TfjsBackend, recipe: RecipeName): Promise<void> {
  const { state, inspected } = await reference(recipe);
  const actual = await inspectSecondStep(backend, tinyInput(recipe), state);
  expect([...actual.keys()].sort()).to.deep.equal([...inspected.keys()].sort());
  expectClose(actual, inspected, tolerance, exactZerosOf(tinyInput(recipe).recipe));
}
