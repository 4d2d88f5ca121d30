/**
 * The reference engine: a recipe interpreted with tfjs operations on any of its backends. Owns the
 * run's tensors.
 */

import * as tf from '@tensorflow/tfjs-core';
import { initialTensors, type NamedTensor, type NamedTensors } from '../../model/parameters.js';
import { RandomStreams } from '../../random/streams.js';
import { checkState } from '../check-state.js';
import type { Engine, EngineInfo, EngineInput, EngineState, StepMetrics } from '../engine.js';
import { startBackend, type StartedBackend, type TfjsBackend } from './backends/start-backend.js';
import { countLargestAt, imageTensor } from './batch.js';
import { toTrainerError } from '../device/failure-watch.js';
import { inferenceMode, runNetwork } from './forward.js';
import { toStepMetrics } from './metrics.js';
import { metricNames } from '../../../recipe/metrics.js';
import { TrainerError } from '../../../protocol/errors.js';
import {
  entryOf,
  inStage,
  stageAt,
  type ParameterSet,
  type Recipe,
  type StageRecipe,
} from '../../../recipe/recipe.js';
import { StepComputer, type StepTime } from './step.js';

type Values = Float32Array<ArrayBuffer>;

/** Test images that a backend classifies in about the time of a step. */
const EVALUATION_SLICES: Readonly<Record<TfjsBackend, number>> = {
  webgpu: 250,
  webgl: 250,
  wasm: 200,
  cpu: 50,
};

/** A stage of the recipe, and what makes its steps. */
interface StageComputer {
  readonly recipe: StageRecipe;
  readonly computer: StepComputer;
}

class TfjsEngine implements Engine {
  readonly info: EngineInfo;
  readonly evaluationSlice: number;
  readonly joinsSlices = false;
  readonly #input: EngineInput;
  readonly #backend: StartedBackend;
  /** Of each stage, in order. */
  readonly #stages: readonly StageComputer[];
  #tensors: tf.NamedTensorMap = {};
  #step = 0;
  #isDisposed = false;

