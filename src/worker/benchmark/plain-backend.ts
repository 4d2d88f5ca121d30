/**
 * A backend of tfjs as the plain yardsticks use it: started as the trainer's engines start it. Of the kernels that
 * these add, plain operations meet the gradients of a convolution alone, without which tfjs' wasm backend cannot train.
 */

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { startBackend, type TfjsBackend } from '../engine/tfjs/index.js';
import type { NamedTensor, NamedTensors } from '../model/parameters.js';

/** The backends by what the yardsticks on them are called. */
export const TFJS_OF = {
  'tfjs-webgpu': 'webgpu',
  'tfjs-webgl': 'webgl',
  'tfjs-wasm': 'wasm',
  'tfjs-cpu': 'cpu',
} as const satisfies Record<string, TfjsBackend>;

/** A step of plain tfjs takes a software adapter half a minute on a machine that does other things too. */
const SOFTWARE_SILENCE_LIMIT_MS = 600_000;

export interface PlainBackend {
  /** Makes it the backend of what follows in the same task; throws where its device is gone. */
  choose(): void;
  /** Waits for an answer of the device; rejects where the device fails meanwhile. */
  guard<T>(answer: Promise<T>): Promise<T>;
  /** Bytes that the backend has taken on the GPU, or of the variables where it does not tell. */
  memoryBytes(variables: readonly tf.Variable[]): number;
  dispose(): void;
}

/** Rejects with `EngineUnavailable` where the platform lacks what the backend needs. */
export async function startPlainBackend(backend: TfjsBackend): Promise<PlainBackend> {
  const started = await startBackend(backend);
  if (started.isSoftware) started.watch.setSilenceLimit(SOFTWARE_SILENCE_LIMIT_MS);
  // Backends share one tfjs, so each turn begins by choosing its own.
  const choose = (): void => {
    started.watch.check();
    started.activate();
  };
  choose();
  return {
    choose,
    guard: (answer) => started.watch.guard(answer),
    memoryBytes: (variables) => {
      choose();
      const { numBytesInGPU } = tf.memory() as tf.MemoryInfo & { readonly numBytesInGPU?: number };
      // The bytes of all tensors would be those of every yardstick.
      return numBytesInGPU ?? variables.reduce((sum, { size }) => sum + 4 * size, 0);
    },
    dispose: () => started.dispose(),
  };
}

/** Test images that are classified at once. */
const EVALUATION_ROWS = 250;

/** Makes `count` steps; milliseconds until each call of `step` returned, added up. `step` gives the losses, which it waits for. */
export async function makeSteps(
  backend: PlainBackend,
  count: number,
  step: () => tf.Tensor,
): Promise<number> {
  backend.choose();
  let jsMs = 0;
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    const losses = step();
    jsMs += performance.now() - startedAt;
    await backend.guard(losses.data());
    losses.dispose();
  }
  return jsMs;
}

/** How many of the first `count` test images are named right; `classesOf` gives the classes of rows, [rows]. */
export async function countCorrect(
  backend: PlainBackend,
  count: number,
  labels: ArrayLike<number>,
  classesOf: (rows: readonly number[]) => tf.Tensor,
): Promise<number> {
  backend.choose();
  let correct = 0;
  for (let first = 0; first < count; first += EVALUATION_ROWS) {
    const rows = Array.from({ length: Math.min(EVALUATION_ROWS, count - first) }, (_, i) => first + i);
    const classes = tf.tidy(() => classesOf(rows));
    const found = await backend.guard(classes.data());
    classes.dispose();
    rows.forEach((row, i) => (correct += Number(found[i] === labels[row])));
  }
  return correct;
}

/** Values of tensors by name; disposes the tensors. */
export async function readTensors(
  tensors: ReadonlyMap<string, tf.Tensor>,
  backend: PlainBackend,
): Promise<NamedTensors> {
  const result = new Map<string, NamedTensor>();
  for (const [name, tensor] of tensors) {
    const values = Float32Array.from(await backend.guard(tensor.data()));
    result.set(name, { shape: tensor.shape, values });
    tensor.dispose();
  }
  return result;
}
