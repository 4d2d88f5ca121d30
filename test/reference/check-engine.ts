/**
 * Checks any engine against the reference: runs it over a case's inputs and compares all that the
 * case keeps. Knows engines by their interface only.
 */

import { resolveSettings } from '../../src/protocol/check-settings.js';
import { sampleLatents } from '../../src/worker/model/draws.js';
import type { Engine, EngineInput, EngineState, StepMetrics } from '../../src/worker/engine/engine.js';
import { parametersOf, type NamedTensor } from '../../src/worker/model/parameters.js';
import { RandomStreams } from '../../src/worker/random/streams.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { metricNames, TRAIN_ACCURACY } from '../../src/recipe/metrics.js';
import { inStage, type Recipe } from '../../src/recipe/recipe.js';
import { makeSplit } from '../../src/worker/data/split.js';
import {
  compareParameters,
  compareTensor,
  expectWithin,
  GRADIENT_TOLERANCE,
  incomparable,
  VALUE_TOLERANCE,
  type Comparison,
} from './compare.js';
import { referenceDataset, shakenTensors } from './inputs.js';
import type { Reference, ReferenceCase, ReferenceTensor } from './load.js';

export type EngineFactory = (input: EngineInput) => Promise<Engine>;

/**
 * Parts of a check: `evaluation` before any update and `step`, what the next step computes; then the
 * state after 1 and after 3 updates. A case has those that it keeps tensors for.
 */
export const PARTS = ['evaluation', 'step', 'after1', 'after3'] as const;
export type Part = (typeof PARTS)[number];

/** Layers that every engine must be able to show; one that fuses its layers may leave out the others. */
const SHOWN_LAYERS = ['input', 'features', 'logits', 'tanh'];
const PASSES = ['labelled', 'unlabelled', 'generated', 'fake'];

function partOf(name: string): Part {
  const [first] = name.split('/');
  if (first === 'after1' || first === 'after3') return first;
  return first === 'evaluation' || first === 'generate' ? 'evaluation' : 'step';
}

function trainedNames(recipe: Recipe): readonly string[] {
  return parametersOf(recipe)
    .filter(({ role }) => role === 'trained')
    .map(({ name }) => name);
}

export function findCase(reference: Reference, name: string): ReferenceCase {
  const found = reference.cases.get(name);
  if (found === undefined)
    throw new Error(`The reference has no case "${name}"; ${[...reference.cases.keys()].join(', ')}.`);
  return found;
}

/** What an engine needs to run a case. */
export function referenceInput(reference: Reference, name: string): EngineInput {
  const { recipe, batch, dropout } = findCase(reference, name);
  const { seed, labels } = reference;
  const dataset = referenceDataset();
  const settings = resolveSettings({ recipe, seed, labels, batch, dropout });
  return { recipe: buildRecipe(settings, dataset), settings, dataset, split: makeSplit(dataset, settings) };
}

/** One engine on one case. */
class EngineCheck {
  readonly comparisons: Comparison[] = [];
  readonly #reference: Reference;
  readonly #case: ReferenceCase;
  readonly #input: EngineInput;
  readonly #engine: Engine;

  constructor(reference: Reference, name: string, engine: Engine) {
    this.#reference = reference;
    this.#case = findCase(reference, name);
    this.#input = referenceInput(reference, name);
    this.#engine = engine;
  }

  async run(parts: readonly Part[]): Promise<void> {
    const { start, step } = this.#case;
    if (start === 'shaken') {
      const tensors = shakenTensors(this.#input.recipe, this.#reference.seed);
      await this.#engine.importState({ step, tensors });
    }
    const has = (part: Part): boolean =>
      parts.includes(part) && [...this.#case.tensors.keys()].some((name) => partOf(name) === part);
    if (has('evaluation')) await this.#checkEvaluation('');
    if (has('step')) await this.#checkStep();
    if (has('after1')) await this.#checkUpdates('after1', 1);
    if (has('after3')) await this.#checkUpdates('after3', has('after1') ? 2 : 3);
  }

  #add(...comparisons: readonly Comparison[]): void {
    this.comparisons.push(...comparisons);
  }

  #compare(name: string, actual: NamedTensor | undefined, tolerance: number): void {
    this.#add(compareTensor(name, actual, this.#case.tensors.get(name)!, tolerance));
  }

