/** Lowers the programs that use a network without training it, and the one that draws first values. */

import type { Settings } from '../../../../protocol/settings.js';
import { parametersOf, sizeOf } from '../../../model/parameters.js';
import type { Recipe } from '../../../../recipe/recipes.js';
import { cutIntoBlocks } from './blocks.js';
import { ProgramBuilder } from './builder.js';
import { primitivesOf } from './graph.js';
import { lowerForward } from './lower-forward.js';
import type { OpSegment, Program, TensorId } from '../operations.js';

interface Inference {
  readonly input: TensorId;
  readonly rows: number;
  readonly shape: readonly number[];
}

function lowerNetwork(
  builder: ProgramBuilder,
  recipe: Recipe,
  settings: Settings,
  network: string,
  { input, rows }: Inference,
): TensorId {
  const segment: OpSegment = {
    rows,
    forwardRow: 0,
    passRow: 0,
    forwardSegment: 0,
    gradientRow: 0,
    gradientSegment: 0,
    targetRow: 0,
    instance: 0,
  };
  const blocks = lowerForward(builder, {
    network,
    instances: 1,
    blocks: cutIntoBlocks(primitivesOf(networkOf(recipe, network))),
    input,
    rows,
    segments: [segment],
    settings,
    training: null,
  });
  return blocks.at(-1)!.stored;
}

function networkOf(recipe: Recipe, name: string): Recipe['networks'][number]['network'] {
  const entry = recipe.networks.find(({ network }) => network.name === name);
  if (entry === undefined) throw new Error(`The recipe has no network "${name}".`);
  return entry.network;
}

function classifierWidth(recipe: Recipe): number {
  const { layers } = networkOf(recipe, recipe.classifier.network);
  const last = layers.at(-1)!;
  if (last.kind !== 'dense') throw new Error(`The classifier ends in "${last.name}", not in a dense layer.`);
  return last.units;
}

/** Test images first … first + rows - 1 to the number of them classified as labelled. */
export function lowerEvaluate(recipe: Recipe, settings: Settings, rows: number): Program {
  const builder = new ProgramBuilder();
  const { network } = recipe.classifier;
  const shape = networkOf(recipe, network).inputShape;
  const input = builder.tensor(`${network} input`, [rows, ...shape]);
  const labels = builder.tensor('labels', [rows], 'draws', 'u32');
  builder.stage({
    kind: 'draw',
    name: 'gather',
    parts: [
      { kind: 'images', source: 'test', stream: 0, rows, target: input, targetRow: 0 },
      { kind: 'labels', source: 'test', stream: 0, rows, target: labels },
    ],
  });
  const logits = lowerNetwork(builder, recipe, settings, network, { input, rows, shape });
  const target = builder.tensor('correct', [1], 'results', 'u32');
  builder.stage({
    kind: 'countCorrect',
    name: 'count correct',
    logits,
    width: classifierWidth(recipe),
    rows,
    labels,
    target,
  });
  return builder.build('evaluate', [], [target]);
}

/** Images the host gives, in [-1, 1], to logits. */
export function lowerClassify(recipe: Recipe, settings: Settings, rows: number): Program {
  const builder = new ProgramBuilder();
  const { network } = recipe.classifier;
  const shape = networkOf(recipe, network).inputShape;
  const input = builder.tensor(`${network} input`, [rows, ...shape]);
  const logits = lowerNetwork(builder, recipe, settings, network, { input, rows, shape });
  return builder.build('classify', [input], [logits]);
}

/** Latents the host gives to images in [-1, 1]. Throws where the recipe has no generator. */
export function lowerGenerate(recipe: Recipe, settings: Settings, rows: number): Program {
  if (recipe.generator === null) throw new Error(`The recipe ${recipe.name} has no generator.`);
  const builder = new ProgramBuilder();
  const { network } = recipe.generator;
  const shape = networkOf(recipe, network).inputShape;
  const input = builder.tensor(`${network} input`, [rows, ...shape]);
  const images = lowerNetwork(builder, recipe, settings, network, { input, rows, shape });
  return builder.build('generate', [input], [images]);
}

/** First values of all parameters and running statistics. */
export function lowerInitialise(recipe: Recipe): Program {
  const builder = new ProgramBuilder();
  builder.stage({
    kind: 'initialise',
    name: 'initialise',
    entries: parametersOf(recipe).map(({ name, shape, initial }) => ({
      parameter: name,
      size: sizeOf(shape),
      value: initial,
    })),
  });
  return builder.build('initialise', [], []);
}
