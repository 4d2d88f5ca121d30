/**
 * A GPUDevice without a GPU: keeps what is made on it and what is dispatched, computes nothing. Buffers hold what
 * the host has written, zeros elsewhere. Owns no judgement of what it is given.
 */

import { OPTIONAL_FEATURES } from '../../src/worker/engine/webgpu/optional-features.js';

/** A storage buffer of a dispatch, with what the host has written to it. */
export interface RecordedBuffer {
  readonly label: string;
  readonly contents: Uint8Array<ArrayBuffer>;
}

export interface RecordedDispatch {
  readonly label: string;
  readonly code: string;
  readonly groups: readonly [number, number, number];
  /** By binding. */
  readonly buffers: readonly RecordedBuffer[];
}

interface StandInBuffer extends RecordedBuffer {
  readonly size: number;
}

interface StandInPipeline {
  readonly code: string;
}

interface StandInBindGroup {
  readonly label: string;
  readonly buffers: readonly RecordedBuffer[];
}

/** Of an AMD GPU, so that it passes for a real adapter, with WebGPU's default limits. */
const INFO = { vendor: 'amd', architecture: 'rdna-2', device: '', description: '', isFallbackAdapter: false };
const FEATURES: ReadonlySet<string> = new Set(Object.values(OPTIONAL_FEATURES));
const LIMITS = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxBufferSize: 256 * 2 ** 20,
};

export class RecordingGpu {
  #dispatches: RecordedDispatch[] = [];

  /** Stands for `navigator.gpu`. */
  get gpu(): GPU {
    const requestDevice = (): Promise<GPUDevice> => Promise.resolve(this.#device());
    const adapter = { info: INFO, limits: LIMITS, features: FEATURES, requestDevice };
    return { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
  }

  /** What was dispatched since the last call, in order. */
  take(): readonly RecordedDispatch[] {
    const dispatches = this.#dispatches;
    this.#dispatches = [];
    return dispatches;
  }

  #device(): GPUDevice {
    const device = {
      limits: LIMITS,
      features: FEATURES,
      lost: new Promise(() => undefined),
      addEventListener: () => undefined,
      destroy: () => undefined,
      pushErrorScope: () => undefined,
      popErrorScope: () => Promise.resolve(null),
      createBuffer: ({ label = '', size }: GPUBufferDescriptor) => makeBuffer(label, size),
      createShaderModule: ({ code }: GPUShaderModuleDescriptor) => ({ code }),
      createBindGroupLayout: (descriptor: GPUBindGroupLayoutDescriptor) => descriptor,
      createPipelineLayout: (descriptor: GPUPipelineLayoutDescriptor) => descriptor,
      createComputePipelineAsync: ({ compute }: GPUComputePipelineDescriptor): Promise<StandInPipeline> =>
        Promise.resolve(compute.module as unknown as StandInPipeline),
      createBindGroup: ({ label = '', entries }: GPUBindGroupDescriptor): StandInBindGroup => ({
        label,
        buffers: [...entries]
          .sort((a, b) => a.binding - b.binding)
          .map(({ resource }) => (resource as GPUBufferBinding).buffer as unknown as StandInBuffer),
      }),
      createCommandEncoder: () => this.#encoder(),
      queue: {
        submit: () => undefined,
        onSubmittedWorkDone: () => Promise.resolve(),
        writeBuffer: (
          buffer: StandInBuffer,
          ...rest: Parameters<typeof write> extends [unknown, ...infer R] ? R : never
        ) => write(buffer, ...rest),
      },
    };
    return device as unknown as GPUDevice;
  }

  #encoder(): GPUCommandEncoder {
    let pipeline: StandInPipeline | null = null;
    let bindGroup: StandInBindGroup | null = null;
    const pass = {
      setPipeline: (given: StandInPipeline) => (pipeline = given),
      setBindGroup: (_: number, given: StandInBindGroup) => (bindGroup = given),
      dispatchWorkgroups: (x: number, y = 1, z = 1) => {
        if (pipeline === null || bindGroup === null)
          throw new Error('A dispatch came before its pipeline or its bind group; set both first.');
        const { label, buffers } = bindGroup;
        this.#dispatches.push({ label, code: pipeline.code, groups: [x, y, z], buffers });
      },
      end: () => undefined,
    };
    const encoder = {
      beginComputePass: () => pass,
      copyBufferToBuffer: () => undefined,
      clearBuffer: () => undefined,
      finish: () => ({}),
    };
    return encoder as unknown as GPUCommandEncoder;
  }
}

function makeBuffer(label: string, size: number): StandInBuffer & Partial<GPUBuffer> {
  const contents = new Uint8Array(size);
  return {
    label,
    size,
    contents,
    getMappedRange: () => contents.buffer,
    mapAsync: () => Promise.resolve(undefined),
    unmap: () => undefined,
    destroy: () => undefined,
  };
}

/** As `GPUQueue.writeBuffer`: offset and length count elements of a typed array. */
function write(
  { contents }: StandInBuffer,
  at: number,
  data: ArrayBuffer | (ArrayBufferView & { readonly BYTES_PER_ELEMENT?: number }),
  first = 0,
  count?: number,
): void {
  const view = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  const width = 'BYTES_PER_ELEMENT' in view ? (view.BYTES_PER_ELEMENT ?? 1) : 1;
  const length = count === undefined ? view.byteLength - first * width : count * width;
  contents.set(new Uint8Array(view.buffer, view.byteOffset + first * width, length), at);
}
