/**
 * Reductions over the threads of a workgroup, in one order on every device: each thread leaves its partial sum in
 * workgroup memory, and the first adds them in order. Two barriers in all: every further one made SwiftShader's
 * compiler take a fifth of a second longer, and a tree over 64 threads would save a GPU only a microsecond.
 */

/** Declares `sum_of_threads(value, thread)`, the same for every thread of the workgroup. */
export function sumFunction(type: 'f32' | 'vec2f' | 'vec4f' | 'mat2x4f', threads: number): string {
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
