import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { RECIPE_NAMES } from '../../src/recipe/recipes.js';
import { accessesOf } from '../../src/worker/engine/plan/accesses.js';
import {
  checkMemory,
  checkProgram,
  checkUpdates,
  MOST_BINDINGS,
} from '../../src/worker/engine/plan/check.js';
import { costsOf } from '../../src/worker/engine/plan/costs.js';
import { phasesOf } from '../../src/worker/engine/plan/geometry.js';
import { ALIGNMENT, type MemoryLayout } from '../../src/worker/engine/plan/memory.js';
import type { Operation, Program } from '../../src/worker/engine/plan/operations.js';
import {
  DEFAULT_TRAIN_OPTIONS,
  planClassify,
  planEvaluate,
  planFeatures,
  planGenerate,
  planInitialise,
  planTrainStep,
  type PlannedProgram,
} from '../../src/worker/engine/plan/plan.js';
import { parametersOf } from '../../src/worker/model/parameters.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { inStage } from '../../src/recipe/recipe.js';

const MNIST = { imageShape: [28, 28, 1], classes: 10 } as const;
const notebook = inStage(buildRecipe(resolveSettings({ recipe: 'notebook' }), MNIST), 0);

function notebookStep(): PlannedProgram {
  return planTrainStep(notebook);
}

/** The program with one operation replaced. */
function withOperation(program: Program, name: string, change: (operation: Operation) => Operation): Program {
  assert.ok(
    program.operations.some((operation) => operation.name === name),
    `no operation "${name}"`,
  );
  const operations = program.operations.map((operation) =>
    operation.name === name ? change(operation) : operation,
  );
  return { ...program, operations };
}

/** Stages between which a tensor's values count: from who fills it to who reads it last, or to the end. */
function usedFrom(program: Program, id: number): readonly [number, number] {
  const stages = program.operations.flatMap((operation) => {
    const { reads, writes } = accessesOf(operation);
    return reads.has(id) || writes.has(id) ? [operation.stage] : [];
  });
  const first = program.inputs.includes(id) ? -1 : Math.min(...stages);
  return [first, program.outputs.includes(id) ? Infinity : Math.max(...stages)];
}

function liveTogether(program: Program, id: number, other: number): boolean {
  const [first, last] = usedFrom(program, id);
  const [otherFirst, otherLast] = usedFrom(program, other);
  return first <= otherLast && otherFirst <= last;
}

/** Nothing joined, nothing stored twice. */
const PLAINEST = { ...DEFAULT_TRAIN_OPTIONS, storesNormalised: false, joinsBiases: false };

describe('the structure of a plan', () => {
  for (const name of RECIPE_NAMES) {
    for (const batch of [10, 11, 13, 32]) {
      it(`keeps every rule for ${name} at batch ${batch}`, () => {
        const recipe = buildRecipe(resolveSettings({ recipe: name, batch }), MNIST);
        const stages = recipe.stages.map((_, index) => inStage(recipe, index));
        const planned = [
          ...stages.flatMap((stage) => [planTrainStep(stage), planTrainStep(stage, PLAINEST)]),
          planEvaluate(recipe, 7),
          planClassify(recipe, 1),
          planInitialise(recipe),
          ...(recipe.generator === null ? [] : [planGenerate(recipe, 64)]),
          ...(recipe.landmarks === null ? [] : [planFeatures(recipe, 9, 'average')]),
        ];
        for (const { program, layout } of planned) {
          checkProgram(program);
          checkMemory(program, layout);
          for (const { bindings } of costsOf(program, layout, recipe)) assert.ok(bindings <= MOST_BINDINGS);
        }
        stages.forEach((stage) => checkUpdates(planTrainStep(stage).program, stage));
      });
    }
  }

  it('makes the notebook’s step of at most 48 operations and 34 stages', () => {
    const { operations } = notebookStep().program;
    assert.ok(operations.length <= 48, `${operations.length} operations`);
    assert.ok(operations.at(-1)!.stage + 1 <= 34, `${operations.at(-1)!.stage + 1} stages`);
  });

  it('needs the multiply-adds of the notebook’s step: 519 million with the taps in the padding, 471 without', () => {
    const { program, layout } = notebookStep();
    const without = costsOf(program, layout, notebook).reduce((sum, cost) => sum + cost.multiplyAdds, 0);
    const whole = program.operations.reduce((sum, operation) => {
      if (operation.kind !== 'product' && operation.kind !== 'filterGradient') return sum;
      const { large, small, kernelHeight, kernelWidth } = operation.geometry;
      const segments = operation.kind === 'product' ? operation.segments : operation.splits;
      const rows = segments.reduce((total, segment) => total + segment.rows, 0);
      return (
        sum + rows * small.height * small.width * kernelHeight * kernelWidth * large.channels * small.channels
      );
    }, 0);
    assert.equal(Math.round(whole / 1e6), 519);
    assert.equal(Math.round(without / 1e6), 471);
  });

  it('reaches every tap of a transposed form in exactly one phase', () => {
    for (const [large, small, kernel, stride, pad] of [
      [28, 14, 5, 2, 1],
      [14, 7, 3, 2, 0],
      [7, 4, 2, 2, 0],
      [12, 5, 4, 2, 0],
      [5, 2, 3, 2, 0],
      [2, 1, 2, 1, 0],
    ] as const) {
      const expected = new Set<string>();
      for (let at = 0; at < small; at++) {
        for (let tap = 0; tap < kernel; tap++) {
          const joined = at * stride - pad + tap;
          if (joined >= 0 && joined < large) expected.add(`${joined},${at},${tap}`);
        }
      }
      const visited: string[] = [];
      for (const { first, count, firstTap, taps, firstSmall } of phasesOf(large, kernel, stride, pad)) {
        for (let k = 0; k < count; k++) {
          for (let tap = 0; tap < taps; tap++) {
            const at = firstSmall + k - tap;
            if (at >= 0 && at < small) visited.push(`${first + stride * k},${at},${firstTap + stride * tap}`);
          }
        }
      }
      assert.equal(visited.length, expected.size);
      assert.deepEqual(new Set(visited), expected);
    }
  });

  it('initialises every parameter and running statistic', () => {
    const [operation] = planInitialise(notebook).program.operations;
    const changed = accessesOf(operation!).parameterWrites;
    assert.deepEqual(
      [...changed],
      parametersOf(notebook).map(({ name }) => name),
    );
  });
});

