/** Copies from GPU buffers to the host, through one buffer that is made and freed for it: not for use in a step. */

export interface ReadSource {
  readonly buffer: GPUBuffer;
  /** Multiples of four. */
  readonly offsetBytes: number;
  readonly bytes: number;
}

/** The contents, as float32, of several ranges at one moment of the queue. Rejects where the device goes away. */
export async function readBuffers(
  device: GPUDevice,
  sources: readonly ReadSource[],
): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const size = sources.reduce((sum, { bytes }) => sum + bytes, 0);
  const staging = device.createBuffer({
    label: 'read-back',
    size,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  try {
    const encoder = device.createCommandEncoder();
    let offset = 0;
    for (const { buffer, offsetBytes, bytes } of sources) {
      encoder.copyBufferToBuffer(buffer, offsetBytes, staging, offset, bytes);
      offset += bytes;
    }
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const mapped = staging.getMappedRange();
    let first = 0;
    return sources.map(({ bytes }) => {
      const values = new Float32Array(mapped.slice(first, first + bytes));
      first += bytes;
      return values;
    });
  } finally {
    staging.destroy();
  }
}
