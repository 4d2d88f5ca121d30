import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inStage } from '../../src/recipe/recipe.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import type { Operation } from '../../src/worker/engine/plan/operations.js';
import { planTrainStep, type PlannedProgram } from '../../src/worker/engine/plan/plan.js';
import { exactZerosOf } from '../support/exact-zeros.js';
import { expectClose } from '../worker/support/compare.js';
import { tinyInput } from '../worker/support/tiny.js';

/**
 * The numeric checks see a wrong plan: what follows is compared with the intact plan at the very
 * tolerances that `plan-numerics.test.ts` compares with tfjs.
 */
async function compareWith(corrupt: (planned: PlannedProgram) => PlannedProgram): Promise<void> {
  const input = tinyInput('notebook-feature-matching');
  const intact = createInterpreter(input, { precision: 'float32' });
  await intact.advance(1);
  const trainStep = corrupt(planTrainStep(inStage(input.recipe, 0)));
  const corrupted = createInterpreter(input, { precision: 'float32', trainStep });
  await corrupted.importState(await intact.exportState());
  expectClose(
    await corrupted.inspectStep(),
    await intact.inspectStep(),
    (name) => (name.includes('gradient/') ? 1e-3 : 1e-4),
    exactZerosOf(input.recipe),
  );
}

function changing(change: (operation: Operation) => Operation): (planned: PlannedProgram) => PlannedProgram {
  return ({ program, layout }) => ({
    layout,
    program: { ...program, operations: program.operations.map(change) },
  });
}

describe('a wrong plan cannot pass:', () => {
  it('an intact one does', async () => {
    await compareWith((planned) => planned);
  });

  it('a tensor at another’s offset', async () => {
    const overlapping = ({ program, layout }: PlannedProgram): PlannedProgram => {
      const [first, second] = program.tensors.filter(
        ({ name }) => /conv[12]$/.test(name) && name.startsWith('disc'),
      );
      const placements = [...layout.placements];
      const { buffer, offsetBytes } = placements[first!.id]!;
      placements[second!.id] = { ...placements[second!.id]!, buffer, offsetBytes };
      return { program, layout: { ...layout, placements } };
    };
    await assert.rejects(compareWith(overlapping), /is off by/);
  });

  it('a mask drawn from the neighbouring stream', async () => {
    const wrongStream = changing((operation) => {
      if (operation.kind !== 'draw') return operation;
      const first = operation.parts.findIndex(({ kind }) => kind === 'mask');
      const parts = operation.parts.map((part, index) =>
        index === first && part.kind === 'mask' ? { ...part, stream: part.stream + 1 } : part,
      );
      return { ...operation, parts };
    });
    await assert.rejects(compareWith(wrongStream), /is off by/);
  });

  it('a feature gradient of the wrong sign', async () => {
    const wrongSign = changing((operation) => {
      if (operation.kind !== 'loss' || operation.featureGradient === null) return operation;
      const entries = operation.featureGradient.entries.map((entry) => ({
        ...entry,
        sign: -entry.sign as 1 | -1,
      }));
      return { ...operation, featureGradient: { ...operation.featureGradient, entries } };
    });
    await assert.rejects(compareWith(wrongSign), /gradient\/generator.* is off by/);
  });

  it('a forgotten activation gradient', async () => {
    const forgotten = changing((operation) =>
      operation.name === 'discriminator/conv3 input gradient' && operation.kind === 'product'
        ? { ...operation, epilogue: [] }
        : operation,
    );
    await assert.rejects(compareWith(forgotten), /is off by/);
  });
});
