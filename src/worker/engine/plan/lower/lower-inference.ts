/** Lowers the programs that use a network without training it, and the one that draws first values. */

import { entryOf, type ParameterSet, type Recipe } from '../../../../recipe/recipe.js';
import { outputShapeOf, sizeOf } from '../../../../recipe/layers.js';
import { averageName, parametersOf } from '../../../model/parameters.js';
import { cutIntoFusionGroups } from './fusion-groups.js';
import { ProgramBuilder } from './builder.js';
import { primitivesOf } from './graph.js';
import { lowerForward } from './lower-forward.js';
import type { OpSegment, Program, TensorId } from '../operations.js';

/** Adds instance 0 of a network, up to a layer where one is named, in inference; gives the tensor of its output. */
function lowerNetwork(
  builder: ProgramBuilder,
  recipe: Recipe,
  use: { readonly network: string; readonly parameters: ParameterSet; readonly until?: string },
  input: TensorId,
  rows: number,
): TensorId {
  const { network, parameters, until } = use;
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
  const fusions = lowerForward(builder, {
    label: network,
    network,
    parameters,
    instances: 1,
    fusions: cutIntoFusionGroups(primitivesOf(entryOf(recipe, network).network, until)),
    input,
    rows,
    segments: [segment],
    training: null,
  });
  return fusions.at(-1)!.view.tensor;
}

function inputOf(builder: ProgramBuilder, recipe: Recipe, network: string, rows: number): TensorId {
  return builder.tensor(`${network} input`, [rows, ...entryOf(recipe, network).network.inputShape]);
}

/** Test images first … first + rows - 1 to the number of them classified as labelled. */
export function lowerEvaluate(recipe: Recipe, rows: number): Program {
  const builder = new ProgramBuilder();
  const { classifier } = recipe;
  const input = inputOf(builder, recipe, classifier.network, rows);
  const labels = builder.tensor('labels', [rows], 'draws', 'u32');
  builder.stage({
    kind: 'draw',
    name: 'gather',
    parts: [
      { kind: 'images', source: 'test', stream: 0, bound: 0, view: null, rows, target: input, targetRow: 0 },
      { kind: 'labels', source: 'test', stream: 0, rows, target: labels, targetRow: 0 },
    ],
  });
  const logits = lowerNetwork(builder, recipe, classifier, input, rows);
  const target = builder.tensor('correct', [1], 'results', 'u32');
  const width = sizeOf(outputShapeOf(entryOf(recipe, classifier.network).network));
  builder.stage({ kind: 'countCorrect', name: 'count correct', logits, width, rows, labels, target });
  return builder.build('evaluate', [], [target]);
}

/** Images the host gives, in [-1, 1], to logits. */
export function lowerClassify(recipe: Recipe, rows: number): Program {
  const builder = new ProgramBuilder();
  const input = inputOf(builder, recipe, recipe.classifier.network, rows);
  const logits = lowerNetwork(builder, recipe, recipe.classifier, input, rows);
  return builder.build('classify', [input], [logits]);
}

/** Images the host gives, in [-1, 1], to the recipe's landmark layer. Throws where it has no landmarks. */
export function lowerFeatures(recipe: Recipe, rows: number, parameters: ParameterSet): Program {
  const { landmarks, classifier } = recipe;
  if (landmarks === null) throw new Error(`The recipe ${recipe.name} has no landmarks.`);
  const builder = new ProgramBuilder();
  const input = inputOf(builder, recipe, classifier.network, rows);
  const use = { network: classifier.network, parameters, until: landmarks.layer };
  return builder.build('features', [input], [lowerNetwork(builder, recipe, use, input, rows)]);
}

/** Latents the host gives to images in [-1, 1]. Throws where the recipe has no generator. */
export function lowerGenerate(recipe: Recipe, rows: number): Program {
  const { generator } = recipe;
  if (generator === null) throw new Error(`The recipe ${recipe.name} has no generator.`);
  const builder = new ProgramBuilder();
  const input = inputOf(builder, recipe, generator.network, rows);
  const images = lowerNetwork(builder, recipe, generator, input, rows);
  return builder.build('generate', [input], [images]);
}

/** First values of all parameters and running statistics, and of the averages, which begin as copies. */
export function lowerInitialise(recipe: Recipe): Program {
  const builder = new ProgramBuilder();
  const parameters = parametersOf(recipe);
  const entryFor = (parameter: string, { shape, initial }: (typeof parameters)[number]) => ({
    parameter,
    size: sizeOf(shape),
    value: initial,
  });
  builder.stage({
    kind: 'initialise',
    name: 'initialise',
    entries: [
      ...parameters.map((each) => entryFor(each.name, each)),
      ...parameters
        .filter(({ isAveraged }) => isAveraged)
        .map((each) => entryFor(averageName(each.name), each)),
    ],
  });
  return builder.build('initialise', [], []);
}
