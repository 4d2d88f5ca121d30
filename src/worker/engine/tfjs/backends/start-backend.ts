/**
 * Starts tfjs backends and shares them between engines. Only the backend asked for is loaded. Owns
 * what tfjs has registered under a backend's name.
 */

import * as tf from '@tensorflow/tfjs-core';
import { AUTOMATIC_START_LIMIT_MS } from '../../../../protocol/time-limits.js';
import { answerWithin } from '../../device/answer.js';
import type { MadeBackend, MakeBackend } from './backend.js';

export const TFJS_BACKENDS = ['webgpu', 'webgl', 'wasm', 'cpu'] as const;
export type TfjsBackend = (typeof TFJS_BACKENDS)[number];

const LOADERS: Readonly<Record<TfjsBackend, () => Promise<{ readonly makeBackend: MakeBackend }>>> = {
  webgpu: () => import('./webgpu.js'),
  webgl: () => import('./webgl.js'),
  wasm: () => import('./wasm.js'),
  cpu: () => import('./cpu.js'),
};

/** A backend in use. */
export type StartedBackend = Pick<MadeBackend, 'adapter' | 'isSoftware' | 'watch'> & {
  /** Makes it the backend of the tfjs operations that follow in the same task. */
  activate(): void;
  /** Frees the backend when the last of its users does so; its tensors are gone then. Idempotent. */
  dispose(): void;
};

interface Shared {
  readonly made: MadeBackend;
  users: number;
}

const inUse = new Map<TfjsBackend, Promise<Shared>>();

function remove(name: TfjsBackend): void {
  if (tf.findBackendFactory(name) !== null) tf.removeBackend(name);
}

async function start(name: TfjsBackend, isWanted: () => boolean): Promise<Shared> {
  const { makeBackend } = await LOADERS[name]();
  // Importing a backend registers tfjs' own factory for it, which makes the device itself and to which
  // tfjs turns whenever no backend is set.
  if (isWanted()) remove(name);
  const made = await makeBackend();
  if (!isWanted()) {
    made.backend.dispose();
    made.release();
    throw new Error(`The backend "${name}" came too late.`);
  }
  tf.registerBackend(name, () => made.backend);
  await tf.setBackend(name);
  return { made, users: 0 };
}

/**
 * Starts a backend for whoever asks for it meanwhile. One that does not answer is forgotten, so that the
 * next who asks tries anew; should it come after all, it is freed at once.
 */
function startShared(name: TfjsBackend): Promise<Shared> {
  const starting: Promise<Shared> = answerWithin(
    start(name, () => inUse.get(name) === starting),
    { what: `The backend "${name}" of TensorFlow.js`, limitMs: AUTOMATIC_START_LIMIT_MS },
  );
  inUse.set(name, starting);
  starting.catch(() => {
    if (inUse.get(name) === starting) inUse.delete(name);
  });
  return starting;
}

/**
 * Starts a backend, or joins those who use it already. Rejects with `EngineUnavailable` where the
 * platform lacks what it needs, and with its failure where it failed under its present users.
 */
export async function startBackend(name: TfjsBackend): Promise<StartedBackend> {
  const shared = await (inUse.get(name) ?? startShared(name));
  const { made } = shared;
  made.watch.check();
  shared.users++;
  let isDisposed = false;
  return {
    adapter: made.adapter,
    isSoftware: made.isSoftware,
    watch: made.watch,
    activate: () => {
      // A registered backend is set synchronously; the promise says nothing more.
      if (tf.getBackend() !== name) void tf.setBackend(name);
    },
    dispose: () => {
      if (isDisposed) return;
      isDisposed = true;
      shared.users--;
      if (shared.users > 0) return;
      inUse.delete(name);
      remove(name);
      made.release();
    },
  };
}
