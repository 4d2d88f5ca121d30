/** How long a dispatch takes on a GPU, from the waves of it that were run. Owns the assumptions on GPUs and gaps. */

import type { PlannedDispatch } from './record.js';
import { LANES } from './registers.js';
import { parseAssembly } from './assembly.js';
import { ReadyShader } from './ready-shader.js';
import { runWave, type WaveCost } from './wave.js';

export interface Gpu {
  readonly computeUnits: number;
  readonly clockMhz: number;
  readonly bytesPerSecond: number;
}

export const GPUS = {
  integrated: { computeUnits: 12, clockMhz: 2200, bytesPerSecond: 75e9 },
  discrete: { computeUnits: 40, clockMhz: 2200, bytesPerSecond: 400e9 },
} as const satisfies Record<string, Gpu>;

export type GpuName = keyof typeof GPUS;
type ByGpu<T> = Readonly<Record<GpuName, T>>;

const SIMDS_PER_UNIT = 2;
/** From the end of a dispatch to the start of the next, and the least from start to start. */
const GAP_US = 3;
const LEAST_US = 5;

/** Waves that make less than this share of the plan's multiply-adds are misread: some have more to do than others. */
const LEAST_SHARE = 0.75;

/** Groups of a dispatch that are run, spread over it. */
const SAMPLES = 5;

/** What the compiler says of a shader, as `compile-radv` prints it. */
export interface CompiledShader {
  readonly wave: number;
  readonly statistics: Readonly<Record<string, number>>;
  readonly assembly: string;
}

/** What takes the time of a dispatch. */
export type Limit = 'latency' | 'vector' | 'lds' | 'memory' | 'dram';

export interface AuditedDispatch {
  readonly name: string;
  readonly groups: readonly number[];
  /** Of a group. */
  readonly threads: number;
  readonly vgprs: number;
  readonly spilled: number;
  readonly ldsBytes: number;
  /** Waves that a SIMD can hold. */
  readonly occupancy: number;
  /** Of the vector instructions that are executed. */
  readonly fmaShare: number;
  readonly us: ByGpu<number>;
  readonly limit: ByGpu<Limit>;
  /** Waves of the dispatch for each SIMD of the GPU; below 1 some have none. */
  readonly wavesPerSimd: ByGpu<number>;
}

export interface AuditedProgram {
  readonly dispatches: readonly AuditedDispatch[];
  /** All dispatches with the gaps between them. */
  readonly us: ByGpu<number>;
  /** What the multiply-adds alone would take. */
  readonly multiplyAddUs: ByGpu<number>;
  /** What may be wrong with these figures: opcodes that are not known, waves that did less than they should. */
  readonly doubts: readonly string[];
}

/** `f` of each GPU, by name. */
function byGpu<T>(f: (gpu: Gpu, name: GpuName) => T): ByGpu<T> {
  return { integrated: f(GPUS.integrated, 'integrated'), discrete: f(GPUS.discrete, 'discrete') };
}

/** Threads of a group, from the text of its shader. */
export function groupShape(code: string): readonly [number, number, number] {
  const sizes = /@workgroup_size\(([^)]*)\)/.exec(code)?.[1]?.split(',').map(Number);
  if (sizes === undefined || sizes.some((size) => !Number.isInteger(size) || size < 1))
    throw new Error('A shader has no @workgroup_size of whole numbers: the audit cannot tell its threads.');
  const [x = 1, y = 1, z = 1] = sizes;
  return [x, y, z];
}

/** Axes of the group's number that a shader takes: for each it gets a scalar register, in order. */
export function groupAxes(code: string): readonly number[] {
  const names = [...code.matchAll(/@builtin\((?:workgroup_id|global_invocation_id)\)\s*(\w+)/g)];
  return [0, 1, 2].filter((axis) =>
    names.some(([, name]) => new RegExp(`\\b${name}\\.${'xyz'[axis]}\\b`).test(code)),
  );
}

