/**
 * What a step computes, for tests: the train step without its update, all that tests look at kept to the
 * end.
 */

import { METRIC_NAMES } from '../../../protocol/reports.js';
import { parametersOf, sizeOf, type NamedTensor } from '../../model/parameters.js';
import type { Recipe } from '../../../recipe/recipes.js';
import type { Program, UpdateEntry } from '../plan/operations.js';
import { planProgram, type PlannedProgram } from '../plan/plan.js';
import type { CompiledProgram } from './compile.js';
import type { StateTensors } from './memory/residents.js';

function entriesOf(program: Program): readonly UpdateEntry[] {
  return program.operations.flatMap((operation) => (operation.kind === 'update' ? operation.entries : []));
}

/** The train step without update; taps and gradients live to its end. */
export function inspectProgram({ program }: PlannedProgram): PlannedProgram {
  const operations = program.operations.filter(({ kind }) => kind !== 'update');
  const kept = [
    ...program.taps.map(({ tensor }) => tensor),
    ...entriesOf(program).map(({ gradient }) => gradient),
  ];
  return planProgram({ ...program, operations, outputs: [...new Set([...program.outputs, ...kept])] });
}

/** Everything that `Engine.inspectStep` promises, after the program has run. */
export function readInspected(
  train: Program,
  { bindings, filled }: CompiledProgram,
  recipe: Recipe,
  state: StateTensors,
): ReadonlyMap<string, NamedTensor> {
  const { arena } = bindings;
  const found = new Map<string, NamedTensor>();
  for (const { name, tensor, firstRow, rows, shape } of train.taps) {
    const size = sizeOf(shape);
    const values = Float32Array.from(
      arena.floats(bindings.tensor(tensor) + firstRow * size * 4, rows * size),
    );
    found.set(name, { shape: [rows, ...shape], values });
  }
  const loss = train.operations.find((operation) => operation.kind === 'loss')!;
  const metrics = arena.floats(bindings.tensor(loss.metrics), METRIC_NAMES.length);
  METRIC_NAMES.forEach((name, index) => {
    if (!Number.isNaN(metrics[index]))
      found.set(name, { shape: [], values: metrics.slice(index, index + 1) });
  });
  const descriptions = new Map(parametersOf(recipe).map((description) => [description.name, description]));
  for (const entry of entriesOf(train)) {
    const sum = new Float32Array(entry.size);
    for (const split of filled.of(entry)) {
      const part = arena.floats(
        bindings.tensor(entry.gradient) + (split * entry.stride + entry.offset) * 4,
        entry.size,
      );
      part.forEach((value, index) => (sum[index]! += value));
    }
    found.set(`gradient/${entry.parameter}`, {
      shape: descriptions.get(entry.parameter)!.shape,
      values: sum,
    });
  }
  const after = state.read();
  for (const { name, role } of descriptions.values()) {
    if (role === 'running') found.set(`updated/${name}`, after.get(name)!);
  }
  return found;
}
