/**
 * Entry of the command's worker: the site's own benchmark with more yardsticks, and a step's inputs for those
 * outside the browser.
 */

/// <reference lib="webworker" />

import { stageMeant } from '../../src/protocol/benchmark/stages.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import { benchSubject } from '../../src/worker/benchmark/create-contender.js';
import { serveBenchmark } from '../../src/worker/benchmark/serve-benchmark.js';
import { stepInputs, type StepInputs } from '../../src/worker/benchmark/step-inputs.js';
import { loadDataset } from '../../src/worker/data/load.js';
import { createWasmEngine } from '../../src/worker/engine/wasm/index.js';
import { PEERS } from './peers.js';

/** Asks for a step's inputs instead of a benchmark. */
export interface InputsRequest {
  readonly type: 'inputs';
  readonly recipe: RecipeName;
  readonly dataUrl: string;
}

export type InputsEvent =
  | { readonly type: 'inputs'; readonly inputs: StepInputs }
  | { readonly type: 'error'; readonly message: string };

async function inputsOf({ recipe, dataUrl }: InputsRequest): Promise<StepInputs> {
  const { signal } = new AbortController();
  const load = (...given: Parameters<typeof fetch>): Promise<Response> => fetch(...given);
  const dataset = await loadDataset({ dataUrl, fetch: load, signal, onProgress: () => undefined });
  const { input } = benchSubject(recipe, stageMeant(recipe, null), null, dataset);
  const engine = await createWasmEngine(input, { threads: 1, simd: 'plain' });
  try {
    return await stepInputs(engine, input);
  } finally {
    engine.dispose();
  }
}

addEventListener('message', (event: MessageEvent<InputsRequest>) => {
  if (event.data.type !== 'inputs') return;
  // Not for the benchmark's own listener.
  event.stopImmediatePropagation();
  const send = (answer: InputsEvent): void => postMessage(answer);
  inputsOf(event.data).then(
    (inputs) => send({ type: 'inputs', inputs }),
    (error: unknown) => send({ type: 'error', message: String(error) }),
  );
});

serveBenchmark(PEERS);
