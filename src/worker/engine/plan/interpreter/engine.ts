/**
 * The interpreter behind the engines' interface, so that the checks that every engine passes are
 * passed by the plan itself. For tests: slow, and never chosen for a run.
 */

import { metricNames } from '../../../../recipe/metrics.js';
import { inStage, stageAt, type Phase } from '../../../../recipe/recipe.js';
import { initialTensors, type NamedTensor } from '../../../model/parameters.js';
import {
  gradientName,
  type Engine,
  type EngineInput,
  type EngineState,
  type StepMetrics,
} from '../../engine.js';
import { tapsAfter } from '../accesses.js';
import {
  asStored,
  planClassify,
  planEvaluate,
  planFeatures,
  planGenerate,
  planTrainStep,
  type PlannedProgram,
} from '../plan.js';
import type { TrainOptions } from '../lower/train-options.js';
import type { DrawSource } from './draw.js';
import { interpret, type Run } from './interpreter.js';
import { ParameterStore, type Precision } from './store.js';
import { gradientOf } from './update.js';

export interface InterpreterOptions {
  readonly precision: Precision;
  /** Tests put another step in place of the first stage's, a corrupted one for instance. */
  readonly trainStep?: PlannedProgram | undefined;
  /** How the recipe's train step is planned; as for a GPU unless given. */
  readonly trainOptions?: TrainOptions | undefined;
  /** Whether train steps round activations to float16, as the webgpu engine may store them. */
  readonly float16?: boolean | undefined;
}

/** An engine that interprets the plan of `input.recipe`. */
export function createInterpreter(
  input: EngineInput,
  { precision, trainStep, trainOptions, float16 = false }: InterpreterOptions,
): Engine {
  const { recipe, settings, dataset, split } = input;
  const planned = new Map<readonly Phase[], PlannedProgram>();
  if (trainStep !== undefined) planned.set(recipe.stages[0]!.phases, trainStep);
  const stageOf = (): ReturnType<typeof inStage> => inStage(recipe, stageAt(recipe, stepsDone).stage);
  const stepProgram = (): PlannedProgram => {
    const stage = stageOf();
    const known = planned.get(stage.phases) ?? asStored(planTrainStep(stage, trainOptions), float16);
    planned.set(stage.phases, known);
    return known;
  };
  let parameters = new ParameterStore(initialTensors(recipe, settings.seed), precision);
  let stepsDone = 0;

  const sourceAt = (firstTestImage = 0): DrawSource => ({
    dataset,
    split,
    seed: settings.seed,
    step: stepsDone,
    origin: stageAt(recipe, stepsDone).origin,
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
    const step = stepProgram();
    const run = ready(step);
    run.run(sourceAt());
    stepsDone++;
    return { step: stepsDone, values: Float32Array.from(run.read(step.program.outputs[0]!)) };
  };

  return {
    info: { engine: 'tfjs-cpu', adapter: 'plan interpreter', isSoftware: true },
    evaluationSlice: 50,
    joinsSlices: false,
    advance: async (steps) => Array.from({ length: steps }, makeStep),
    flush: async () => [],
    countCorrect: async (first, count) => {
      const planned = planEvaluate(recipe, count);
      const run = ready(planned);
      run.run(sourceAt(first));
      return run.read(planned.program.outputs[0]!)[0]!;
    },
    generate: async (latents, count) => infer(planGenerate(recipe, count), latents),
    classify: async (images, count) => infer(planClassify(recipe, count), images),
    features: async (images, count, parameters) => infer(planFeatures(recipe, count, parameters), images),
    exportState: async () => ({ step: stepsDone, tensors: parameters.tensors() }),
    importState: async (state: EngineState) => {
      parameters = new ParameterStore(state.tensors, precision);
      stepsDone = state.step;
    },
    inspectStep: async () => inspect(stepProgram(), metricNames(stageOf()), parameters, sourceAt()),
    dispose: () => undefined,
  };
}

/** See `Engine.inspectStep`: what a step writes along its way, and what it leaves behind. */
function inspect(
  { program, layout }: PlannedProgram,
  metrics: readonly string[],
  parameters: ParameterStore,
  source: DrawSource,
): ReadonlyMap<string, NamedTensor> {
  const found = new Map<string, NamedTensor>();
  const copy = new ParameterStore(parameters.tensors(), parameters.precision);
  const step = interpret(program, layout, copy);
  const taps = tapsAfter(program);
  program.operations.forEach((_, index) => {
    step.run(source, index, index + 1);
    for (const { name, tensor, firstRow, rows, shape } of taps.get(index) ?? []) {
      const size = step.tensors.rowSize(tensor);
      const values = Float32Array.from(step.read(tensor).subarray(firstRow * size, (firstRow + rows) * size));
      found.set(name, { shape: [rows, ...shape], values });
    }
  });
  metrics.forEach((name, index) => {
    found.set(name, { shape: [], values: Float32Array.of(step.read(program.outputs[0]!)[index]!) });
  });
  const after = copy.tensors();
  for (const operation of program.operations) {
    if (operation.kind !== 'normStatistics' || !operation.updatesRunning) continue;
    for (const name of [operation.norm.movingMean, operation.norm.movingVariance]) {
      found.set(`updated/${name}`, after.get(name)!);
    }
  }
  const updates = program.operations.filter((operation) => operation.kind === 'update');
  updates.forEach(({ entries }, phase) => {
    for (const entry of entries) {
      const values = Float32Array.from(gradientOf(step.tensors, entry));
      found.set(gradientName(phase, entry.parameter), { shape: parameters.shapeOf(entry.parameter), values });
    }
  });
  return found;
}
