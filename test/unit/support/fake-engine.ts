/**
 * An engine for tests of everything around engines: tiny, deterministic, and as strict about its
 * contract as a real one (one call at a time, none after `dispose`). Its "training" moves every
 * trained parameter by a number drawn for the step, so that states of different steps differ.
 */

import type { EngineName } from '../../../src/protocol/engines.js';
import type { EngineEntry, Probe } from '../../../src/worker/engine/engine-entry.js';
import { drawPhase } from '../../../src/worker/model/draws.js';
import type { Engine, EngineInput, EngineState, StepMetrics } from '../../../src/worker/engine/engine.js';
import { initialTensors, parametersOf, type NamedTensor } from '../../../src/worker/model/parameters.js';
import { layersUntil, outputShapeOf, sizeOf } from '../../../src/recipe/layers.js';
import { entryOf, inStage, stageAt } from '../../../src/recipe/recipe.js';
import { metricNames, TRAIN_ACCURACY } from '../../../src/recipe/metrics.js';
import { RandomStreams } from '../../../src/worker/random/streams.js';

export interface FakeEngineOptions {
  readonly name?: EngineName;
  /** Called before each step with the updates done; may throw, wait, or move a clock. */
  readonly onStep?: (step: number) => void | Promise<void>;
  readonly onEvaluate?: (first: number, count: number) => void | Promise<void>;
  readonly onGenerate?: () => void | Promise<void>;
  readonly onExport?: () => void | Promise<void>;
  /** Called with the updates done. */
  readonly onFlush?: (step: number) => void | Promise<void>;
  /** The step (updates done after it) whose losses are NaN. */
  readonly nanAt?: number;
  /** The step that leaves an infinite parameter behind, its losses finite. */
  readonly infiniteAt?: number;
  /** Chunks that `advance` keeps back, as an engine that works ahead does. */
  readonly worksAhead?: boolean;
  /**
   * Makes steps beside whoever asked, each in so long by this clock, and holds the asker back only where two chunks
   * are under way already.
   */
  readonly device?: { readonly clock: { ms: number }; readonly msPerStep: number };
  readonly evaluationSlice?: number;
  readonly joinsSlices?: true;
}

export class FakeEngine implements Engine {
  readonly info: Engine['info'];
  readonly evaluationSlice: number;
  readonly joinsSlices: boolean;
  readonly #input: EngineInput;
  readonly #options: FakeEngineOptions;
  readonly #streams: RandomStreams;
  #step = 0;
  #tensors: Map<string, NamedTensor>;
  #owed: StepMetrics[] = [];
  #isBusy = false;
  /** Steps of each chunk on the device, and when it will be done. */
  #underWay: { readonly steps: number; readonly doneAtMs: number }[] = [];
  isDisposed = false;
  /** Sizes of the `advance` calls. */
  readonly chunks: number[] = [];

  constructor(input: EngineInput, options: FakeEngineOptions = {}) {
    this.#input = input;
    this.#options = options;
    this.#streams = new RandomStreams(input.settings.seed);
    this.#tensors = initialTensors(input.recipe, input.settings.seed);
    this.info = { engine: options.name ?? 'tfjs-cpu', adapter: 'fake', isSoftware: false };
    this.evaluationSlice = options.evaluationSlice ?? 10;
    this.joinsSlices = options.joinsSlices === true;
  }

