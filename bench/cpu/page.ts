/** The benchmark's page: hands the orders to the worker and what comes back to whoever drives the page. */

import type { Measured, Orders } from './measure.js';

interface Progress {
  lines: string[];
  error: string | null;
  measured: Measured | null;
}

declare global {
  interface Window {
    readonly runOrders: (orders: Orders) => void;
    readonly progress: Progress;
    /** One array of the inputs as its bytes in base64. */
    readonly inputBytes: (name: string) => string;
  }
}

const progress: Progress = { lines: [], error: null, measured: null };

function runOrders(orders: Orders): void {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<{ line?: string; measured?: Measured; error?: string }>) => {
    if (data.line !== undefined) progress.lines.push(data.line);
    if (data.error !== undefined) progress.error = data.error;
    if (data.measured !== undefined) progress.measured = data.measured;
  };
  worker.onerror = ({ message }) => {
    progress.error = message;
  };
  worker.postMessage({ orders, dataUrl: new URL('./data/', location.href).href });
}

function inputBytes(name: string): string {
  const { values } = progress.measured!.inputs.arrays.get(name)!;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

Object.assign(window, { runOrders, progress, inputBytes });
