/** The buffers that a run needs, reckoned from sizes alone, before anything is made. */

import { formatNumber } from '../../../protocol/wording.js';
import { sizeOf } from '../../../recipe/layers.js';
import type { Recipe } from '../../../recipe/recipe.js';
import type { DataSizes } from '../data-sizes.js';
import { NORMALISED_BYTES } from '../../data/normalise.js';
import { sampleCountOf } from '../image-grid.js';
import type { Storage } from '../plan/operations.js';
import { asStored, planEvaluate, planFeatures, planGenerate, type PlannedProgram } from '../plan/plan.js';
import { evaluationRows } from './inference/evaluation-rows.js';
import { updateTableLength } from './kernels/update.js';
import type { BufferNeed } from './limits.js';
import { ParameterLayout } from './parameter-layout.js';
import { bufferSizes, controlOf } from './program.js';

function dataNeeds({ imageShape, trainCount, testCount }: DataSizes): BufferNeed[] {
  const imageBytes = sizeOf(imageShape);
  const remedy = 'Use fewer or smaller images';
  return [
    { what: `The ${formatNumber(trainCount)} training images`, bytes: trainCount * imageBytes, remedy },
    { what: `The ${formatNumber(testCount)} test images`, bytes: testCount * imageBytes, remedy },
  ];
}

/** What the plan's storages hold. */
const STORAGE_WORDS: Readonly<Record<Storage, string>> = {
  activation: 'activations',
  draws: 'draws',
  statistics: 'statistics',
  gradientStatistics: 'statistics of gradients',
  gradients: 'gradients',
  results: 'results',
};

function programNeeds(name: string, { layout }: PlannedProgram, remedy: string): BufferNeed[] {
  const sizes = bufferSizes(layout.buffers);
  return layout.buffers.map((buffer, index) => ({
    what: `The ${STORAGE_WORDS[buffer.storage]} of ${name} (buffer "${buffer.name}")`,
    bytes: sizes[index]!,
    remedy,
  }));
}

/** Buffers of train steps: those of one name are one, as large as the largest. */
function stepNeeds(programs: readonly PlannedProgram[]): BufferNeed[] {
  return programs.flatMap((planned) =>
    programNeeds('a train step', planned, 'Use a smaller batch or smaller images'),
  );
}

/**
 * The buffers of a run that grow with the data, the batch or the recipe; `steps` are the train steps of its stages,
 * `float16` is the setting.
 */
export function bufferNeeds(
  recipe: Recipe,
  data: DataSizes,
  steps: readonly PlannedProgram[],
  float16 = false,
): readonly BufferNeed[] {
  const { landmarks, generator } = recipe;
  const smaller = 'Use smaller images';
  const needsOf = (name: string, planned: PlannedProgram): BufferNeed[] =>
    programNeeds(name, asStored(planned, float16), smaller);
  const updates = steps.flatMap(({ program }) =>
    program.operations.filter((operation) => operation.kind === 'update'),
  );
  const updateWords = updates.reduce((words, update) => words + updateTableLength(update), 0);
  const tableWords = NORMALISED_BYTES.length + data.pooledCount + updateWords;
  const controlWords = Math.max(...steps.map((step) => controlOf(step).length));
  return [
    ...dataNeeds(data),
    {
      what: 'The parameters of the networks',
      bytes: 4 * new ParameterLayout(recipe).length,
      remedy: smaller,
    },
    { what: 'The tables of indices', bytes: 4 * tableWords, remedy: 'Use fewer images' },
    { what: 'The scalars of steps', bytes: 4 * controlWords, remedy: 'Use a recipe of fewer terms' },
    ...stepNeeds(steps),
    ...needsOf('an evaluation', planEvaluate(recipe, evaluationRows(data.testCount))),
    ...(landmarks === null
      ? []
      : needsOf(
          'the features of landmarks',
          planFeatures(recipe, evaluationRows(landmarks.count), 'current'),
        )),
    ...(generator === null
      ? []
      : needsOf('the generated samples', planGenerate(recipe, sampleCountOf(recipe)))),
  ];
}
