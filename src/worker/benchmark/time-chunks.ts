/**
 * Times what a chunk of steps costs in JavaScript: from the first call that encodes it to the return of
 * the call that asks for its metrics. Looks at the device's methods alone, so the engine runs as it is.
 */

/** Watches a device until `stop`; `times` are the milliseconds of every chunk until then. */
export function timeChunks(device: GPUDevice): { readonly times: readonly number[]; stop(): void } {
  const times: number[] = [];
  let startedAt: number | null = null;
  const createCommandEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    startedAt ??= performance.now();
    return createCommandEncoder(descriptor);
  };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- Called with the buffer below.
  const mapAsync = GPUBuffer.prototype.mapAsync;
  GPUBuffer.prototype.mapAsync = function (this: GPUBuffer, ...given) {
    const mapped = mapAsync.apply(this, given);
    if (startedAt !== null) times.push(performance.now() - startedAt);
    startedAt = null;
    return mapped;
  };
  return {
    times,
    stop: () => {
      device.createCommandEncoder = createCommandEncoder;
      GPUBuffer.prototype.mapAsync = mapAsync;
    },
  };
}
