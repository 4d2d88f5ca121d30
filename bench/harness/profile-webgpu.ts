/** Time by operation of the webgpu engine's train step: each dispatch of the plan by itself, repeated. */

import type { EngineInput } from '../../src/worker/engine/engine.js';
import { costsOf } from '../../src/worker/engine/plan/costs.js';
import { equip, release } from '../../src/worker/engine/webgpu/equipment.js';
import type { KernelTime } from './orders.js';
import { timeDispatch } from './time-dispatch.js';

/**
 * On a device of its own, with the tiles of the adapter; in the plan's order. GB/s count every tensor and
 * parameter once, which is the least that an operation must move.
 */
export async function profileWebGpu(
  input: EngineInput,
  gpu: GPU | undefined,
): Promise<readonly KernelTime[]> {
  const equipment = await equip(input, { gpu });
  try {
    const { device, train } = equipment;
    const { program, layout } = train.planned;
    const costs = costsOf(program, layout, input.recipe);
    if (costs.length !== train.dispatches.length) {
      throw new Error(
        `The plan has ${costs.length} operations, the step ${train.dispatches.length} dispatches.`,
      );
    }
    const times: KernelTime[] = [];
    for (const [index, { operation, multiplyAdds, bytesRead, bytesWritten }] of costs.entries()) {
      const ms = await timeDispatch(device, train.dispatches[index]!);
      times.push({
        name: operation.name,
        kind: operation.kind,
        ms,
        multiplyAdds,
        gflops: multiplyAdds === 0 ? null : (2 * multiplyAdds) / (ms * 1e6),
        gigabytesPerSecond: (bytesRead + bytesWritten) / (ms * 1e6),
      });
    }
    return times;
  } finally {
    release(equipment);
  }
}
