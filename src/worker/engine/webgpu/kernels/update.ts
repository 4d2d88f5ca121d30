/**
 * Adam on every parameter that a phase trains, in one dispatch, one element a thread:
 *   g = sum of the element's partial sums, in order
 *   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,  value -= rate m / (sqrt(v) + epsilon)
 * and where one is kept, average += share (value - average). Rate and share are step scalars, read from the
 * row of their window that the step's first loss has left. A workgroup belongs to one entry of a table: rows of `ENTRY_WORDS` words, and
 * after them the number of every workgroup's entry.
 *
 * Source: Kingma and Ba, "Adam" (2015), the last paragraph of section 2.
 *
 * Bindings: parameters, first and second moments (read_write); gradients, control, tables (read).
 */

import type { UpdateOp } from '../../plan/operations.js';
import {
  CONTROL,
  CONTROL_WORDS,
  FIRST_MOMENTS,
  PARAMETERS,
  SECOND_MOMENTS,
  ShaderBuilder,
  TABLES,
  type Memory,
  type Shader,
} from './shader.js';

const THREADS = 256;

/**
 * First workgroup, size, parameter, gradient, stride, splits, rate among the step scalars; five floats;
 * average or `NO_AVERAGE`, its rate.
 */
const ENTRY_WORDS = 14;
const NO_AVERAGE = 0xffffffff;

/** The table; the update's shader reads it at `memory.table` of its phase's updates. */
export function updateTable(
  operation: UpdateOp,
  memory: Pick<Memory, 'tensor' | 'parameter'>,
): Uint32Array<ArrayBuffer> {
  const rowWords = operation.entries.length * ENTRY_WORDS;
  const words = new Uint32Array(updateTableLength(operation));
  const floats = new Float32Array(words.buffer);
  let group = 0;
  operation.entries.forEach((entry, index) => {
    const { beta1, beta2, epsilon, scalar } = operation.optimisers[entry.optimiser]!;
    const average = entry.average === null ? NO_AVERAGE : memory.parameter(entry.average.parameter).offset;
    const gradient = memory.tensor(entry.gradient).offset + entry.firstSplit * entry.stride + entry.offset;
    const row = index * ENTRY_WORDS;
    const { offset } = memory.parameter(entry.parameter);
    words.set([group, entry.size, offset, gradient, entry.stride, entry.splits, scalar], row);
    floats.set([beta1, 1 - beta1, beta2, 1 - beta2, epsilon], row + 7);
    words.set([average, entry.average?.scalar ?? 0], row + 12);
    const end = group + Math.ceil(entry.size / THREADS);
    words.fill(index, rowWords + group, rowWords + end);
    group = end;
  });
  return words;
}

/** Words of the table. */
export function updateTableLength(operation: UpdateOp): number {
  return operation.entries.length * ENTRY_WORDS + groupsOf(operation);
}

/** Workgroups of the dispatch. */
function groupsOf({ entries }: UpdateOp): number {
  return entries.reduce((sum, { size }) => sum + Math.ceil(size / THREADS), 0);
}

export function updateShader(operation: UpdateOp, memory: Memory): Shader {
  const builder = new ShaderBuilder(memory);
  const parameters = builder.write(PARAMETERS, 'f32');
  const m = builder.write(FIRST_MOMENTS, 'f32');
  const v = builder.write(SECOND_MOMENTS, 'f32');
  const tables = builder.read(TABLES, 'u32');
  const gradients = builder.read(memory.tensor(operation.entries[0]!.gradient).buffer, 'f32');
  const control = builder.read(CONTROL, 'u32');
  const { window, scalars } = memory.control;
  const first = memory.table(`updates ${operation.phase}`).offset;
  const word = (index: number): string => `${tables}[row + ${index}u]`;
  const scalar = (index: string): string => `bitcast<f32>(${control}[first_scalar + ${index}])`;
  const averageText = operation.entries.every(({ average }) => average === null)
    ? ''
    : `
  let average = ${word(12)};
  if (average != ${NO_AVERAGE}u) {
    let kept = average + element;
    ${parameters}[kept] += ${scalar(word(13))} * (${parameters}[place] - ${parameters}[kept]);
  }`;
  const text = `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = ${first}u + ${tables}[${first + operation.entries.length * ENTRY_WORDS}u + group.x] * ${ENTRY_WORDS}u;
  let first_scalar = ${window}u + ${control}[${CONTROL_WORDS.scalarRow}] * ${scalars}u;
  let element = (group.x - ${word(0)}) * ${THREADS}u + thread;
  if (element >= ${word(1)}) { return; }
  var at = ${word(3)} + element;
  let stride = ${word(4)};
  let splits = ${word(5)};
  var g = 0f;
  for (var split = 0u; split < splits; split++) {
    g += ${gradients}[at];
    at += stride;
  }
  let place = ${word(2)} + element;
  let new_m = bitcast<f32>(${word(7)}) * ${m}[place] + bitcast<f32>(${word(8)}) * g;
  let new_v = bitcast<f32>(${word(9)}) * ${v}[place] + bitcast<f32>(${word(10)}) * g * g;
  let rate = ${scalar(word(6))};
  ${m}[place] = new_m;
  ${v}[place] = new_v;
  ${parameters}[place] -= rate * new_m / (sqrt(new_v) + bitcast<f32>(${word(11)}));${averageText}
}`;
  return builder.finish(`update ${operation.name}`, text, [groupsOf(operation), 1, 1]);
}
