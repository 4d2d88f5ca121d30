/**
 * Counts what is asked of a GPUDevice, by wrapping the methods that ask: dispatches, submits, bytes
 * uploaded, and objects made. For tests of the budgets and for the benchmark.
 */

export interface CallCounts {
  dispatches: number;
  submits: number;
  uploadedBytes: number;
  buffers: number;
  bindGroups: number;
  pipelines: number;
}

/** Live counts of a device; `reset` begins anew. */
export interface CallCounter {
  readonly counts: CallCounts;
  reset(): void;
  /** Takes the wrappers of what a step calls off again; buffers are still tracked. */
  stopCounting(): void;
  /** Bytes of the buffers that were made and not destroyed. */
  readonly bufferBytes: number;
  readonly liveBuffers: number;
}

const NOTHING: CallCounts = {
  dispatches: 0,
  submits: 0,
  uploadedBytes: 0,
  buffers: 0,
  bindGroups: 0,
  pipelines: 0,
};

/** Bytes of a `writeBuffer` call: sizes are in elements for typed arrays. */
function writtenBytes(data: ArrayBufferView | ArrayBufferLike, dataOffset = 0, size?: number): number {
  const width =
    ArrayBuffer.isView(data) && 'BYTES_PER_ELEMENT' in data ? (data.BYTES_PER_ELEMENT as number) : 1;
  return size === undefined ? data.byteLength - dataOffset * width : size * width;
}

/** Wraps the device's methods in place; the device works as before. */
export function countCalls(device: GPUDevice): CallCounter {
  const counts: CallCounts = { ...NOTHING };
  const live = new Set<GPUBuffer>();

  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    counts.buffers++;
    // What is mapped when it is made is uploaded through the mapping.
    if (descriptor.mappedAtCreation === true) counts.uploadedBytes += descriptor.size;
    live.add(buffer);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      live.delete(buffer);
      return destroy();
    };
    return buffer;
  };
  const createBindGroup = device.createBindGroup.bind(device);
  device.createBindGroup = (descriptor) => {
    counts.bindGroups++;
    return createBindGroup(descriptor);
  };
  const createComputePipeline = device.createComputePipeline.bind(device);
  device.createComputePipeline = (descriptor) => {
    counts.pipelines++;
    return createComputePipeline(descriptor);
  };
  const createComputePipelineAsync = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = (descriptor) => {
    counts.pipelines++;
    return createComputePipelineAsync(descriptor);
  };
  const createCommandEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    const encoder = createCommandEncoder(descriptor);
    const beginComputePass = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (passDescriptor) => {
      const pass = beginComputePass(passDescriptor);
      const dispatch = pass.dispatchWorkgroups.bind(pass);
      pass.dispatchWorkgroups = (x, y, z) => {
        counts.dispatches++;
        return dispatch(x, y, z);
      };
      const dispatchIndirect = pass.dispatchWorkgroupsIndirect.bind(pass);
      pass.dispatchWorkgroupsIndirect = (buffer, offset) => {
        counts.dispatches++;
        return dispatchIndirect(buffer, offset);
      };
      return pass;
    };
    return encoder;
  };
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    counts.submits++;
    return submit(buffers);
  };
  const writeBuffer = queue.writeBuffer.bind(queue);
  queue.writeBuffer = (buffer, offset, data, dataOffset, size) => {
    counts.uploadedBytes += writtenBytes(data, dataOffset, size);
    return writeBuffer(buffer, offset, data, dataOffset, size);
  };
  return {
    counts,
    reset: () => void Object.assign(counts, NOTHING),
    stopCounting: () => {
      device.createCommandEncoder = createCommandEncoder;
      queue.submit = submit;
      queue.writeBuffer = writeBuffer;
    },
    get bufferBytes() {
      return [...live].reduce((sum, { size }) => sum + size, 0);
    },
    get liveBuffers() {
      return live.size;
    },
  };
}
