/**
 * Reductions over the threads of a workgroup, in one order on every device: each thread leaves its partial sum in
 * workgroup memory, a line of threads adds every line's length of them, and then every thread adds the line's sums.
 * Two barriers in all: every further one made SwiftShader's compiler take a fifth of a second longer.
 */

/** Of a workgroup whose threads add up; it fixes the order of the sums. A square. */
export const THREADS = 64;
/** Of one that has many positions to add up, and few workgroups beside it: as many as WebGPU promises. */
export const MANY_THREADS = 256;

/** The begin of a kernel of such workgroups: `group` is the workgroup's place, `thread` the thread's in it. */
export function mainOf(threads: number): string {
  return `@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32)`;
}

export const MAIN = mainOf(THREADS);

/** Declares `sum_of_threads(value, thread)`, the same for every thread of the workgroup. */
export function sumFunction(type: 'f32' | 'vec2f' | 'vec4f' | 'mat2x4f', threads = THREADS): string {
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
