/** What a step computes, for tests: the train step with all that tests look at kept to its end. */

import { metricNames } from '../../../recipe/metrics.js';
import { parametersOf, type NamedTensor } from '../../model/parameters.js';
import { sizeOf } from '../../../recipe/layers.js';
import type { StageRecipe } from '../../../recipe/recipe.js';
import { gradientName } from '../engine.js';
import type { Program, UpdateOp } from '../plan/operations.js';
import { planProgram, type PlannedProgram } from '../plan/plan.js';
import type { CompiledProgram } from './compile.js';
import type { StateTensors } from './memory/residents.js';

function updatesOf(program: Program): readonly UpdateOp[] {
  return program.operations.filter((operation) => operation.kind === 'update');
}

/** The train step; taps and gradients live to its end. */
export function inspectProgram({ program }: PlannedProgram): PlannedProgram {
  const entries = updatesOf(program).flatMap((update) => update.entries);
  const kept = [...program.taps.map(({ tensor }) => tensor), ...entries.map(({ gradient }) => gradient)];
  return planProgram({ ...program, outputs: [...new Set([...program.outputs, ...kept])] });
}

/** Everything that `Engine.inspectStep` promises, after the program has run. */
export function readInspected(
  train: Program,
  { bindings, filled }: CompiledProgram,
  recipe: StageRecipe,
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
  const names = metricNames(recipe);
  const metrics = arena.floats(bindings.tensor(train.outputs[0]!), names.length);
  names.forEach((name, index) => found.set(name, { shape: [], values: metrics.slice(index, index + 1) }));
  const descriptions = new Map(parametersOf(recipe).map((description) => [description.name, description]));
  for (const { phase, entries } of updatesOf(train)) {
    for (const entry of entries) {
      const sum = new Float32Array(entry.size);
      for (const split of filled.of(entry)) {
        const address = bindings.tensor(entry.gradient) + (split * entry.stride + entry.offset) * 4;
        arena.floats(address, entry.size).forEach((value, index) => (sum[index]! += value));
      }
      const { shape } = descriptions.get(entry.parameter)!;
      found.set(gradientName(phase, entry.parameter), { shape, values: sum });
    }
  }
  const after = state.read();
  const used = recipe.phases.flatMap(({ passes }) => passes.map(({ network }) => network));
  for (const { name, role, network } of descriptions.values()) {
    if (role === 'running' && used.includes(network)) found.set(`updated/${name}`, after.get(name)!);
  }
  return found;
}