/** Groups of each kernel that a text joins, in order; of all where it is one kernel. */
export function groupRanges(code: string, groups: number): readonly number[] {
  const ends = Array.from(code.matchAll(/^const PART_\d+_END = (\d+)u;$/gm), ([, end]) => Number(end));
  if (ends.length === 0) return [groups];
  return ends.map((end, index) => end - (ends[index - 1] ?? 0));
}

/** A wave's cost, and of how many groups it stands for the waves. */
export interface SampledCost extends WaveCost {
  readonly weight: number;
}

function spread(count: number): readonly number[] {
  const samples = Math.min(count, SAMPLES);
  const last = Math.max(1, samples - 1);
  return Array.from({ length: samples }, (_, index) => Math.round((index * (count - 1)) / last));
}

/** Costs of waves of some groups out of `count` from `first` on: all of a group up to four, else its first, last and two between. */
function runSamples(
  shader: ReadyShader,
  { code, groups, buffers }: PlannedDispatch,
  first: number,
  count: number,
): readonly WaveCost[] {
  const threads = groupShape(code);
  const [across, down] = groups;
  const waves = Math.ceil((threads[0] * threads[1] * threads[2]) / LANES);
  const words = buffers.map(({ contents }) => new Uint32Array(contents.buffer));
  const axes = groupAxes(code);
  return spread(count)
    .map((nth) => first + nth)
    .flatMap((at) =>
      spread(Math.min(waves, 4)).map((wave) =>
        runWave(shader, {
          buffers: words,
          group: [at % across, Math.floor(at / across) % down, Math.floor(at / (across * down))],
          threads,
          wave: Math.round((wave * (waves - 1)) / Math.max(1, Math.min(waves, 4) - 1)),
          axes,
        }),
      ),
    );
}

/** Costs of some waves of a dispatch; of kernels that share it, each for its own groups. */
function runRanges(shader: ReadyShader, dispatch: PlannedDispatch): readonly SampledCost[] {
  const ranges = groupRanges(
    dispatch.code,
    dispatch.groups.reduce((product, count) => product * count, 1),
  );
  return ranges.flatMap((count, index) => {
    const first = ranges.slice(0, index).reduce((sum, before) => sum + before, 0);
    const costs = runSamples(shader, dispatch, first, count);
    return costs.map((cost): SampledCost => ({ ...cost, weight: count / costs.length }));
  });
}

function mean(costs: readonly SampledCost[], of: (cost: WaveCost) => number): number {
  const weights = costs.reduce((sum, { weight }) => sum + weight, 0);
  return costs.reduce((sum, cost) => sum + cost.weight * of(cost), 0) / weights;
}

/** Microseconds of a dispatch on a GPU: the longest of one wave's latency and of what every unit has to do. */
export function timeDispatch(
  costs: readonly SampledCost[],
  work: {
    readonly groups: number;
    readonly wavesPerGroup: number;
    readonly occupancy: number;
    readonly bytes: number;
  },
  { computeUnits, clockMhz, bytesPerSecond }: Gpu,
): { readonly us: number; readonly limit: Limit; readonly wavesPerSimd: number } {
  const { groups, wavesPerGroup, occupancy, bytes } = work;
  // The fullest compute unit, and its fullest SIMD.
  const unitWaves = Math.ceil(groups / computeUnits) * wavesPerGroup;
  const isSparse = groups * wavesPerGroup < SIMDS_PER_UNIT * computeUnits;
  const simdWaves = isSparse
    ? Math.ceil(wavesPerGroup / SIMDS_PER_UNIT)
    : Math.ceil(unitWaves / SIMDS_PER_UNIT);
  const rounds = Math.ceil(simdWaves / Math.max(1, occupancy, wavesPerGroup / SIMDS_PER_UNIT));
  const longest = Math.max(...costs.map(({ cycles }) => cycles));
  const us = (cycles: number): number => cycles / clockMhz;
  const times: Readonly<Record<Limit, number>> = {
    latency: us(longest + (rounds - 1) * mean(costs, ({ cycles }) => cycles)),
    vector: us(simdWaves * mean(costs, ({ vectorCycles }) => vectorCycles)),
    lds: us(unitWaves * mean(costs, ({ ldsCycles }) => ldsCycles)),
    memory: us(unitWaves * mean(costs, ({ memoryCycles }) => memoryCycles)),
    dram: (bytes / bytesPerSecond) * 1e6,
  };
  const limit = (Object.keys(times) as Limit[]).reduce((most, name) =>
    times[name] > times[most] ? name : most,
  );
  return {
    us: times[limit],
    limit,
    wavesPerSimd: (groups * wavesPerGroup) / (SIMDS_PER_UNIT * computeUnits),
  };
}

