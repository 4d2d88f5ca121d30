/** Counts what is asked of every device that a GPU gives, the peers' own devices included. */

import { countCalls, type CallCounter } from './count-calls.js';

/** Wraps every device that `gpu` gives from now on; returns a getter of the latest one's counter. */
export function watchDevices(gpu: GPU): () => CallCounter {
  let latest: CallCounter | null = null;
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) return null;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      latest = countCalls(device);
      return device;
    };
    return adapter;
  };
  return () => {
    if (latest === null) throw new Error('The engine opened no GPU device.');
    return latest;
  };
}
