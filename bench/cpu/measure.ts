/**
 * Measures the CPU engines side by side in one worker: each makes its first steps, then they take turns,
 * a round each, so that whatever else the machine does falls on all of them.
 */

import { DEFAULT_SETTINGS, RECIPE_DEFAULTS, type RecipeName, type Settings } from '../../src/protocol.js';
import { dropoutStream, labelledStream } from '../../src/worker/draws.js';
import type { Dataset, Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { createWasmEngine } from '../../src/worker/engine/wasm/index.js';
import type { Simd } from '../../src/worker/engine/wasm/features.js';
import { compileBinary, instantiate } from '../../src/worker/engine/wasm/kernels.js';
import type { NamedTensor } from '../../src/worker/model/parameters.js';
import { RandomStreams } from '../../src/worker/random.js';
import { buildRecipe } from '../../src/worker/recipes.js';
import { makeSplit } from '../../src/worker/split.js';

export const CPU_ENGINES = ['wasm', 'wasm-plain', 'tfjs-wasm'] as const;
export type CpuEngine = (typeof CPU_ENGINES)[number];

export interface Orders {
  readonly contenders: readonly { readonly engine: CpuEngine; readonly threads: number }[];
  readonly recipe: RecipeName;
  readonly rounds: number;
  readonly evaluationImages: number;
}

export interface CpuResult {
  readonly engine: CpuEngine;
  readonly threads: number;
  /** From nothing to the end of the first step. */
  readonly firstStepMs: number;
  readonly msPerStep: { readonly min: number; readonly median: number; readonly max: number };
  readonly evaluationMs: number;
  readonly evaluationImages: number;
  readonly memoryBytes: number | null;
}

/** One step's inputs and losses, which the Python yardsticks check themselves against. */
export interface StepInputs {
  readonly arrays: ReadonlyMap<string, NamedTensor>;
  readonly losses: Readonly<Record<string, number>>;
}

export interface Measured {
  readonly results: readonly CpuResult[];
  /** GFLOP/s of the micro-kernel alone on one thread, by binary. */
  readonly microKernel: Readonly<Record<Simd, number>>;
  readonly inputs: StepInputs;
}

const WARM_UP_STEPS = 8;
const EVALUATION_SLICE = 200;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

function inputOf(recipe: RecipeName, dataset: Dataset): EngineInput {
  const settings: Settings = { ...DEFAULT_SETTINGS, ...(RECIPE_DEFAULTS[recipe] as Partial<Settings>), recipe };
  return { settings, dataset, recipe: buildRecipe(recipe, dataset), split: makeSplit(dataset, settings) };
}

function create(engine: CpuEngine, threads: number, input: EngineInput): Promise<Engine> {
  if (engine === 'tfjs-wasm') return createTfjsEngine('wasm', input);
  return createWasmEngine(input, { threads, simd: engine === 'wasm' ? 'relaxed' : 'plain' });
}

/** Rate of `packed6x8` (plain: unrolled by four) on operands that fit the first-level cache. */
async function microKernelRate(simd: Simd): Promise<number> {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const kernels = await instantiate(await compileBinary(simd, false), memory);
  const depth = 512;
  const calls = 20_000;
  const kernel = simd === 'relaxed' ? kernels.packed6x8 : kernels.packed6x8By4;
  let best = Infinity;
  for (let round = 0; round < 6; round++) {
    const start = performance.now();
    for (let call = 0; call < calls; call++) kernel(1024, 1024 + depth * 24, depth, 512, 0, 0, 32);
    best = Math.min(best, performance.now() - start);
  }
  return (2 * 6 * 8 * depth * calls) / (best * 1e6);
}

/** What the first step of the notebook's recipe works on, by the names the yardsticks use. */
async function stepInputs(dataset: Dataset): Promise<StepInputs> {
  const input = inputOf('notebook', dataset);
  const engine = await createWasmEngine(input, { threads: 1, simd: 'plain' });
  const { tensors } = await engine.exportState();
  const seen = await engine.inspectStep();
  engine.dispose();
  const arrays = new Map([...tensors].filter(([name]) => !name.startsWith('adam/') && !name.includes('moving_')));
  arrays.set('labelled', seen.get('labelled/input')!);
  arrays.set('unlabelled', seen.get('unlabelled/input')!);
  arrays.set('latents', seen.get('generated/input')!);
  const streams = new RandomStreams(input.settings.seed);
  const { layers } = input.recipe.networks[0]!.network;
  for (const pass of input.recipe.phases[0]!.passes) {
    const rows = seen.get(`${pass.name}/input`)!.shape[0]!;
    if (pass.network !== 'discriminator') continue;
    for (const [name, layer, shape] of [
      ['mask1', 'dropout1', [rows, 14, 14, 32]],
      ['mask3', 'dropout3', [rows, 4, 4, 128]],
    ] as const) {
      const values = new Float32Array(shape.reduce((size, dimension) => size * dimension, 1));
      const index = layers.findIndex((candidate) => candidate.name === layer);
      streams.dropoutMask(dropoutStream(0, pass, index), 0, values.length, input.settings.dropout, values);
      arrays.set(`${name}/${pass.name}`, { shape: [...shape], values });
    }
  }
  const indices = streams.indices(labelledStream(0), 0, arrays.get('labelled')!.shape[0]!, input.split.labelled.length);
  const labels = Float32Array.from(indices, (index) => dataset.train.labels[input.split.labelled[index]!]!);
  arrays.set('labels', { shape: [labels.length], values: labels });
  const losses = Object.fromEntries(
    ['discriminatorLoss', 'generatorLoss'].map((name) => [name, seen.get(name)!.values[0]!]),
  );
  return { arrays, losses };
}

/** Runs the orders; `log` gets a line for each engine that has started. */
export async function measure(orders: Orders, dataset: Dataset, log: (line: string) => void): Promise<Measured> {
  const input = inputOf(orders.recipe, dataset);
  const running = [];
  for (const { engine: name, threads } of orders.contenders) {
    const start = performance.now();
    const engine = await create(name, threads, input);
    await engine.advance(1);
    const firstStepMs = performance.now() - start;
    await engine.advance(WARM_UP_STEPS);
    log(`${name}: ${engine.info.adapter}, first step after ${firstStepMs.toFixed(0)} ms`);
    running.push({ name, threads, engine, firstStepMs, stepMs: [] as number[] });
  }
  for (let round = 0; round < orders.rounds; round++) {
    for (const { engine, stepMs } of running) {
      const start = performance.now();
      await engine.advance(1);
      stepMs.push(performance.now() - start);
    }
  }
  const results: CpuResult[] = [];
  for (const { name, threads, engine, firstStepMs, stepMs } of running) {
    await engine.countCorrect(0, EVALUATION_SLICE);
    const start = performance.now();
    for (let first = 0; first < orders.evaluationImages; first += EVALUATION_SLICE) {
      await engine.countCorrect(first, Math.min(EVALUATION_SLICE, orders.evaluationImages - first));
    }
    results.push({
      engine: name,
      threads,
      firstStepMs,
      msPerStep: { min: Math.min(...stepMs), median: median(stepMs), max: Math.max(...stepMs) },
      evaluationMs: performance.now() - start,
      evaluationImages: orders.evaluationImages,
      memoryBytes: 'memoryBytes' in engine ? (engine.memoryBytes as number) : null,
    });
    engine.dispose();
  }
  const microKernel = { relaxed: await microKernelRate('relaxed'), plain: await microKernelRate('plain') };
  return { results, microKernel, inputs: await stepInputs(dataset) };
}
