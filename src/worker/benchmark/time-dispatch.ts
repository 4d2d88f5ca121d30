/**
 * Time of one dispatch by itself. A submit costs time and clocks are coarse, so the dispatch is repeated
 * within one pass until that is long, and the fastest of a few such passes is divided by the repeats. By the
 * adapter's own timestamps where the device has them, which leave the submit out; else by the clock.
 */

/** What a compute pass is told to do it once. */
export interface SingleDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/** Milliseconds that a pass of these dispatches takes. */
export type PassTimer = (dispatch: SingleDispatch, repeats: number) => Promise<number>;

/** Browsers round timestamps to a tenth of a millisecond, and a submit takes about as long. */
const TARGET_MS = { timestamps: 8, clock: 50 } as const;
const MOST_REPEATS = 4096;
const PASSES = 3;

function encode(pass: GPUComputePassEncoder, dispatch: SingleDispatch, repeats: number): void {
  const { pipeline, bindGroup, workgroups } = dispatch;
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  pass.end();
}

function clockTimer(device: GPUDevice): PassTimer {
  return async (dispatch, repeats) => {
    const encoder = device.createCommandEncoder();
    encode(encoder.beginComputePass(), dispatch, repeats);
    const commands = encoder.finish();
    const startedAt = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - startedAt;
  };
}

function timestampTimer(device: GPUDevice, querySet: GPUQuerySet): PassTimer {
  const resolved = device.createBuffer({
    label: 'timestamps resolved',
    size: 16,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  const read = device.createBuffer({
    label: 'timestamps read',
    size: 16,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  return async (dispatch, repeats) => {
    const encoder = device.createCommandEncoder();
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    encode(encoder.beginComputePass({ timestampWrites }), dispatch, repeats);
    encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, 16);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    const [begin, end] = new BigUint64Array(read.getMappedRange().slice(0));
    read.unmap();
    return Number(end! - begin!) / 1e6;
  };
}

export interface DispatchTimer {
  readonly timedBy: 'timestamps' | 'clock';
  /** Milliseconds of one dispatch. Whatever it writes is written many times. */
  readonly time: (dispatch: SingleDispatch) => Promise<number>;
}

/** What it makes belongs to the device and goes with it. */
export function makeDispatchTimer(device: GPUDevice): DispatchTimer {
  const timedBy = device.features.has('timestamp-query') ? 'timestamps' : 'clock';
  const passMs =
    timedBy === 'timestamps'
      ? timestampTimer(device, device.createQuerySet({ type: 'timestamp', count: 2 }))
      : clockTimer(device);
  return { timedBy, time: (dispatch) => timeRepeated(passMs, dispatch, TARGET_MS[timedBy]) };
}

/** 0 where the clock sees no time pass at all. */
export async function timeRepeated(
  passMs: PassTimer,
  dispatch: SingleDispatch,
  targetMs: number,
): Promise<number> {
  let repeats = 1;
  let ms = await passMs(dispatch, repeats);
  while (ms < targetMs && repeats < MOST_REPEATS) {
    repeats *= 2;
    ms = await passMs(dispatch, repeats);
  }
  for (let pass = 1; pass < PASSES; pass++) {
    const other = await passMs(dispatch, repeats);
    // Nothing takes no time; a coarse clock may not have moved.
    if (other > 0) ms = Math.min(ms, other);
  }
  return ms / repeats;
}
