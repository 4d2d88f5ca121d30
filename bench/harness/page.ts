/** The command's page: hands requests to the worker, and what comes back to whoever drives the page. */

import type { BenchmarkEvent, BenchmarkOrders } from '../../src/protocol/benchmark/orders.js';
import type { RecipeName } from '../../src/recipe/recipes.js';
import type { StepInputs } from '../../src/worker/benchmark/step-inputs.js';
import type { InputsEvent } from './worker.js';

declare global {
  interface Window {
    readonly startBench: (orders: BenchmarkOrders) => void;
    readonly startInputs: (recipe: RecipeName) => void;
    /** Takes what the worker has told since the last call. */
    readonly takeEvents: () => readonly BenchmarkEvent[];
    /** null before they came. */
    readonly describeInputs: () =>
      (Omit<StepInputs, 'arrays'> & { readonly arrays: readonly object[] }) | null;
    /** One array of a step's inputs as its bytes in base64. */
    readonly inputBytes: (index: number) => string;
  }
}

const events: BenchmarkEvent[] = [];
let inputs: StepInputs | null = null;
const dataUrl = new URL('./data/', location.href).href;

function startWorker(request: object): void {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<BenchmarkEvent | InputsEvent>) => {
    if (data.type === 'inputs') inputs = data.inputs;
    else events.push(data);
  };
  worker.onerror = ({ message }) => events.push({ type: 'error', message });
  worker.postMessage({ ...request, dataUrl });
}

function inputBytes(index: number): string {
  const { values } = inputs!.arrays[index]!;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

Object.assign(window, {
  startBench: (orders: BenchmarkOrders) => startWorker({ type: 'run', orders }),
  startInputs: (recipe: RecipeName) => startWorker({ type: 'inputs', recipe }),
  takeEvents: () => events.splice(0),
  describeInputs: () =>
    inputs && { ...inputs, arrays: inputs.arrays.map(({ name, shape }) => ({ name, shape })) },
  inputBytes,
});