describe('a corrupted plan is refused:', () => {
  const { program, layout } = notebookStep();

  function moved(id: number, by: number): MemoryLayout {
    const placements = layout.placements.map((place, index) =>
      index === id ? { ...place, offsetBytes: place.offsetBytes + by } : place,
    );
    return { ...layout, placements };
  }

  it('a tensor moved onto any other that lives when it does, wholly or by its first bytes', () => {
    // Buffers as large as anyone may ask for: nothing but an overlap is left to refuse.
    const buffers = layout.buffers.map((buffer) => ({ ...buffer, sizeBytes: 2 ** 40 }));
    let planted = 0;
    for (const { id, name } of program.tensors) {
      for (const other of program.tensors.filter((candidate) => candidate.id !== id)) {
        if (!liveTogether(program, id, other.id)) continue;
        const { buffer, offsetBytes, sizeBytes } = layout.placements[other.id]!;
        for (const into of new Set([0, Math.floor((sizeBytes - 1) / ALIGNMENT) * ALIGNMENT])) {
          const placements = [...layout.placements];
          placements[id] = { ...placements[id]!, buffer, offsetBytes: offsetBytes + into };
          const what = `"${name}" at byte ${into} of "${other.name}"`;
          assert.throws(() => checkMemory(program, { buffers, placements }), /overlap while both live/, what);
          planted++;
        }
      }
    }
    assert.ok(planted > 20 * program.tensors.length, `only ${planted} were planted`);
  });

  it('an offset that is not aligned', () => {
    assert.throws(() => checkMemory(program, moved(0, 4)), /multiple of 256/);
  });

  it('a stage that reads the buffer it writes', () => {
    const conv2 = program.operations.find(({ name }) => name === 'discriminator/conv2')!;
    const { reads, writes } = accessesOf(conv2);
    const [read] = [...reads];
    const [written] = [...writes];
    const placements = [...layout.placements];
    placements[written!] = { ...placements[written!]!, buffer: placements[read!]!.buffer };
    assert.throws(
      () => checkMemory(program, { ...layout, placements }),
      /overlap|reads and writes|goes past/,
    );
  });

  it('a read before the write', () => {
    const reversed = [...program.operations].reverse().map((operation, stage) => ({ ...operation, stage }));
    assert.throws(() => checkProgram({ ...program, operations: reversed }), /before it is written/);
  });

  it('rows past the end of a tensor', () => {
    const past = withOperation(program, 'discriminator/conv2', (operation) => {
      assert.equal(operation.kind, 'product');
      if (operation.kind !== 'product') return operation;
      return {
        ...operation,
        segments: operation.segments.map((segment) => ({ ...segment, rows: segment.rows + 1 })),
      };
    });
    assert.throws(() => checkProgram(past), /takes rows/);
  });

  it('a parameter updated twice, or not at all', () => {
    const edited = (change: (entries: readonly { readonly parameter: string }[]) => unknown): Program =>
      withOperation(program, 'Adam', (operation) =>
        operation.kind === 'update'
          ? ({ ...operation, entries: change(operation.entries) } as typeof operation)
          : operation,
      );
    assert.throws(
      () =>
        checkUpdates(
          edited((entries) => entries.slice(1)),
          notebook,
        ),
      /is trained, but not updated/,
    );
    assert.throws(
      () =>
        checkUpdates(
          edited((entries) => [...entries, entries[0]!]),
          notebook,
        ),
      /is updated twice in a phase/,
    );
  });
});
