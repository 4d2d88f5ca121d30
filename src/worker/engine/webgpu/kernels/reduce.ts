/**
 * Reductions over the threads of a workgroup, in one order on every device: each thread leaves its partial sum in
 * workgroup memory, and the first adds them in order. Two barriers in all: every further one made SwiftShader's
 * compiler take a fifth of a second longer, and a tree over 64 threads would save a GPU only a microsecond.
 */

/** Of a workgroup whose threads add up; it fixes the order of the sums. */
export const THREADS = 64;

/** The begin of a kernel of such workgroups: `group` is the workgroup's place, `thread` the thread's in it. */
export const MAIN = `@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32)`;

/** Declares `sum_of_threads(value, thread)`, the same for every thread of the workgroup. */
export function sumFunction(type: 'f32' | 'vec2f' | 'vec4f' | 'mat2x4f', threads = THREADS): string {
  return `
var<workgroup> partial: array<${type}, ${threads}>;
var<workgroup> total_of_threads: ${type};
fn sum_of_threads(value: ${type}, thread: u32) -> ${type} {
  partial[thread] = value;
  workgroupBarrier();
  if (thread == 0u) {
    var sum = partial[0];
    for (var other = 1u; other < ${threads}u; other++) { sum += partial[other]; }
    total_of_threads = sum;
  }
  workgroupBarrier();
  return total_of_threads;
}
`;
}
