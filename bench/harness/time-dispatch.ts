/**
 * Time of one dispatch by itself. A submit costs time and clocks are coarse, so the dispatch is repeated
 * within one submit until that is long, and the fastest of a few such submits is divided by the repeats.
 */

/** What a compute pass is told to do it once. */
export interface SingleDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

const TARGET_MS = 50;
const MOST_REPEATS = 4096;
const SUBMITS = 3;

async function submitMs(device: GPUDevice, dispatch: SingleDispatch, repeats: number): Promise<number> {
  const { pipeline, bindGroup, workgroups } = dispatch;
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  pass.end();
  const commands = encoder.finish();
  const startedAt = performance.now();
  device.queue.submit([commands]);
  await device.queue.onSubmittedWorkDone();
  return performance.now() - startedAt;
}

/** Milliseconds of one dispatch. Whatever it writes is written many times. */
export async function timeDispatch(device: GPUDevice, dispatch: SingleDispatch): Promise<number> {
  let repeats = 1;
  let ms = await submitMs(device, dispatch, repeats);
  while (ms < TARGET_MS && repeats < MOST_REPEATS) {
    repeats *= 2;
    ms = await submitMs(device, dispatch, repeats);
  }
  for (let submit = 1; submit < SUBMITS; submit++)
    ms = Math.min(ms, await submitMs(device, dispatch, repeats));
  return ms / repeats;
}
