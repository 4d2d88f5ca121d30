/** Time by operation of the webgpu engine's train step, that of a recipe's first stage: each by itself, repeated. */

import type { EngineInput } from '../engine/engine.js';
import { costsOf } from '../engine/plan/costs.js';
import { equip, release } from '../engine/webgpu/equipment.js';
import type { OperationTime } from '../../protocol/benchmark/report.js';
import type { StepProfile } from './bench-engine.js';
import { makeDispatchTimer } from './time-dispatch.js';

/** The same GPU, whose devices have timestamp queries where their adapter has them. */
function withTimestamps(gpu: GPU): GPU {
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await gpu.requestAdapter(options);
    if (adapter === null || !adapter.features.has('timestamp-query')) return adapter;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = (descriptor) =>
      requestDevice({
        ...descriptor,
        requiredFeatures: [...(descriptor?.requiredFeatures ?? []), 'timestamp-query'],
      });
    return adapter;
  };
  return { requestAdapter } as GPU;
}

/**
 * On a device of its own, with the tiles of the adapter; in the plan's order, those that share a dispatch together. GB/s
 * count every tensor and parameter once, which is the least that an operation must move.
 */
export async function profileWebGpu(input: EngineInput, gpu: GPU | undefined): Promise<StepProfile> {
  const equipment = await equip(input, { gpu: gpu && withTimestamps(gpu) });
  try {
    const { device, stages } = equipment;
    const train = await stages.ready(0);
    const { program, layout } = train.planned;
    const costs = costsOf(program, layout, input.recipe);
    const timer = makeDispatchTimer(device);
    const operations: OperationTime[] = [];
    for (const { operations: together, dispatches } of train.parts) {
      let ms = 0;
      for (const dispatch of dispatches) ms += await timer.time(dispatch);
      const own = together.map((index) => costs[index]!);
      const multiplyAdds = own.reduce((sum, cost) => sum + cost.multiplyAdds, 0);
      const bytes = own.reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0);
      operations.push({
        name: own.map(({ operation }) => operation.name).join(' + '),
        kind: own.map(({ operation }) => operation.kind).join(' + '),
        ms,
        multiplyAdds,
        gflops: multiplyAdds === 0 || ms === 0 ? null : (2 * multiplyAdds) / (ms * 1e6),
        gigabytesPerSecond: ms === 0 ? null : bytes / (ms * 1e6),
      });
    }
    return { operations, timedBy: timer.timedBy };
  } finally {
    release(equipment);
  }
}
