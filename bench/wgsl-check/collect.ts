/**
 * Every WGSL text that the webgpu engine makes for a recipe: the train step of each stage, evaluation, generation, image
 * grid, classification and features, with every tile that an adapter may choose, and what is measured to choose one. Computes nothing.
 */

import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import type { Recipe } from '../../src/recipe/recipe.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import { makeSplit } from '../../src/worker/data/split.js';
import { createWebGpuEngine, type WebGpuOptions } from '../../src/worker/engine/webgpu/index.js';
import type { OptionalFeature } from '../../src/worker/engine/webgpu/optional-features.js';
import type { Tiles } from '../../src/worker/engine/webgpu/kernels/linear.js';
import { defaultTiles, TILE_CANDIDATES } from '../../src/worker/engine/webgpu/tuning/tiles.js';
import { initialTensors } from '../../src/worker/model/parameters.js';
import { blankDataset } from '../gpu-audit/blank-dataset.js';
import { RecordingGpu } from '../gpu-audit/recording-device.js';

/** Texts by themselves, each with the label of the first kernel that has it. */
export type Texts = Map<string, string>;

/** What the label of a text begins with that a setting asks for, and the extension that it may have. */
export const BY_FEATURE: Readonly<
  Record<OptionalFeature, { readonly prefix: string; readonly extension: string }>
> = {
  subgroups: { prefix: 'by subgroups: ', extension: 'subgroups' },
  float16: { prefix: 'as float16: ', extension: 'f16' },
};

/** Most groups in one dimension of a dispatch, by WebGPU's defaults. */
const MOST_GROUPS = 65_535;

/** The longest that a timer takes. */
const NO_HURRY_MS = 2 ** 31 - 1;

/** Of an evaluation, of generated samples and of images to classify. */
const ROWS = 100;
const COLUMNS = 10;

/** Every candidate of every role at least once. */
function tileChoices(): readonly Tiles[] {
  const { forward, filter, narrow } = TILE_CANDIDATES;
  const count = Math.max(forward.length, filter.length, narrow.length);
  const measured = Array.from({ length: count }, (_, index) => ({
    forward: forward[Math.min(index, forward.length - 1)]!,
    filter: filter[Math.min(index, filter.length - 1)]!,
    narrow: narrow[Math.min(index, narrow.length - 1)]!,
  }));
  return [...measured, defaultTiles(true)];
}

/** A device that keeps the texts of its shader modules. */
function keepTexts(device: GPUDevice, texts: Texts, prefix: string): GPUDevice {
  const createShaderModule = (descriptor: GPUShaderModuleDescriptor): GPUShaderModule => {
    if (!texts.has(descriptor.code)) texts.set(descriptor.code, prefix + (descriptor.label ?? ''));
    return device.createShaderModule(descriptor);
  };
  return { ...device, createShaderModule };
}

/** Updates done when each stage begins. */
function firstSteps({ stages }: Recipe): readonly number[] {
  return stages.map((_, index) => stages.slice(0, index).reduce((sum, { steps }) => sum + steps, 0));
}

/** Adds a recipe's texts. Needs WebGPU's constants as globals. Throws where a dispatch has too many groups. */
export async function collectTexts(recipeName: RecipeName, texts: Texts): Promise<void> {
  const settings = resolveSettings({ recipe: recipeName });
  const dataset = blankDataset();
  const recipe = buildRecipe(settings, dataset);
  const input = { settings, dataset, recipe, split: makeSplit(dataset, settings) };
  const tensors = initialTensors(recipe, settings.seed);
  const [height, width, channels] = dataset.imageShape;
  const images = new Float32Array(ROWS * height * width * channels);

  async function walk(options: WebGpuOptions, setting?: OptionalFeature): Promise<void> {
    const prefix = setting === undefined ? '' : BY_FEATURE[setting].prefix;
    const recorder = new RecordingGpu();
    const wrapDevice = (device: GPUDevice): GPUDevice => keepTexts(device, texts, prefix);
    const asked = {
      ...input,
      settings: { ...settings, ...(setting !== undefined && { [setting]: true }) },
    };
    const engine = await createWebGpuEngine(asked, { ...options, gpu: recorder.gpu, wrapDevice });
    try {
      for (const step of firstSteps(recipe)) {
        await engine.importState({ step, tensors });
        await engine.advance(1);
        await engine.flush();
      }
      await engine.countCorrect(0, engine.evaluationSlice);
      await engine.classify(images, ROWS);
      if (recipe.landmarks !== null) {
        for (const parameters of ['current', 'average'] as const)
          await engine.features(images, ROWS, parameters);
      }
      if (recipe.generator !== null) {
        const latents = new Float32Array(ROWS * recipe.generator.latentSize);
        await engine.generate(latents, ROWS);
        await engine.generateGrid?.(latents, ROWS, COLUMNS);
      }
    } finally {
      engine.dispose();
    }
    for (const { label, groups } of recorder.take()) {
      if (groups.some((count) => count > MOST_GROUPS)) {
        throw new Error(
          `The kernel "${label}" is dispatched in ${groups.join(' x ')} groups; ${MOST_GROUPS} is the most.`,
        );
      }
    }
  }

  for (const tiles of tileChoices()) await walk({ tiles });
  for (const setting of Object.keys(BY_FEATURE) as OptionalFeature[]) {
    for (const isSoftware of [false, true]) await walk({ tiles: defaultTiles(isSoftware) }, setting);
  }
  // Nothing takes time on this device, so every candidate gets its turn.
  const store = { read: () => Promise.resolve(undefined), write: () => Promise.resolve() };
  await walk({ tune: { store, budgetMs: NO_HURRY_MS } });
}
