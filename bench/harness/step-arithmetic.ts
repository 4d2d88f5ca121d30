/** How much arithmetic a train step is: what rates are computed from. */

import type { EngineInput } from '../../src/worker/engine/engine.js';
import { costsOf } from '../../src/worker/engine/plan/costs.js';
import { planTrainStep } from '../../src/worker/engine/plan/plan.js';
import { totalRows } from '../../src/worker/engine/plan/segments.js';
import type { StepArithmetic } from './orders.js';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Of the recipe's plan. */
export function stepArithmetic({ recipe, settings }: EngineInput): StepArithmetic {
  const { program, layout } = planTrainStep(recipe, settings);
  const padded = program.operations.map((operation) => {
    if (operation.kind !== 'product' && operation.kind !== 'filterGradient') return 0;
    const { large, small, kernelHeight, kernelWidth } = operation.geometry;
    const rows = totalRows(operation.kind === 'product' ? operation.segments : operation.splits);
    return rows * small.height * small.width * kernelHeight * kernelWidth * large.channels * small.channels;
  });
  return {
    multiplyAdds: sum(costsOf(program, layout, recipe).map(({ multiplyAdds }) => multiplyAdds)),
    paddedMultiplyAdds: sum(padded),
  };
}