/** Audits a program's dispatches; `compiled` gives what the compiler made of a WGSL text. */
export function auditProgram(
  dispatches: readonly PlannedDispatch[],
  compiled: (code: string) => CompiledShader,
): AuditedProgram {
  const shaders = new Map<string, ReadyShader>();
  const doubts: string[] = [];
  const audited = dispatches.map((dispatch): AuditedDispatch => {
    const { name, code, groups, bytes } = dispatch;
    const { wave, statistics, assembly } = compiled(code);
    if (wave !== LANES)
      throw new Error(
        `The compiler made waves of ${wave} lanes of ${name}; the model knows those of ${LANES}.`,
      );
    const shader = shaders.get(code) ?? new ReadyShader(parseAssembly(assembly));
    shaders.set(code, shader);
    const statistic = (wanted: string): number => {
      const value = statistics[wanted];
      if (value === undefined)
        throw new Error(
          `The driver tells no "${wanted}" of ${name}, but ${Object.keys(statistics).join(', ')}.`,
        );
      return value;
    };
    const costs = runRanges(shader, dispatch);
    const threads = groupShape(code).reduce((product, size) => product * size, 1);
    // The driver counts in waves of 32 lanes.
    const occupancy = Math.floor((statistic('Subgroups per SIMD') * 32) / wave);
    const work = {
      groups: groups.reduce((product, count) => product * count, 1),
      wavesPerGroup: Math.ceil(threads / LANES),
      occupancy,
      bytes,
    };
    const made = mean(costs, ({ multiplyAdds }) => multiplyAdds) * LANES * work.groups * work.wavesPerGroup;
    if (made < LEAST_SHARE * dispatch.multiplyAdds) {
      const share = ((100 * made) / dispatch.multiplyAdds).toFixed(0);
      doubts.push(`${name}: its waves made ${share} % of the plan's multiply-adds`);
    }
    const times = byGpu((gpu) => timeDispatch(costs, work, gpu));
    const vector = mean(costs, ({ vectorInstructions }) => vectorInstructions);
    return {
      name,
      groups,
      threads,
      vgprs: statistic('VGPRs'),
      spilled: statistic('Spilled VGPRs') + statistic('Spilled SGPRs'),
      ldsBytes: statistic('LDS size'),
      occupancy,
      fmaShare: vector === 0 ? 0 : mean(costs, ({ multiplyAdds }) => multiplyAdds) / vector,
      us: byGpu((_, gpu) => times[gpu].us),
      limit: byGpu((_, gpu) => times[gpu].limit),
      wavesPerSimd: byGpu((_, gpu) => times[gpu].wavesPerSimd),
    };
  });
  const unknown = new Set([...shaders.values()].flatMap((shader) => [...shader.unknown]));
  const multiplyAdds = dispatches.reduce((sum, dispatch) => sum + dispatch.multiplyAdds, 0);
  return {
    dispatches: audited,
    us: byGpu((_, gpu) => audited.reduce((sum, { us }) => sum + Math.max(LEAST_US, GAP_US + us[gpu]), 0)),
    multiplyAddUs: byGpu(
      ({ computeUnits, clockMhz }) => multiplyAdds / (computeUnits * SIMDS_PER_UNIT * 32 * clockMhz),
    ),
    doubts: [
      ...doubts,
      ...[...unknown].map((opcode) => `${opcode} is not known: its results are taken for zeros`),
    ],
  };
}