  advance(steps: number): Promise<readonly StepMetrics[]> {
    return this.#exclusively(async () => {
      this.chunks.push(steps);
      for (let i = 0; i < steps; i++) {
        await this.#options.onStep?.(this.#step);
        this.#owed.push(this.#makeStep());
      }
      const { device } = this.#options;
      if (device !== undefined) return this.#giveToDevice(steps, device);
      if (this.#options.worksAhead) return this.#owed.splice(0, Math.max(0, this.#owed.length - steps));
      return this.#owed.splice(0);
    });
  }

  flush(): Promise<readonly StepMetrics[]> {
    return this.#exclusively(async () => {
      const { device, onFlush } = this.#options;
      await onFlush?.(this.#step);
      const last = this.#underWay.at(-1);
      if (device !== undefined && last !== undefined)
        device.clock.ms = Math.max(device.clock.ms, last.doneAtMs);
      this.#underWay = [];
      return this.#owed.splice(0);
    });
  }

  countCorrect(first: number, count: number): Promise<number> {
    return this.#exclusively(async () => {
      await this.#options.onEvaluate?.(first, count);
      const [tensor] = this.#tensors.values();
      return Math.min(count, Math.floor(Math.abs(tensor!.values[0]!) * 1e6) % (count + 1));
    });
  }

  generate(latents: Float32Array<ArrayBuffer>, count: number): Promise<Float32Array<ArrayBuffer>> {
    return this.#exclusively(async () => {
      await this.#options.onGenerate?.();
      const [height, width, channels] = this.#input.dataset.imageShape;
      const size = height * width * channels;
      const latentSize = latents.length / count;
      return Float32Array.from(
        { length: count * size },
        (_, i) => latents[Math.floor(i / size) * latentSize]!,
      );
    });
  }

  classify(_images: Float32Array<ArrayBuffer>, count: number): Promise<Float32Array<ArrayBuffer>> {
    return this.#exclusively(() => new Float32Array(count * (this.#input.dataset.classes + 1)));
  }

  /** As many as the recipe's landmark layer has: the image's first bytes, so that no two are quite alike. */
  features(images: Float32Array<ArrayBuffer>, count: number): Promise<Float32Array<ArrayBuffer>> {
    const { recipe } = this.#input;
    const { network } = entryOf(recipe, recipe.classifier.network);
    const layers = layersUntil(network, recipe.landmarks!.layer);
    const size = sizeOf(outputShapeOf({ ...network, layers }));
    const image = images.length / count;
    return this.#exclusively(() =>
      Float32Array.from({ length: count * size }, (_, i) => {
        const [row, feature] = [Math.floor(i / size), i % size];
        return 1 + images[row * image + feature]!;
      }),
    );
  }

  exportState(): Promise<EngineState> {
    return this.#exclusively(async () => {
      await this.#options.onExport?.();
      return { step: this.#step, tensors: copyOf(this.#tensors) };
    });
  }

  importState(state: EngineState): Promise<void> {
    return this.#exclusively(() => {
      this.#step = state.step;
      this.#tensors = copyOf(state.tensors);
    });
  }

  inspectStep(): Promise<ReadonlyMap<string, NamedTensor>> {
    return Promise.reject(new Error('The fake engine computes nothing to inspect.'));
  }

  dispose(): void {
    this.isDisposed = true;
  }

  #giveToDevice(
    steps: number,
    { clock, msPerStep }: NonNullable<FakeEngineOptions['device']>,
  ): StepMetrics[] {
    if (this.#underWay.length === 2) clock.ms = Math.max(clock.ms, this.#underWay[0]!.doneAtMs);
    const startsAtMs = Math.max(clock.ms, this.#underWay.at(-1)?.doneAtMs ?? 0);
    this.#underWay.push({ steps, doneAtMs: startsAtMs + steps * msPerStep });
    const done = this.#underWay.filter(({ doneAtMs }) => doneAtMs <= clock.ms);
    this.#underWay = this.#underWay.filter(({ doneAtMs }) => doneAtMs > clock.ms);
    return this.#owed.splice(
      0,
      done.reduce((sum, chunk) => sum + chunk.steps, 0),
    );
  }

  async #exclusively<T>(call: () => T | Promise<T>): Promise<T> {
    if (this.isDisposed) throw new Error('The engine was called after dispose().');
    if (this.#isBusy) throw new Error('The engine was called before the call before had settled.');
    this.#isBusy = true;
    try {
      // A real engine never answers at once.
      await Promise.resolve();
      return await call();
    } finally {
      this.#isBusy = false;
    }
  }

  #makeStep(): StepMetrics {
    const { recipe, split } = this.#input;
    const stage = inStage(recipe, stageAt(recipe, this.#step).stage);
    const { name } = stage.phases[0]!.groups[0]!;
    const { indices } = drawPhase(this.#streams, stage, split, 0, this.#step).get(name)!;
    const moved = (indices![0]! % 1000) / 1000 - 0.5;
    for (const { name, role } of parametersOf(recipe)) {
      if (role === 'trained')
        this.#tensors.get(name)!.values.forEach((value, i, values) => (values[i] = value + moved));
    }
    this.#step++;
    if (this.#step === this.#options.infiniteAt) [...this.#tensors.values()][0]!.values[3] = Infinity;
    const values = Float32Array.from(metricNames(stage), (name, i) => {
      if (name === TRAIN_ACCURACY) return (this.#step % 4) / 3;
      return this.#step === this.#options.nanAt ? NaN : i + Math.abs(moved);
    });
    return { step: this.#step, values };
  }
}

function copyOf(tensors: ReadonlyMap<string, NamedTensor>): Map<string, NamedTensor> {
  return new Map(
    Array.from(tensors, ([name, { shape, values }]) => [name, { shape, values: values.slice() }] as const),
  );
}

/** A table with one fake engine under the name `tfjs-cpu`; `made` collects what was made. */
export function fakeTable(
  options: FakeEngineOptions & {
    readonly probe?: () => Promise<Probe>;
    readonly onCreate?: (input: EngineInput) => void | Promise<void>;
  } = {},
): { readonly table: readonly EngineEntry[]; readonly made: FakeEngine[] } {
  const made: FakeEngine[] = [];
  const entry: EngineEntry = {
    name: options.name ?? 'tfjs-cpu',
    isAutomatic: true,
    runsOn: 'cpu',
    probe: options.probe ?? (() => Promise.resolve({ isUsable: true, isSoftware: false, detail: '' })),
    create: async (input) => {
      await options.onCreate?.(input);
      const engine = new FakeEngine(input, options);
      made.push(engine);
      return engine;
    },
  };
  return { table: [entry], made };
}
