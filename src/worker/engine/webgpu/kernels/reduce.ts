/**
 * Reductions over the threads of a workgroup. In lines, in one order on every device: each thread leaves its partial sum
 * in workgroup memory, a line of threads adds every line's length of them, and then every thread adds the line's sums.
 * Two barriers in all: every further one made SwiftShader's compiler take a fifth of a second longer.
 *
 * By subgroups, where a device is asked for them: the threads of each add up among themselves, in the device's order, and
 * then every subgroup adds the sums of all. One barrier. What thread is in which subgroup, and how many there are, is the
 * device's too.
 */

/** How the threads of a workgroup add up; the last bits differ. */
export type Reduction = 'lines' | 'subgroups';

/** Of a workgroup whose threads add up; in lines it fixes the order of the sums. A square. */
export const THREADS = 64;
/** Of one that has many positions to add up, and few workgroups beside it: as many as WebGPU promises. */
export const MANY_THREADS = 256;

/** The begin of a kernel of such workgroups: `group` is the workgroup's place, `thread` the thread's in it. */
export function mainOf(threads: number): string {
  return `@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32)`;
}

export const MAIN = mainOf(THREADS);

type Summed = 'f32' | 'vec2f' | 'vec4f' | 'mat2x4f';

/** Declares `sum_of_threads(value, thread)`, the same for every thread of the workgroup. */
export function sumFunction(type: Summed, threads: number, reduction: Reduction): string {
  return reduction === 'lines' ? lineSum(type, threads) : subgroupSum(type, threads);
}

function lineSum(type: Summed, threads: number): string {
  const line = Math.sqrt(threads);
  if (!Number.isInteger(line))
    throw new RangeError(`${threads} threads are no square: they add up in lines.`);
  return `
var<workgroup> partial: array<${type}, ${threads}>;
var<workgroup> of_lines: array<${type}, ${line}>;
fn sum_of_threads(value: ${type}, thread: u32) -> ${type} {
  partial[thread] = value;
  workgroupBarrier();
  if (thread < ${line}u) {
    var sum = partial[thread];
    for (var other = 1u; other < ${line}u; other++) { sum += partial[other * ${line}u + thread]; }
    of_lines[thread] = sum;
  }
  workgroupBarrier();
  var total = of_lines[0];
  for (var other = 1u; other < ${line}u; other++) { total += of_lines[other]; }
  return total;
}
`;
}

/** Expression that applies a subgroup's function to a value: to each column of a matrix. */
function ofSubgroup(name: 'subgroupAdd' | 'subgroupMax', type: Summed, value: string): string {
  if (type !== 'mat2x4f') return `${name}(${value})`;
  return `mat2x4f(${name}(${value}[0]), ${name}(${value}[1]))`;
}

/** Of f32 and what is made of it. */
const VALUES: Readonly<Record<Summed, number>> = { f32: 1, vec2f: 2, vec4f: 4, mat2x4f: 8 };
/** Values in workgroup memory of which there may be two halves. */
const MOST_DOUBLED = 1024;

/**
 * Every thread has a place of its own, and the first of each subgroup leaves the subgroup's value there, the others
 * `neutral`. Whoever has read them may be in the next reduction before the others are: that one uses the other half, or,
 * where halves would take much memory, waits.
 */
function subgroupText(
  name: string,
  fold: 'subgroupAdd' | 'subgroupMax',
  type: Summed,
  threads: number,
  neutral: string,
): string {
  const join = (other: string): string =>
    fold === 'subgroupAdd' ? `joined += ${other};` : `joined = max(joined, ${other});`;
  const isDoubled = threads * VALUES[type] <= MOST_DOUBLED;
  const part = (index: string): string => `${name}_parts[${isDoubled ? `${name}_half + ` : ''}${index}]`;
  return `
var<workgroup> ${name}_parts: array<${type}, ${isDoubled ? 2 * threads : threads}>;
${isDoubled ? `var<private> ${name}_half = 0u;` : ''}
fn ${name}_of_threads(value: ${type}, thread: u32) -> ${type} {
  let lane = subgroupExclusiveAdd(1u);
  let lanes = subgroupAdd(1u);
  let own = ${ofSubgroup(fold, type, 'value')};
  ${isDoubled ? '' : 'workgroupBarrier();'}
  if (lane == 0u) { ${part('thread')} = own; } else { ${part('thread')} = ${neutral}; }
  workgroupBarrier();
  var joined = ${neutral};
  for (var other = lane; other < ${threads}u; other += lanes) { ${join(part('other'))} }
  ${isDoubled ? `${name}_half = ${threads}u - ${name}_half;` : ''}
  return ${ofSubgroup(fold, type, 'joined')};
}
`;
}

function subgroupSum(type: Summed, threads: number): string {
  return subgroupText('sum', 'subgroupAdd', type, threads, `${type}()`);
}

/** Declares `largest_of_threads(value, thread)` of f32 above `least`, by subgroups. */
export function subgroupLargest(threads: number, least: string): string {
  return subgroupText('largest', 'subgroupMax', 'f32', threads, least);
}
