/** How much arithmetic a train step is: what rates are computed from. */

import type { EngineInput } from '../../src/worker/engine/engine.js';
import { costsOf } from '../../src/worker/engine/plan/costs.js';
import { planTrainStep } from '../../src/worker/engine/plan/plan.js';
import type { StepArithmetic } from './orders.js';

/** Of the recipe's plan. */
export function stepArithmetic({ recipe }: EngineInput): StepArithmetic {
  const { program, layout } = planTrainStep(recipe);
  return {
    multiplyAdds: costsOf(program, layout, recipe).reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0),
  };
}
