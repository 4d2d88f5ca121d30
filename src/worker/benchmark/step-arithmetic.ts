/** How much arithmetic a train step is: what rates are computed from. */

import { inStage } from '../../recipe/recipe.js';
import type { EngineInput } from '../engine/engine.js';
import { costsOf } from '../engine/plan/costs.js';
import { planTrainStep } from '../engine/plan/plan.js';
import type { StepArithmetic } from '../../protocol/benchmark/report.js';

/** Of the plan of the recipe's first stage. */
export function stepArithmetic({ recipe }: EngineInput): StepArithmetic {
  const { program, layout } = planTrainStep(inStage(recipe, 0));
  return {
    multiplyAdds: costsOf(program, layout, recipe).reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0),
  };
}
