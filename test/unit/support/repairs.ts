/** Choices of repairs of the notebook, and whether the engines compute them alike. */

import { REPAIRS, writeRepairs, type Repair } from '../../../src/recipe/repairs.js';
import { createTfjsEngine } from '../../../src/worker/engine/tfjs/index.js';
import { TRAIN_OPTIONS } from '../../../src/worker/engine/wasm/wasm-engine.js';
import { holdTogether } from '../../support/hold-together.js';
import { tinyInput } from '../../worker/support/tiny.js';
import { nodeWasmEngine } from './wasm.js';

/** None, each alone, each left out, all. */
export const REPAIR_CHOICES: readonly (readonly Repair[])[] = [
  [],
  ...REPAIRS.map((repair) => [repair]),
  ...REPAIRS.map((repair) => REPAIRS.filter((other) => other !== repair)),
  REPAIRS,
];

/** Holds two steps of tfjs and wasm against the interpreter's. */
export async function holdRepairsTogether(choice: readonly Repair[]): Promise<void> {
  const input = tinyInput('notebook-repaired', { repairs: writeRepairs(choice), batch: 12 });
  for (const [engine, trainOptions] of [
    [await createTfjsEngine('cpu', input), undefined],
    [await nodeWasmEngine(input), TRAIN_OPTIONS],
  ] as const) {
    try {
      await holdTogether(engine, input, { steps: 2, trainOptions });
    } finally {
      engine.dispose();
    }
  }
}
