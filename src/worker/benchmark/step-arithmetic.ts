/** How much arithmetic a train step is: what rates are computed from. */

import type { EngineInput } from '../engine/engine.js';
import { costsOf } from '../engine/plan/costs.js';
import { planTrainStep } from '../engine/plan/plan.js';
import type { StepArithmetic } from '../../protocol/benchmark/report.js';

/** Of the recipe's plan. */
export function stepArithmetic({ recipe }: EngineInput): StepArithmetic {
  const { program, layout } = planTrainStep(recipe);
  return {
    multiplyAdds: costsOf(program, layout, recipe).reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0),
  };
}
