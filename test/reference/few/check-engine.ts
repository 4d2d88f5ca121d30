/**
 * Checks any engine against the reference of learning from few labels: all that a case keeps, of a step, of what it
 * leaves behind, and of evaluation. Knows engines by their interface only.
 */

import { metricNames, TRAIN_ACCURACY } from '../../../src/recipe/metrics.js';
import { inStage } from '../../../src/recipe/recipe.js';
import type { Engine, EngineInput } from '../../../src/worker/engine/engine.js';
import type { NamedTensor, NamedTensors } from '../../../src/worker/model/parameters.js';
import { FEW_SHAPES, fewInput, fewState } from '../../support/few-recipe.js';
import {
  compareTensor,
  GRADIENT_TOLERANCE,
  incomparable,
  VALUE_TOLERANCE,
  type Comparison,
} from '../compare.js';
import type { FewCase, FewReference } from './load.js';

/** How far what a step changes may be off, as a share of the change; and of the value, whose float32 rounds it. */
const CHANGE_TOLERANCE = 1e-3;
const ROUNDING = 2e-7;

export function findFewCase(reference: FewReference, name: string): FewCase {
  const found = reference.cases.get(name);
  if (found === undefined)
    throw new Error(`The reference has no case "${name}"; ${[...reference.cases.keys()].join(', ')}.`);
  return found;
}

/** What an engine needs to run a case. */
export function fewReferenceInput(reference: FewReference, name: string): EngineInput {
  return fewInput(FEW_SHAPES[findFewCase(reference, name).data], reference.seed);
}

function scalar(value: number): NamedTensor {
  return { shape: [], values: Float32Array.of(value) };
}

function norm(values: ArrayLike<number>): number {
  return Math.hypot(...Array.from(values));
}

/** The tensors of a case whose names begin with a prefix, by the rest of their names. */
function under(
  { tensors }: FewCase,
  prefix: string,
): readonly (readonly [string, NamedTensor & { readonly key: string }])[] {
  return [...tensors].flatMap(([key, tensor]) => {
    if (!key.startsWith(prefix)) return [];
    const values = Float32Array.from(tensor.values);
    return [[key.slice(prefix.length), { key, shape: tensor.shape, values }] as const];
  });
}

/** What the engine gives for the test images: logits, how many are right, features at both parameters. */
async function compareEvaluation(engine: Engine, input: EngineInput, own: FewCase): Promise<Comparison[]> {
  const { test, classes } = input.dataset;
  const images = Float32Array.from(test.images, (byte) => byte / 127.5 - 1);
  const compare = (name: string, actual: NamedTensor, tolerance = VALUE_TOLERANCE): Comparison =>
    compareTensor(`evaluation/${name}`, actual, own.tensors.get(`evaluation/${name}`)!, tolerance);
  const logits = await engine.classify(images, test.count);
  const comparisons = [compare('logits', { shape: [test.count, classes], values: logits })];
  // In two unequal slices, as a run evaluates.
  const correct = (await engine.countCorrect(0, 3)) + (await engine.countCorrect(3, test.count - 3));
  comparisons.push(compare('correct', scalar(correct), 0));
  for (const parameters of ['current', 'average'] as const) {
    const values = await engine.features(images, test.count, parameters);
    const shape = [test.count, values.length / test.count];
    comparisons.push(compare(`${parameters}/features`, { shape, values }));
  }
  return comparisons;
}

/** An engine that fuses its layers may leave out features that go on through dropout to logits, and the embedding. */
function mayBeHidden(name: string, { tensors }: FewCase): boolean {
  const [pass, layer] = name.split('/');
  return layer === 'embedding' || (layer === 'features' && tensors.has(`${pass}/logits`));
}

async function compareStep(engine: Engine, own: FewCase): Promise<Comparison[]> {
  const inspected = await engine.inspectStep();
  return [...own.tensors].flatMap(([name, expected]) => {
    // An engine may compute the accuracy from what it reads back: it stands in the step's metrics.
    if (/^(after1|evaluation)\//.test(name) || name === TRAIN_ACCURACY) return [];
    if (!inspected.has(name) && mayBeHidden(name, own)) return [];
    const tolerance = name.startsWith('gradient') ? GRADIENT_TOLERANCE : VALUE_TOLERANCE;
    return [compareTensor(name, inspected.get(name), expected, tolerance)];
  });
}

/** The scalars of one step, as a run reports them. */
async function compareMetrics(engine: Engine, input: EngineInput, own: FewCase): Promise<Comparison[]> {
  const metrics = [...(await engine.advance(1)), ...(await engine.flush())];
  const names = metricNames(inStage(input.recipe, own.stage));
  const values = metrics[0]?.values ?? [];
  if (metrics.length !== 1 || values.length !== names.length) {
    const why = `one update gave ${values.length} scalars of ${metrics.length} steps under ${names.length} names`;
    return [incomparable('metrics', why)];
  }
  return names.map((name, index) => {
    const expected = own.tensors.get(name);
    if (expected === undefined) return incomparable(name, 'the reference lacks a metric of this name');
    const isExact = name === TRAIN_ACCURACY || name === 'confidentShare';
    return compareTensor(
      `metric ${name}`,
      scalar(values[index]!),
      expected,
      isExact ? 1e-6 : VALUE_TOLERANCE,
    );
  });
}

/** Everything that a step changes, by how much; all else has to stay as it is. */
function compareState(before: NamedTensors, after: NamedTensors, own: FewCase): Comparison[] {
  const changed = new Map(under(own, 'after1/'));
  return [...before].map(([name, { values: was }]) => {
    const expected = changed.get(name)?.values ?? was;
    const found = after.get(name)?.values;
    if (found?.length !== was.length)
      return incomparable(`after1/${name}`, 'it is missing or of another size');
    const change = norm(expected.map((value, index) => value - was[index]!));
    const limit = CHANGE_TOLERANCE * change + ROUNDING * norm(expected);
    const error = norm(expected.map((value, index) => value - found[index]!));
    return { name: `after1/${name}`, measure: 'L2 error', error, limit };
  });
}

/** Runs a case through an engine of its own, which is disposed. Give the result to `expectWithin`. */
export async function compareWithFewReference(
  reference: FewReference,
  name: string,
  createEngine: (input: EngineInput) => Promise<Engine> | Engine,
): Promise<readonly Comparison[]> {
  const own = findFewCase(reference, name);
  const input = fewReferenceInput(reference, name);
  const state = fewState(input, own.stage);
  const engine = await createEngine(input);
  try {
    await engine.importState(state);
    const comparisons = [
      ...(await compareEvaluation(engine, input, own)),
      ...(await compareStep(engine, own)),
      ...(await compareMetrics(engine, input, own)),
    ];
    const after = await engine.exportState();
    return [...comparisons, ...compareState(state.tensors, after.tensors, own)];
  } finally {
    engine.dispose();
  }
}
