/** Defects to plant into an engine's input or output, so that a check can be seen to fail. */

import type { Engine, EngineInput, EngineState } from '../../../src/worker/engine/engine.js';
import type { LayerDescription } from '../../../src/recipe/layers.js';
import type { NamedTensor } from '../../../src/worker/model/parameters.js';
import type { Optimiser, Pass, Phase, Recipe } from '../../../src/recipe/recipe.js';

export type SpoilInput = (input: EngineInput) => EngineInput;
export type SpoilEngine = (engine: Engine) => Engine;
type Change = (values: Float32Array) => Float32Array<ArrayBuffer>;

function withRecipe(change: (recipe: Recipe) => Partial<Recipe>): SpoilInput {
  return (input) => ({ ...input, recipe: { ...input.recipe, ...change(input.recipe) } });
}

export function withPhase(change: (phase: Phase) => Partial<Phase>): SpoilInput {
  return withRecipe(({ stages }) => ({
    stages: stages.map((stage) => ({
      ...stage,
      phases: stage.phases.map((phase) => ({ ...phase, ...change(phase) })),
    })),
  }));
}

export function withPass(name: string, change: Partial<Pass>): SpoilInput {
  return withPhase(({ passes }) => ({
    passes: passes.map((pass) => (pass.name === name ? { ...pass, ...change } : pass)),
  }));
}

export function withLayer(name: string, change: (layer: LayerDescription) => LayerDescription): SpoilInput {
  return withRecipe(({ networks }) => ({
    networks: networks.map((entry) => {
      const layers = entry.network.layers.map((layer) => (layer.name === name ? change(layer) : layer));
      return { ...entry, network: { ...entry.network, layers } };
    }),
  }));
}

export function withOptimiser(network: string, change: Partial<Optimiser>): SpoilInput {
  return withRecipe(({ networks }) => ({
    networks: networks.map((entry) =>
      entry.network.name === network ? { ...entry, optimiser: { ...entry.optimiser, ...change } } : entry,
    ),
  }));
}

export function withSeed(change: (seed: number) => number): SpoilInput {
  return (input) => ({ ...input, settings: { ...input.settings, seed: change(input.settings.seed) } });
}

/** An engine that shows `name` of a step changed; everything else is the engine's. */
export function showing(name: string, change: Change): SpoilEngine {
  return (engine) =>
    overriding(engine, 'inspectStep', async () => {
      const inspected = new Map(await engine.inspectStep());
      const { shape, values } = inspected.get(name)!;
      return inspected.set(name, { shape, values: change(values) });
    });
}

export function overriding<K extends keyof Engine>(engine: Engine, name: K, method: Engine[K]): Engine {
  return new Proxy(engine, {
    get: (target, key) => {
      if (key === name) return method;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A state whose tensor `name` is what `change` makes of it. */
export async function exportChanged(engine: Engine, name: string, change: Change): Promise<EngineState> {
  const { step, tensors } = await engine.exportState();
  const { shape, values } = tensors.get(name)!;
  return {
    step,
    tensors: new Map<string, NamedTensor>(tensors).set(name, { shape, values: change(values) }),
  };
}

/** Variance of each channel of [..., channels] values, divided by n - `less`. */
function channelVariances({ shape, values }: NamedTensor, less: 0 | 1): number[] {
  const channels = shape.at(-1)!;
  const count = values.length / channels;
  return Array.from({ length: channels }, (_, channel) => {
    const own = Array.from({ length: count }, (_, i) => values[i * channels + channel]!);
    const mean = own.reduce((sum, value) => sum + value, 0) / count;
    return own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - less);
  });
}

/**
 * An engine that shows the running variance `name`, `old` before the step, as moved by the variances
 * of `layers` (what the norm sees, in order): biased with `less` 0, unbiased with 1.
 */
export function movingVarianceBy(
  name: string,
  old: NamedTensor,
  layers: readonly string[],
  less: 0 | 1,
): SpoilEngine {
  return (engine) =>
    overriding(engine, 'inspectStep', async () => {
      const inspected = new Map(await engine.inspectStep());
      let moved = Array.from(old.values);
      for (const layer of layers) {
        const variances = channelVariances(inspected.get(layer)!, less);
        moved = moved.map((value, i) => 0.99 * value + 0.01 * variances[i]!);
      }
      return inspected.set(`updated/${name}`, { shape: old.shape, values: Float32Array.from(moved) });
    });
}
