/** The benchmark's page: hands the orders to the worker, and what comes back to whoever drives the page. */

import type { Orders, Outcome } from './orders.js';
import type { FromWorker } from './worker.js';

interface Progress {
  lines: string[];
  error: string | null;
  outcome: Outcome | null;
}

declare global {
  interface Window {
    readonly startBench: (orders: Orders) => void;
    readonly progress: Progress;
    /** One array of a step's inputs as its bytes in base64. */
    readonly inputBytes: (index: number) => string;
  }
}

const progress: Progress = { lines: [], error: null, outcome: null };

function startBench(orders: Orders): void {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    if (data.line !== undefined) progress.lines.push(data.line);
    if (data.error !== undefined) progress.error = data.error;
    if (data.outcome !== undefined) progress.outcome = data.outcome;
  };
  worker.onerror = ({ message }) => {
    progress.error = message;
  };
  worker.postMessage({ orders, dataUrl: new URL('./data/', location.href).href });
}

function inputBytes(index: number): string {
  const { values } = progress.outcome!.inputs!.arrays[index]!;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

Object.assign(window, { startBench, progress, inputBytes });