  /** A count or a share of one: no rounding excuses it. */
  #compareExactly(name: string, actual: number): void {
    this.#compare(name, { shape: [], values: Float32Array.of(actual) }, 0);
  }

  async #checkEvaluation(prefix: '' | 'after1/'): Promise<void> {
    const { test, imageShape, classes } = this.#input.dataset;
    const images = Float32Array.from(test.images, (byte) => byte / 127.5 - 1);
    const logits = await this.#engine.classify(images, test.count);
    this.#compare(
      `${prefix}evaluation/logits`,
      { shape: [test.count, classes + 1], values: logits },
      VALUE_TOLERANCE,
    );
    // In two unequal slices, as a run evaluates.
    const first = 37;
    const correct = await this.#engine.countCorrect(0, first);
    const rest = await this.#engine.countCorrect(first, test.count - first);
    this.#compareExactly(`${prefix}evaluation/correct`, correct + rest);
    if (!this.#case.tensors.has(`${prefix}generate/images`)) return;
    const { seed, samples } = this.#reference;
    const latents = sampleLatents(new RandomStreams(seed), samples, this.#input.recipe);
    const values = await this.#engine.generate(latents, samples);
    this.#compare(`${prefix}generate/images`, { shape: [samples, ...imageShape], values }, VALUE_TOLERANCE);
  }

  async #checkStep(): Promise<void> {
    const inspected = await this.#engine.inspectStep();
    for (const name of this.#case.tensors.keys()) {
      // An engine computes the accuracy from what it reads back: it stands in the step's metrics.
      if (partOf(name) !== 'step' || name === 'trainAccuracy') continue;
      const [first, layer] = name.split('/') as [string, string | undefined];
      const isHidden = PASSES.includes(first) && !SHOWN_LAYERS.includes(layer!);
      if (isHidden && !inspected.has(name)) continue;
      this.#compare(name, inspected.get(name), first === 'gradient' ? GRADIENT_TOLERANCE : VALUE_TOLERANCE);
    }
  }

  async #checkUpdates(part: 'after1' | 'after3', count: number): Promise<void> {
    const metrics = [...(await this.#engine.advance(count)), ...(await this.#engine.flush())];
    const updates = part === 'after1' ? 1 : 3;
    if (part === 'after1') this.#checkMetrics(metrics);
    const state = await this.#engine.exportState();
    const expectedStep = this.#case.step + updates;
    if (state.step !== expectedStep) {
      this.#add(
        incomparable(`${part}/step`, `the engine says step ${state.step} instead of ${expectedStep}`),
      );
    }
    this.#checkState(part, state, updates);
    if (!this.#case.tensors.has(`${part}/evaluation/logits`)) return;
    const noise = this.#noiseNames(part);
    if (noise.length > 0) await this.#engine.importState(withZeros(state, noise));
    await this.#checkEvaluation('after1/');
    if (noise.length > 0) await this.#engine.importState(state);
  }

  /** The scalars that a run reports: all that the case keeps, and no other. */
  #checkMetrics(metrics: readonly StepMetrics[]): void {
    const [first] = metrics;
    if (metrics.length !== 1 || first?.step !== this.#case.step + 1) {
      const steps = metrics.map(({ step }) => step).join();
      this.#add(incomparable('metrics', `one update gave metrics of the steps [${steps}]`));
      return;
    }
    const names = metricNames(inStage(this.#input.recipe, 0));
    if (first.values.length !== names.length) {
      this.#add(incomparable('metrics', `${first.values.length} scalars under ${names.length} names`));
    }
    const kept = [...this.#case.tensors.keys()].filter((name) => !name.includes('/'));
    for (const name of kept.filter((other) => !names.includes(other))) {
      this.#add(incomparable(name, 'the engine gives no such scalar'));
    }
    names.forEach((name, i) => {
      const value = first.values[i]!;
      if (!kept.includes(name)) this.#add(incomparable(name, `${value} for a term that the case lacks`));
      else if (name === TRAIN_ACCURACY) this.#compareExactly(name, value);
      else this.#compare(name, { shape: [], values: Float32Array.of(value) }, VALUE_TOLERANCE);
    });
  }

  #checkState(part: string, { tensors }: EngineState, updates: number): void {
    const { settings, recipe } = this.#input;
    // The cases give both networks the same.
    const lr = settings.discriminatorLr;
    const trained = new Set(trainedNames(recipe));
    const parameters = new Map<string, ReferenceTensor>();
    for (const [key, expected] of this.#case.tensors) {
      const name = key.slice(part.length + 1);
      if (!key.startsWith(`${part}/`) || name.startsWith('evaluation/')) continue;
      if (trained.has(name)) parameters.set(name, expected);
      else
        this.#compare(
          key,
          tensors.get(name),
          name.startsWith('adam/') ? GRADIENT_TOLERANCE : VALUE_TOLERANCE,
        );
    }
    this.#add(...compareParameters(part, tensors, parameters, lr, updates));
    for (const name of this.#noiseNames(part)) {
      // Adam's early steps are at most the learning rate; rounding may add a little.
      const limit = lr * updates * 1.01;
      const values = tensors.get(name)?.values ?? Float32Array.of(NaN);
      const error = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      this.#add({ name: `${part}/${name}`, measure: 'largest value made of rounding noise', error, limit });
    }
  }

  /** Biases whose updates the reference does not keep, since their gradient is but rounding noise. */
  #noiseNames(part: string): readonly string[] {
    return trainedNames(this.#input.recipe).filter((name) => !this.#case.tensors.has(`${part}/${name}`));
  }
}

function withZeros({ step, tensors }: EngineState, names: readonly string[]): EngineState {
  const zeroed = new Map(tensors);
  for (const name of names) {
    const { shape, values } = tensors.get(name)!;
    zeroed.set(name, { shape, values: new Float32Array(values.length) });
  }
  return { step, tensors: zeroed };
}

/** Every comparison of a case's parts with what the engine computes. The engine is disposed. */
export async function compareWithReference(
  reference: Reference,
  caseName: string,
  makeEngine: EngineFactory,
  parts: readonly Part[] = PARTS,
): Promise<readonly Comparison[]> {
  const engine = await makeEngine(referenceInput(reference, caseName));
  try {
    const check = new EngineCheck(reference, caseName, engine);
    await check.run(parts);
    return check.comparisons;
  } finally {
    engine.dispose();
  }
}

/** Throws an error that lists what differs from the reference by more than its tolerance. */
export async function checkAgainstReference(
  reference: Reference,
  caseName: string,
  makeEngine: EngineFactory,
  parts: readonly Part[] = PARTS,
): Promise<void> {
  expectWithin(await compareWithReference(reference, caseName, makeEngine, parts));
}
