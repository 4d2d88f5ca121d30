/**
 * The interpreter behind the engines' interface, so that the checks that every engine passes are
 * passed by the plan itself. For tests: slow, and on no machine's list.
 */

import { METRIC_NAMES } from '../../../../protocol/reports.js';
import { initialTensors, type NamedTensor } from '../../../model/parameters.js';
import type { Engine, EngineInput, EngineState, StepMetrics } from '../../engine.js';
import { planClassify, planEvaluate, planGenerate, planTrainStep, type PlannedProgram } from '../plan.js';
import type { TrainOptions } from '../lower/train-options.js';
import type { DrawSource } from './draw.js';
import { interpret, type Run } from './interpreter.js';
import { ParameterStore, type Precision } from './store.js';
import { gradientOf } from './update.js';

export interface InterpreterOptions {
  readonly precision: Precision;
  /** Tests put another train step in place, a corrupted one for instance. */
  readonly trainStep?: PlannedProgram | undefined;
  /** How the recipe's train step is planned; as for a GPU unless given. */
  readonly trainOptions?: TrainOptions | undefined;
}

/** An engine that interprets the plan of `input.recipe`. */
export function createInterpreter(
  input: EngineInput,
  { precision, trainStep, trainOptions }: InterpreterOptions,
): Engine {
  const { recipe, settings, dataset, split } = input;
  const step = trainStep ?? planTrainStep(recipe, settings, trainOptions);
  let parameters = new ParameterStore(initialTensors(recipe, settings.seed), precision);
  let stepsDone = 0;

  const sourceAt = (firstTestImage = 0): DrawSource => ({
    dataset,
    split,
    seed: settings.seed,
    step: stepsDone,
    firstTestImage,
  });
  const ready = (planned: PlannedProgram, on = parameters): Run =>
    interpret(planned.program, planned.layout, on);
  const infer = (planned: PlannedProgram, values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> => {
    const run = ready(planned);
    run.tensors.get(planned.program.inputs[0]!).set(values);
    run.run(sourceAt());
    return Float32Array.from(run.read(planned.program.outputs[0]!));
  };
  const makeStep = (): StepMetrics => {
    const run = ready(step);
    run.run(sourceAt());
    stepsDone++;
    return { step: stepsDone, values: Float32Array.from(run.read(step.program.outputs[0]!)) };
  };

  return {
    info: { engine: 'tfjs-cpu', adapter: 'plan interpreter', isSoftware: true },
    advance: async (steps) => Array.from({ length: steps }, makeStep),
    flush: async () => [],
    countCorrect: async (first, count) => {
      const planned = planEvaluate(recipe, settings, count);
      const run = ready(planned);
      run.run(sourceAt(first));
      return run.read(planned.program.outputs[0]!)[0]!;
    },
    generate: async (latents, count) => infer(planGenerate(recipe, settings, count), latents),
    classify: async (images, count) => infer(planClassify(recipe, settings, count), images),
    exportState: async () => ({ step: stepsDone, tensors: parameters.tensors() }),
    importState: async (state: EngineState) => {
      parameters = new ParameterStore(state.tensors, precision);
      stepsDone = state.step;
    },
    inspectStep: async () => inspect(step, parameters, sourceAt()),
    dispose: () => undefined,
  };
}

function inspect(
  { program, layout }: PlannedProgram,
  parameters: ParameterStore,
  source: DrawSource,
): ReadonlyMap<string, NamedTensor> {
  const found = new Map<string, NamedTensor>();
  const before = parameters.tensors();
  const copy = new ParameterStore(before, parameters.precision);

  const afterLoss = program.operations.findIndex(({ kind }) => kind === 'loss') + 1;
  const forward = interpret({ ...program, operations: program.operations.slice(0, afterLoss) }, layout, copy);
  forward.run(source);
  for (const { name, tensor, firstRow, rows, shape } of program.taps) {
    const size = forward.tensors.rowSize(tensor);
    const values = Float32Array.from(
      forward.read(tensor).subarray(firstRow * size, (firstRow + rows) * size),
    );
    found.set(name, { shape: [rows, ...shape], values });
  }
  METRIC_NAMES.forEach((name, index) => {
    const value = forward.read(program.outputs[0]!)[index]!;
    if (!Number.isNaN(value)) found.set(name, { shape: [], values: Float32Array.of(value) });
  });
  for (const [name, tensor] of copy.tensors()) {
    if (/\/moving_(mean|variance)$/.test(name)) found.set(`updated/${name}`, tensor);
  }

  const whole = interpret(program, layout, new ParameterStore(before, parameters.precision));
  whole.run(source, 'update');
  for (const operation of program.operations) {
    if (operation.kind !== 'update') continue;
    for (const entry of operation.entries) {
      const values = Float32Array.from(gradientOf(whole.tensors, entry));
      found.set(`gradient/${entry.parameter}`, { shape: parameters.shapeOf(entry.parameter), values });
    }
  }
  return found;
}
