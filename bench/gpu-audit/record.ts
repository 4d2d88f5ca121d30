/** Every dispatch of a recipe's train step, that of its first stage, and of one pass of its evaluation, as a real adapter would get them. */

import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { costsOf } from '../../src/worker/engine/plan/costs.js';
import { planEvaluate, planTrainStep, type PlannedProgram } from '../../src/worker/engine/plan/plan.js';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { inStage, type Recipe } from '../../src/recipe/recipe.js';
import { blankDataset } from './blank-dataset.js';
import { RecordingGpu, type RecordedDispatch } from './recording-device.js';

export { RECIPE_NAMES } from '../../src/recipe/recipes.js';

/** A dispatch and the operation of the plan that it makes. */
export interface PlannedDispatch extends RecordedDispatch {
  readonly name: string;
  readonly kind: string;
  readonly multiplyAdds: number;
  /** Every tensor and parameter once: the least that it moves. */
  readonly bytes: number;
}

export interface Recording {
  readonly step: readonly PlannedDispatch[];
  readonly evaluation: { readonly rows: number; readonly dispatches: readonly PlannedDispatch[] };
}

function withCosts(
  dispatches: readonly RecordedDispatch[],
  { program, layout }: PlannedProgram,
  recipe: Recipe,
): readonly PlannedDispatch[] {
  const costs = costsOf(program, layout, recipe);
  // A draw may take several dispatches; every other operation takes one.
  const draws = dispatches.findIndex(({ label }) => label !== dispatches[0]!.label);
  if (costs.length !== dispatches.length - draws + 1) {
    throw new Error(
      `The plan of ${program.name} has ${costs.length} operations, the engine made ${dispatches.length} dispatches, ` +
        `${draws} of them draws: bench/gpu-audit/record.ts must be told which belong together.`,
    );
  }
  return dispatches.map((dispatch, index) => {
    const { operation, multiplyAdds, bytesRead, bytesWritten } = costs[Math.max(0, index - draws + 1)]!;
    const { name, kind } = operation;
    const bytes = index > 0 && index < draws ? 0 : bytesRead + bytesWritten;
    return { ...dispatch, name, kind, multiplyAdds, bytes };
  });
}

/** Needs WebGPU's constants as globals. With the tiles of a GPU on which nothing has been measured. */
export async function record(recipeName: RecipeName): Promise<Recording> {
  const settings = resolveSettings({ recipe: recipeName });
  const dataset = blankDataset();
  const recipe = buildRecipe(settings, dataset);
  const recorder = new RecordingGpu();
  const input = { settings, dataset, recipe, split: makeSplit(dataset, settings) };
  const engine = await createWebGpuEngine(input, { gpu: recorder.gpu, tune: false });
  try {
    await engine.advance(1);
    await engine.flush();
    const step = withCosts(recorder.take(), planTrainStep(inStage(recipe, 0)), recipe);
    const rows = engine.evaluationSlice;
    await engine.countCorrect(0, rows);
    const dispatches = withCosts(recorder.take(), planEvaluate(recipe, rows), recipe);
    return { step, evaluation: { rows, dispatches } };
  } finally {
    engine.dispose();
  }
}