  constructor(name: TfjsBackend, backend: StartedBackend, input: EngineInput) {
    this.info = { engine: `tfjs-${name}`, adapter: backend.adapter, isSoftware: backend.isSoftware };
    this.evaluationSlice = EVALUATION_SLICES[name];
    this.#input = input;
    this.#backend = backend;
    const streams = new RandomStreams(input.settings.seed);
    this.#stages = input.recipe.stages.map((_, index) => {
      const recipe = inStage(input.recipe, index);
      return { recipe, computer: new StepComputer(recipe, input, streams) };
    });
    this.#compute(() => this.#replaceTensors(initialTensors(input.recipe, input.settings.seed)));
  }

  async advance(steps: number): Promise<readonly StepMetrics[]> {
    const metrics: StepMetrics[] = [];
    let reading: Promise<StepMetrics> | null = null;
    for (let i = 0; i < steps; i++) {
      const next = this.#makeStep();
      // Where the step before fails, nobody is left to hear what this one comes to.
      next.catch(() => undefined);
      // The device works on this step while the one before is read back, and never has more to do.
      if (reading !== null) metrics.push(await reading);
      reading = next;
    }
    if (reading !== null) metrics.push(await reading);
    return metrics;
  }

  async flush(): Promise<readonly StepMetrics[]> {
    this.#backend.watch.check();
    return [];
  }

  async countCorrect(first: number, count: number): Promise<number> {
    const { dataset } = this.#input;
    const indices = Array.from({ length: count }, (_, i) => first + i);
    const { test, imageShape } = dataset;
    const logits = this.#compute(() => this.#logits(imageTensor(test, imageShape, indices)));
    const labels = test.labels.subarray(first, first + count);
    const values = await this.#read(logits);
    return countLargestAt(values, values.length / count, labels);
  }

  async generate(latents: Values, count: number): Promise<Values> {
    const { recipe } = this.#input;
    const { generator } = recipe;
    if (generator === null) throw new Error(`The recipe "${recipe.name}" has no generator.`);
    const { network } = entryOf(recipe, generator.network);
    return this.#read(
      this.#compute(() => {
        const input = tf.tensor(latents, [count, ...network.inputShape]);
        const use = { instance: 0, parameters: generator.parameters };
        return runNetwork(network, use, input, this.#tensors, inferenceMode, () => undefined);
      }),
    );
  }

  async classify(images: Values, count: number): Promise<Values> {
    const { imageShape } = this.#input.dataset;
    return this.#read(this.#compute(() => this.#logits(tf.tensor4d(images, [count, ...imageShape]))));
  }

  async features(images: Values, count: number, parameters: ParameterSet): Promise<Values> {
    const { recipe, dataset } = this.#input;
    const { landmarks, classifier } = recipe;
    if (landmarks === null) throw new Error(`The recipe "${recipe.name}" has no landmarks.`);
    const { network } = entryOf(recipe, classifier.network);
    const use = { instance: 0, parameters, until: landmarks.layer };
    return this.#read(
      this.#compute(() => {
        const input = tf.tensor4d(images, [count, ...dataset.imageShape]);
        return runNetwork(network, use, input, this.#tensors, inferenceMode, () => undefined);
      }),
    );
  }

  async exportState(): Promise<EngineState> {
    const step = this.#step;
    return { step, tensors: await this.#readAll(this.#compute(() => ({ ...this.#tensors }))) };
  }

  async importState({ step, tensors }: EngineState): Promise<void> {
    checkState(this.#input, tensors);
    this.#compute(() => this.#replaceTensors(tensors));
    this.#step = step;
  }

  async inspectStep(): Promise<ReadonlyMap<string, NamedTensor>> {
    const { recipe, computer, time, origin } = this.#nextStep();
    const { updated, scalars, labels, observed } = this.#compute(() =>
      computer.compute(this.#tensors, time, true),
    );
    try {
      const found = await this.#readAll({ ...observed, scalars });
      const { values } = toStepMetrics(recipe, time.step + 1, origin, found.get('scalars')!.values, labels);
      found.delete('scalars');
      metricNames(recipe).forEach((name, index) => {
        found.set(name, { shape: [], values: values.slice(index, index + 1) });
      });
      return found;
    } finally {
      tf.dispose([updated, scalars, observed]);
    }
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    tf.dispose(this.#tensors);
    this.#tensors = {};
    this.#backend.dispose();
  }

  /** The stage of the next step, and when that is. */
  #nextStep(): StageComputer & { readonly time: StepTime; readonly origin: number } {
    const step = this.#step;
    const { stage, origin } = stageAt(this.#input.recipe, step);
    return { ...this.#stages[stage]!, time: { step, scheduled: step - origin }, origin };
  }

  /** Computes one step at once; its metrics come when the device is through with it. */
  #makeStep(): Promise<StepMetrics> {
    const { recipe, computer, time, origin } = this.#nextStep();
    const { updated, scalars, labels } = this.#compute(() => computer.compute(this.#tensors, time));
    for (const [name, tensor] of Object.entries(updated)) {
      this.#tensors[name]?.dispose();
      this.#tensors[name] = tensor;
    }
    const step = ++this.#step;
    return this.#read(scalars).then((values) => toStepMetrics(recipe, step, origin, values, labels));
  }

  /** Logits [rows, width] of the classifier. */
  #logits(images: tf.Tensor4D): tf.Tensor {
    const { recipe } = this.#input;
    const { network, parameters } = recipe.classifier;
    const use = { instance: 0, parameters };
    // The logits are the network's last layer: `recipe/check-recipe.ts` sees to that.
    const classifier = entryOf(recipe, network).network;
    return runNetwork(classifier, use, images, this.#tensors, inferenceMode, () => undefined);
  }

  /** Runs tfjs operations on this engine's backend; tensors that are not returned are disposed. */
  #compute<T>(operations: () => T): T {
    if (this.#isDisposed) throw new Error('This engine was disposed; make another one.');
    this.#backend.watch.check();
    this.#backend.activate();
    try {
      return tf.tidy(operations as () => tf.TensorContainer) as T;
    } catch (error) {
      throw this.#backend.watch.failure ?? toTrainerError(error);
    }
  }

  #replaceTensors(tensors: NamedTensors): void {
    const made: tf.NamedTensorMap = {};
    for (const [name, { shape, values }] of tensors) {
      made[name] = tf.keep(tf.tensor(values.slice(), [...shape]));
    }
    tf.dispose(this.#tensors);
    this.#tensors = made;
  }

  /** Values of a tensor, which is disposed. */
  async #read(tensor: tf.Tensor): Promise<Values> {
    try {
      // The cpu backend hands out the array that it goes on computing with.
      return Float32Array.from(await this.#backend.watch.guard(tensor.data<'float32'>()));
    } finally {
      tensor.dispose();
    }
  }

  async #readAll(tensors: tf.NamedTensorMap): Promise<Map<string, NamedTensor>> {
    const read = async ([name, tensor]: [string, tf.Tensor]): Promise<[string, NamedTensor]> => {
      const values = Float32Array.from(await tensor.data<'float32'>());
      return [name, { shape: tensor.shape, values }];
    };
    return new Map(await this.#backend.watch.guard(Promise.all(Object.entries(tensors).map(read))));
  }
}

/**
 * XNNPACK, which tfjs' wasm backend convolves with, makes zeros of a kernel that is smaller than its stride,
 * and says nothing. Throws `EngineUnavailable` for a recipe that has one; to be removed when tfjs reports it.
 */
function checkConvolutions({ networks }: Recipe): void {
  for (const { network } of networks) {
    for (const layer of network.layers) {
      if (layer.kind !== 'conv2d' || Math.min(...layer.kernelSize) >= layer.stride) continue;
      throw new TrainerError(
        'EngineUnavailable',
        `TensorFlow.js on WebAssembly cannot compute layer "${layer.name}" of "${network.name}": its kernel, ` +
          `${layer.kernelSize.join(' x ')}, is smaller than its stride, ${layer.stride}. Choose another engine.`,
      );
    }
  }
}

/**
 * Makes the reference engine on a tfjs backend, at step 0 of the input's seed. The caller disposes it.
 * Rejects with `EngineUnavailable` where the backend cannot start here.
 */
export async function createTfjsEngine(name: TfjsBackend, input: EngineInput): Promise<Engine> {
  if (name === 'wasm') checkConvolutions(input.recipe);
  const backend = await startBackend(name);
  try {
    return new TfjsEngine(name, backend, input);
  } catch (error) {
    backend.dispose();
    throw error;
  }
}
