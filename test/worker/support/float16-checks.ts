/** Checks of the webgpu engine with activations as float16, for the browser and for Dawn: each rejects where something is off. */

import { sizeOf } from '../../../src/recipe/layers.js';
import { inStage } from '../../../src/recipe/recipe.js';
import type { Engine, EngineInput } from '../../../src/worker/engine/engine.js';
import { createInterpreter } from '../../../src/worker/engine/plan/interpreter/engine.js';
import { asStored, planEvaluate, planGenerate, planTrainStep } from '../../../src/worker/engine/plan/plan.js';
import { featuresAskedBy } from '../../../src/worker/engine/webgpu/optional-features.js';
import { exactZerosOf } from '../../support/exact-zeros.js';
import { FEW_SHAPES, fewInput, fewState } from '../../support/few-recipe.js';
import { expectClose, expectIdentical, relativeError } from './compare.js';
import { checkOneByOne, expectAgreement } from './one-by-one-checks.js';
import { runOneByOne, stirred, withDevice } from './one-by-one.js';
import { GPU_TILES, SOFTWARE_TILES } from './tiles.js';
import { hashed, tinyInput } from './tiny.js';
import { withFeature, withWebGpu } from './webgpu-engine.js';

const FLOAT16 = { float16: true } as const;
/** Divisors of the notebook's channels: fours everywhere, and odd numbers of them. */
const EVEN = 8;
const ODD = 27;

/** Values whose roundings the device and the interpreter may take differently, through a step. */
const STEP_TOLERANCE = 4e-3;
/** What a step's losses lose by float16, measured against float32. */
const LOSS_TOLERANCE = 1e-2;

function fewStage(stage: number): () => Promise<void> {
  return async () => {
    const input = fewInput(FEW_SHAPES[stage % FEW_SHAPES.length]);
    const { step, tensors } = fewState(input, stage);
    await checkOneByOne(input, SOFTWARE_TILES, step + 1, tensors, FLOAT16);
  };
}

function notebook(divisor: number): () => Promise<void> {
  const input = tinyInput('notebook', { batch: 11 }, divisor);
  return () => checkOneByOne(input, SOFTWARE_TILES, 1, undefined, FLOAT16);
}

/** Lavapipe takes minutes to compile what a GPU does in a second: this recipe has the fewest texts. */
function smallest(divisor: number): EngineInput {
  return tinyInput('labels-only', {}, divisor);
}

function classifier(): Promise<void> {
  return checkOneByOne(smallest(EVEN), GPU_TILES, 1, undefined, FLOAT16);
}

/** What is made of networks beside training, where norms come from the running statistics. */
async function inference(): Promise<void> {
  const input = tinyInput('notebook', {}, EVEN);
  const trainStep = asStored(planTrainStep(inStage(input.recipe, 0)), true);
  const programs = [planEvaluate(input.recipe, 13), planGenerate(input.recipe, 5)];
  for (const planned of programs.map((program) => asStored(program, true))) {
    const [latents] = planned.program.inputs;
    const inputs = new Map(
      latents === undefined ? [] : [[latents, hashedValues(planned.program.tensors[latents]!.shape)]],
    );
    const all = await withDevice(
      (device) =>
        runOneByOne(device, input, planned, {
          tiles: SOFTWARE_TILES,
          state: stirred(input),
          trainStep,
          inputs,
        }),
      featuresAskedBy({ subgroups: false, float16: true }),
    );
    expectAgreement(all, input.recipe);
  }
}

function hashedValues(shape: readonly number[]): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => hashed(i, 3));
}

type Inspected = Awaited<ReturnType<Engine['inspectStep']>>;

async function inspectWith(input: EngineInput): Promise<Inspected> {
  return withWebGpu(input, (engine) => engine.inspectStep());
}

/** A step is that of the interpreter which rounds alike, and near that of float32. */
async function wholeStep(): Promise<void> {
  const plain = smallest(ODD);
  const found = await inspectWith(withFeature(plain, 'float16'));
  const reference = createInterpreter(plain, { precision: 'float32', float16: true });
  const isNoise = exactZerosOf(plain.recipe);
  expectClose(found, await reference.inspectStep(), () => STEP_TOLERANCE, isNoise);
  const without = await inspectWith(plain);
  let differing = 0;
  for (const [name, { shape, values }] of without) {
    const { values: half } = found.get(name)!;
    if (half.some((value, i) => value !== values[i])) differing++;
    if (shape.length === 0 && !(relativeError(half, values) <= LOSS_TOLERANCE))
      throw new Error(`"${name}" is off by ${relativeError(half, values)} of what float32 gives.`);
  }
  if (differing === 0)
    throw new Error('The step is that of float32, bit for bit: nothing was stored as float16.');
}

/** Steps and an evaluation; the same bits again. */
async function wholeRun(): Promise<void> {
  const input = withFeature(smallest(EVEN), 'float16');
  const run = (): Promise<Awaited<ReturnType<Engine['exportState']>>['tensors']> =>
    withWebGpu(input, async (engine) => {
      if (engine.info.features?.join() !== 'shader-f16')
        throw new Error(`The engine names the features ${engine.info.features?.join()}.`);
      // In parts, so that a slow compiler is heard of in between.
      await engine.inspectStep();
      await engine.advance(2);
      const correct = await engine.countCorrect(0, 50);
      if (!(correct >= 0 && correct <= 50)) throw new Error(`${correct} of 50 images are correct.`);
      return (await engine.exportState()).tensors;
    });
  expectIdentical(await run(), await run());
}

/** By what each says of the engine. */
export const FLOAT16_CHECKS: Readonly<Record<string, () => Promise<void>>> = {
  'computes each operation of a recipe with batch norm': notebook(EVEN),
  'computes each operation with odd numbers of channels': notebook(ODD),
  'computes each operation of a classifier, tiles for GPUs': classifier,
  'computes each operation of a recipe with views, group norm and contrastive terms': fewStage(0),
  'computes each operation of a recipe with several phases and noise': fewStage(3),
  'computes each operation of an evaluation and of generated images': inference,
  'makes the step of the interpreter, near that of float32': wholeStep,
  'trains and evaluates, says how, and gives the same bits again': wholeRun,
};

/** A kernel that stores its values a thousandth too large has to be found out by the first of them. */
export async function plantedDefect(): Promise<void> {
  const input = tinyInput('notebook', { batch: 11 }, EVEN);
  const planned = asStored(planTrainStep(inStage(input.recipe, 0)), true);
  const spoilt = (code: string): string => code.replaceAll('] = vec4h(value)', '] = vec4h(value * 1.004f)');
  const all = await withDevice(
    (device) => {
      const createShaderModule = device.createShaderModule.bind(device);
      device.createShaderModule = (descriptor) =>
        createShaderModule({ ...descriptor, code: spoilt(descriptor.code) });
      return runOneByOne(device, input, planned, { tiles: SOFTWARE_TILES, state: stirred(input), step: 1 });
    },
    featuresAskedBy({ subgroups: false, float16: true }),
  );
  expectAgreement(all, input.recipe, planned);
}
