/**
 * The interface that every engine keeps, and the state of a run that moves between them.
 * An engine computes; it knows nothing of runs, schedules, pauses or the wire.
 */

import type { EngineName, FewerThreads } from '../../protocol/engines.js';
import type { ImageGrid } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import type { Dataset, Split } from '../data/dataset.js';
import type { NamedTensor, NamedTensors } from '../model/parameters.js';
import type { ParameterSet, Recipe } from '../../recipe/recipe.js';

/** Everything an engine is made from. The engine reads these for its life and changes none of them. */
export interface EngineInput {
  readonly recipe: Recipe;
  readonly settings: Settings;
  readonly dataset: Dataset;
  readonly split: Split;
}

/**
 * What a run is, between two steps: move it to another engine and it goes on. Tensors are
 * parameters, running statistics, averages, Adam moments and the target store under the names of `model/parameters.ts`.
 */
export interface EngineState {
  /** Updates done; also the counter that the next step's streams are drawn with. */
  readonly step: number;
  readonly tensors: NamedTensors;
}

/** What an engine runs on: what must be the same for a resumed run to give the bits of an unbroken one. */
export interface EngineInfo {
  readonly engine: EngineName;
  /** What it runs on, in the platform's words; may be empty. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** How its products are cut, by role, where that was chosen for the adapter. A record: it changes no bit. */
  readonly tiles?: Readonly<Record<string, string>>;
  /** Features of the GPU that kernels use and bits depend on; left out where there are none. */
  readonly features?: readonly string[];
  /** Where the engine has threads, and fewer than it was to have. */
  readonly fewerThreads?: FewerThreads;
}

/** The scalars of one step, in the order of its stage's `metricNames`. */
export interface StepMetrics {
  /** Updates done after it. */
  readonly step: number;
  readonly values: Float32Array<ArrayBuffer>;
}

/** Name of a parameter's gradient in a phase of a step, as `Engine.inspectStep` gives it. */
export function gradientName(phase: number, parameter: string): string {
  return phase === 0 ? `gradient/${parameter}` : `gradient@${phase}/${parameter}`;
}

export interface Engine {
  readonly info: EngineInfo;
  /** Test images classified between two looks at the commands; about as long as a step, or shorter. */
  readonly evaluationSlice: number;
  /**
   * Whether several slices may go into one call, as many as a chunk of steps takes time, by measurement.
   * Only where an image's logits do not depend on its slice: elsewhere a resumed run has to evaluate
   * in the very same ones.
   */
  readonly joinsSlices: boolean;
  /**
   * Makes `steps` updates, all of one stage (`stageAt` of the step). Resolves as soon as the engine can take the next call, with the metrics
   * that have arrived by then, in order: an engine that works ahead may hand back those of earlier
   * steps and owe the rest to the next call or to `flush`.
   */
  advance(steps: number): Promise<readonly StepMetrics[]>;
  /** Resolves once every update asked for is done, with the metrics still owed. */
  flush(): Promise<readonly StepMetrics[]>;
  /** How many of the test images first .. first + count - 1 are classified as labelled. */
  countCorrect(first: number, count: number): Promise<number>;
  /**
   * Generator images for latents [count, latentSize] float32 with running statistics, dropout off:
   * [count, height, width, channels] float32 in [-1, 1]. Throws where the recipe has no generator.
   */
  generate(latents: Float32Array<ArrayBuffer>, count: number): Promise<Float32Array<ArrayBuffer>>;
  /**
   * The same images tiled, byte for byte as `toImageGrid` would; only where the engine spares the host
   * that work. `generateImageGrid` of image-grid.ts asks any engine.
   */
  generateGrid?(latents: Float32Array<ArrayBuffer>, count: number, columns: number): Promise<ImageGrid>;
  /**
   * Logits [count, classes + 1] float32 of images [count, height, width, channels] float32 in
   * [-1, 1], with running statistics, dropout off.
   */
  classify(images: Float32Array<ArrayBuffer>, count: number): Promise<Float32Array<ArrayBuffer>>;
  /**
   * The recipe's landmark layer [count, size] float32 of images as `classify` takes them, at current or averaged
   * parameters, dropout and noise off. Throws where the recipe has no landmarks.
   */
  features(
    images: Float32Array<ArrayBuffer>,
    count: number,
    parameters: ParameterSet,
  ): Promise<Float32Array<ArrayBuffer>>;
  /** A copy; the engine keeps running. */
  exportState(): Promise<EngineState>;
  /** Replaces everything by a copy of `state`, whose names and shapes must be the recipe's. */
  importState(state: EngineState): Promise<void>;
  /**
   * For tests: what the next step computes, without making it. Names: `<pass>/<layer>` for every
   * pass's first input (`<pass>/input`) and layer output (the discriminator's `features`, `logits`,
   * the generator's `tanh` at least), metric names for the losses ([] shape), `gradientName` for every
   * trained parameter by phase, `updated/<running statistic>` for what the step would move it to.
   */
  inspectStep(): Promise<ReadonlyMap<string, NamedTensor>>;
  /** Frees everything; no call may follow. Idempotent. */
  dispose(): void;
}
