/**
 * Measures tiles on the device: the heaviest operations of a plan, compiled with a tile and run over and over on
 * buffers of their own. Leaves nothing on the device once it is disposed of.
 */

import { operationMultiplyAdds } from '../../plan/costs.js';
import type { FilterGradientOp, ProductOp, Program } from '../../plan/operations.js';
import type { PlannedProgram } from '../../plan/plan.js';
import type { FailureWatch } from '../../device/failure-watch.js';
import { BufferPool } from '../buffers.js';
import { roleOf, type Tiles } from '../kernels/linear.js';
import type { Tile } from '../kernels/product.js';
import { PARAMETERS, type BufferKey, type Memory, type Shader } from '../kernels/shader.js';
import { makeDispatch, programMemory, shaderOf, type SharedMemory } from '../program.js';
import type { TileRole } from './tiles.js';
import type { Measurement } from './tuner-selection.js';

type LinearOperation = ProductOp | FilterGradientOp;

/** One submit takes about so long, repeats of a dispatch included: clocks are coarse, and a submit costs time. */
const TARGET_MS = 4;
const MOST_REPEATS = 1024;
/** Buffers get the names they have in the run, so that a shader's text is the run's and is compiled once. */
const PREFIX = 'train';

function isLinear(operation: Program['operations'][number]): operation is LinearOperation {
  return operation.kind === 'product' || operation.kind === 'filterGradient';
}

/** The operations that tell a role's tiles apart: the heaviest of each form (both directions, filter gradient). */
export function operationsOf(program: Program, role: TileRole): readonly LinearOperation[] {
  const heaviest = new Map<string, LinearOperation>();
  for (const operation of program.operations) {
    if (!isLinear(operation) || roleOf(operation) !== role) continue;
    const form = operation.kind === 'product' ? operation.direction : operation.kind;
    const found = heaviest.get(form);
    if (found === undefined || operationMultiplyAdds(operation) > operationMultiplyAdds(found))
      heaviest.set(form, operation);
  }
  return [...heaviest.values()];
}

export interface TrialOptions {
  readonly device: GPUDevice;
  readonly watch: FailureWatch;
  /** The train step. */
  readonly planned: PlannedProgram;
  readonly shared: SharedMemory;
  readonly testCount: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

export class TileTrials {
  readonly #options: TrialOptions;
  readonly #sizes: ReadonlyMap<BufferKey, number>;
  readonly #memory: Memory;
  /** How often each operation is repeated: settled by the first tile, kept for all after it. */
  readonly #repeats = new Map<LinearOperation, number>();
  #buffers: BufferPool | null = null;
  #isDisposed = false;

  constructor(options: TrialOptions) {
    const { planned, shared } = options;
    this.#options = options;
    const sizes = new Map<BufferKey, number>([[PARAMETERS, shared.parameters.length * 4]]);
    for (const { name, sizeBytes } of planned.layout.buffers) sizes.set(`${PREFIX} ${name}`, sizeBytes);
    this.#sizes = sizes;
    this.#memory = { ...programMemory(planned, PREFIX, shared), sizeOf: (key) => sizes.get(key)! / 4 };
  }

  /** The shaders that measuring a tile would run; none where the plan has no use for the role. */
  shadersOf(role: TileRole, tile: Tile): readonly Shader[] {
    return operationsOf(this.#options.planned.program, role).map((operation) =>
      this.#shader(operation, tile),
    );
  }

  /**
   * Compiles a tile's shaders. Resolves with what measures them, one dispatch of each in milliseconds; null where
   * the device refuses one. Rejects where the device goes.
   */
  async prepare(role: TileRole, tile: Tile): Promise<Measurement | null> {
    const { device, watch, planned } = this.#options;
    const buffers = (this.#buffers ??= this.#makeBuffers());
    const operations = operationsOf(planned.program, role);
    const compiling = Promise.all(
      operations.map((operation) =>
        makeDispatch(device, this.#shader(operation, tile), (key) => buffers.get(key)),
      ),
    );
    const dispatches = await watch.guard(compiling).catch(() => {
      watch.check();
      return null;
    });
    if (dispatches === null) return null;
    return async () => {
      let ms = 0;
      for (const [index, operation] of operations.entries())
        ms += await this.#measure(operation, dispatches[index]!);
      return ms;
    };
  }

  /** Frees the buffers. What is still being measured rejects; nothing more goes to the device. */
  dispose(): void {
    this.#isDisposed = true;
    this.#buffers?.dispose();
    this.#buffers = null;
  }

  #shader(operation: LinearOperation, tile: Tile): Shader {
    const tiles: Tiles = { forward: tile, filter: tile, narrow: tile };
    return shaderOf(operation, this.#memory, tiles, this.#options.testCount);
  }

  #makeBuffers(): BufferPool {
    const buffers = new BufferPool(this.#options.device);
    for (const [key, bytes] of this.#sizes) buffers.make(key, bytes);
    return buffers;
  }

  async #measure(
    operation: LinearOperation,
    dispatch: Awaited<ReturnType<typeof makeDispatch>>,
  ): Promise<number> {
    const known = this.#repeats.get(operation);
    if (known !== undefined) return (await this.#run(dispatch, known)) / known;
    for (let repeats = 1; ; repeats *= 2) {
      const ms = await this.#run(dispatch, repeats);
      if (ms < TARGET_MS && repeats < MOST_REPEATS) continue;
      this.#repeats.set(operation, repeats);
      return ms / repeats;
    }
  }

  /** Milliseconds of one submit. */
  async #run(
    { pipeline, bindGroup, workgroups }: Awaited<ReturnType<typeof makeDispatch>>,
    repeats: number,
  ): Promise<number> {
    if (this.#isDisposed) throw new Error('These trials are over.');
    const { device, watch, now } = this.#options;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
    pass.end();
    const startedAt = now();
    device.queue.submit([encoder.finish()]);
    await watch.guard(device.queue.onSubmittedWorkDone());
    return now() - startedAt;
  }
}
