/** Every dispatch of a recipe's train steps, one for each stage of its own, and of one pass of its evaluation, as a real adapter would get them. */

import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { costsOf } from '../../src/worker/engine/plan/costs.js';
import { planEvaluate, planTrainStep, type PlannedProgram } from '../../src/worker/engine/plan/plan.js';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { inStage, type Recipe } from '../../src/recipe/recipe.js';
import { initialTensors } from '../../src/worker/model/parameters.js';
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
  readonly stages: readonly {
    /** The stage's name, or the names of those that make the same step; null where the recipe has one. */
    readonly stage: string | null;
    readonly step: readonly PlannedDispatch[];
  }[];
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

/** Needs WebGPU's constants as globals. With the tiles of a GPU on which nothing has been measured. */
export async function record(recipeName: RecipeName): Promise<Recording> {
  const settings = resolveSettings({ recipe: recipeName });
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
      const planned = planTrainStep(inStage(recipe, index));
      stages.push({ stage: name, step: withCosts(recorder.take(), planned, recipe) });
    }
    const rows = engine.evaluationSlice;
    await engine.countCorrect(0, rows);
    const dispatches = withCosts(recorder.take(), planEvaluate(recipe, rows), recipe);
    return { stages, evaluation: { rows, dispatches } };
  } finally {
    engine.dispose();
  }
}
