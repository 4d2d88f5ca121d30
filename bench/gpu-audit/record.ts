/** Every dispatch of a recipe's train steps, one for each stage of its own, and of one pass of its evaluation, as a real adapter would get them. */

import { resolveSettings } from '../../src/protocol/check-settings.js';
import type { Settings } from '../../src/protocol/settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { costsOf, type OperationCost } from '../../src/worker/engine/plan/costs.js';
import {
  asStored,
  planEvaluate,
  planTrainStep,
  type PlannedProgram,
} from '../../src/worker/engine/plan/plan.js';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import type { OptionalFeature } from '../../src/worker/engine/webgpu/optional-features.js';
import { inStage, type Recipe } from '../../src/recipe/recipe.js';
import { initialTensors } from '../../src/worker/model/parameters.js';
import { blankDataset } from './blank-dataset.js';
import { RecordingGpu, type RecordedDispatch } from './recording-device.js';

export { RECIPE_NAMES } from '../../src/recipe/recipes.js';

/** A dispatch and the operations of the plan that it makes. */
export interface PlannedDispatch extends RecordedDispatch {
  readonly name: string;
  readonly multiplyAdds: number;
  /** Every tensor and parameter once: the least that it moves. */
  readonly bytes: number;
}

export interface Recording {
  readonly stages: readonly {
    /** The stage's name, or the names of those that make the same step; null where the recipe has one. */
    readonly stage: string | null;
    readonly step: readonly PlannedDispatch[];
  }[];
  readonly evaluation: { readonly rows: number; readonly dispatches: readonly PlannedDispatch[] };
}

/** Between the labels of kernels that share a dispatch. */
const BETWEEN_LABELS = ' + ';

/** Each dispatch with the operations that it makes, whose names its label has. */
function withCosts(
  dispatches: readonly RecordedDispatch[],
  { program, layout }: PlannedProgram,
  recipe: Recipe,
): readonly PlannedDispatch[] {
  const left = [...costsOf(program, layout, recipe)];
  // A draw may take several dispatches; every other operation takes one, or shares it.
  const draws = dispatches.findIndex(({ label }) => label !== dispatches[0]!.label);
  const planned = dispatches.map((dispatch, index): PlannedDispatch => {
    const { label } = dispatch;
    const isMore = index > 0 && index < draws;
    const own = isMore ? [] : label.split(BETWEEN_LABELS).flatMap((one) => takeCost(left, one));
    const multiplyAdds = own.map((cost) => cost.multiplyAdds);
    return {
      ...dispatch,
      name: isMore ? label : own.map(({ operation }) => operation.name).join(BETWEEN_LABELS),
      multiplyAdds: multiplyAdds.reduce((sum, count) => sum + count, 0),
      bytes: own.reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0),
    };
  });
  if (left.length > 0) {
    const names = left.map(({ operation }) => operation.name).join(', ');
    throw new Error(
      `No dispatch of ${program.name} makes ${names}: see labels in bench/gpu-audit/record.ts.`,
    );
  }
  return planned;
}

/** Takes the first operation of a label's name out of those that are left. */
function takeCost(left: OperationCost[], label: string): OperationCost[] {
  const at = left.findIndex(({ operation }) => label.endsWith(` ${operation.name}`));
  return at < 0 ? [] : left.splice(at, 1);
}

/** The stages whose steps differ: their index, and the names of all that make that step. */
function differentStages({
  stages,
}: Recipe): readonly { readonly index: number; readonly name: string | null }[] {
  if (stages.length === 1) return [{ index: 0, name: null }];
  return stages.flatMap(({ phases }, index) => {
    const alike = stages.filter((other) => other.phases === phases);
    return alike[0] === stages[index] ? [{ index, name: alike.map(({ key }) => key).join(', ') }] : [];
  });
}

/**
 * Needs WebGPU's constants as globals. With the tiles of a GPU on which nothing has been measured; `features` are the
 * settings that ask for some.
 */
export async function record(
  recipeName: RecipeName,
  features: Partial<Pick<Settings, OptionalFeature>> = {},
): Promise<Recording> {
  const settings = resolveSettings({ recipe: recipeName, ...features });
  const stored = (planned: PlannedProgram): PlannedProgram => asStored(planned, settings.float16);
  const dataset = blankDataset();
  const recipe = buildRecipe(settings, dataset);
  const recorder = new RecordingGpu();
  const input = { settings, dataset, recipe, split: makeSplit(dataset, settings) };
  const engine = await createWebGpuEngine(input, { gpu: recorder.gpu, tune: false });
  try {
    const tensors = initialTensors(recipe, settings.seed);
    const stages: Recording['stages'][number][] = [];
    for (const { index, name } of differentStages(recipe)) {
      const step = recipe.stages.slice(0, index).reduce((sum, { steps }) => sum + steps, 0);
      await engine.importState({ step, tensors });
      await engine.advance(1);
      await engine.flush();
      const planned = stored(planTrainStep(inStage(recipe, index)));
      stages.push({ stage: name, step: withCosts(recorder.take(), planned, recipe) });
    }
    const rows = engine.evaluationSlice;
    await engine.countCorrect(0, rows);
    const dispatches = withCosts(recorder.take(), stored(planEvaluate(recipe, rows)), recipe);
    return { stages, evaluation: { rows, dispatches } };
  } finally {
    engine.dispose();
  }
}
