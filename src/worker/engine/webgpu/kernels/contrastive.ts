/**
 * InfoNCE over two runs of embeddings, 2 rows in all, and its gradient. A workgroup owns row i; its threads take every
 * 64th other row j, and for the gradient every 64th column. With 1/|e| in the statistics and
 * s_ij = e_i . e_j / (|e_i| |e_j| temperature):
 *   forward:  L_i = log of the sum of exp s_ij over j other than i, the largest s_ij taken out; loss L_i - s_i,pair(i)
 *   backward: d_i = weight / (2 rows temperature) sum over j of (exp(s_ij - L_i) + exp(s_ij - L_j) - 2 [pair]) z_j,
 *             then (d_i - z_i (z_i . d_i)) / |e_i|
 * Sums are taken in one order: a thread's own, then the threads'.
 *
 * Source: van den Oord, Li, Vinyals, "Representation learning with contrastive predictive coding" (2018); Chen et al.,
 * "A simple framework for contrastive learning of visual representations" (2020), equation 1.
 *
 * Bindings: embeddings, backward also statistics and control (read); statistics, or the gradients (read_write).
 */

import type { ContrastiveGradientOp, ContrastiveOp } from '../../plan/operations.js';
import { MAIN, subgroupLargest, sumFunction, THREADS, type Reduction } from './reduce.js';
import { scalarFunction, weightText } from './scalars.js';
import { float, lines } from './shader-text.js';
import { ShaderBuilder, type Memory, type Shader } from './shader.js';

/** The least length that an embedding is divided by. */
const LEAST_LENGTH = 1e-12;
/** Below every similarity. */
const LEAST_LARGEST = float(-3e38);

/**
 * Declares `embedding_at(number)`, where the row of a number begins, and `similarity(a, b)`, the product of the
 * embeddings that begin there.
 */
function embeddingFunctions(
  builder: ShaderBuilder,
  { embeddings, width, rows, forwardRows }: ContrastiveOp | ContrastiveGradientOp,
): string {
  const { buffer, offset } = builder.memory.tensor(embeddings);
  const values = builder.read(buffer, 'f32');
  const [first, second] = forwardRows;
  return `
fn embedding_at(number: u32) -> u32 {
  return ${offset}u + select(${second}u + number - ${rows}u, ${first}u + number, number < ${rows}u) * ${width}u;
}
fn product_of(a: u32, b: u32) -> f32 {
  var sum = 0f;
  for (var column = 0u; column < ${width}u; column++) {
    sum = fma(${values}[a + column], ${values}[b + column], sum);
  }
  return sum;
}
`;
}

/**
 * Declares `joined_rows(largest, sum, thread)`: the largest s_ij of all threads and the sum of exp(s_ij - largest) of
 * theirs, from those of a thread's rows; in lines the first thread alone gets them.
 */
function joinedRows(reduction: Reduction): string {
  if (reduction === 'subgroups') {
    return `${subgroupLargest(THREADS, LEAST_LARGEST)}${sumFunction('f32', THREADS, reduction)}
fn joined_rows(own: f32, sum: f32, thread: u32) -> vec2f {
  let largest = largest_of_threads(own, thread);
  return vec2f(largest, sum_of_threads(sum * exp(own - largest), thread));
}`;
  }
  return `
var<workgroup> partial: array<vec2f, ${THREADS}>;
fn joined_rows(own: f32, own_sum: f32, thread: u32) -> vec2f {
  partial[thread] = vec2f(own, own_sum);
  workgroupBarrier();
  if (thread > 0u) { return vec2f(0); }
  var largest = own;
  for (var other = 1u; other < ${THREADS}u; other++) { largest = max(largest, partial[other].x); }
  var sum = 0f;
  for (var other = 0u; other < ${THREADS}u; other++) {
    sum = fma(partial[other].y, exp(partial[other].x - largest), sum);
  }
  return vec2f(largest, sum);
}`;
}

export function contrastiveShader(operation: ContrastiveOp, memory: Memory, reduction: Reduction): Shader {
  const { rows, temperature, statistics, name } = operation;
  const builder = new ShaderBuilder(memory);
  const { buffer, offset } = memory.tensor(statistics);
  const out = builder.write(buffer, 'f32');
  const text = `${embeddingFunctions(builder, operation)}
${joinedRows(reduction)}
fn inverse_length(at: u32) -> f32 {
  return 1f / max(sqrt(product_of(at, at)), ${float(LEAST_LENGTH)});
}
${MAIN} {
  let own_at = embedding_at(group.x);
  let inverse = inverse_length(own_at);
  let factor = inverse * ${float(1 / temperature)};
  var largest = ${LEAST_LARGEST};
  var sum = 0f;
  for (var other = thread; other < ${2 * rows}u; other += ${THREADS}u) {
    if (other == group.x) { continue; }
    let at = embedding_at(other);
    let s = product_of(own_at, at) * inverse_length(at) * factor;
    if (s > largest) {
      sum = fma(sum, exp(largest - s), 1f);
      largest = s;
    } else {
      sum += exp(s - largest);
    }
  }
  let of_all = joined_rows(largest, sum, thread);
  if (thread > 0u) { return; }
  let total = log(of_all.y) + of_all.x;
  let pair_at = embedding_at(select(group.x - ${rows}u, group.x + ${rows}u, group.x < ${rows}u));
  let statistics_at = ${offset}u + group.x * 3u;
  ${out}[statistics_at] = inverse;
  ${out}[statistics_at + 1u] = total;
  ${out}[statistics_at + 2u] = total - product_of(own_at, pair_at) * inverse_length(pair_at) * factor;
}`;
  return builder.finish(`contrastive ${name}`, text, [2 * rows, 1, 1]);
}

export function contrastiveGradientShader(
  operation: ContrastiveGradientOp,
  memory: Memory,
  reduction: Reduction,
): Shader {
  const { rows, width, temperature, statistics, weight, gradientRows, target, name } = operation;
  const builder = new ShaderBuilder(memory);
  const place = memory.tensor(target);
  const out = builder.write(place.buffer, 'f32');
  const values = builder.read(memory.tensor(operation.embeddings).buffer, 'f32');
  const ofRows = memory.tensor(statistics);
  const found = builder.read(ofRows.buffer, 'f32');
  const statistic = (row: string, which: number): string =>
    `${found}[${ofRows.offset}u + ${row} * 3u + ${which}u]`;
  const columns = Math.ceil(width / THREADS);
  const column = (index: number): string => `thread + ${index * THREADS}u`;
  /** Where one column more is wanted, whether it is one. */
  const guarded = (index: number, statement: string): string =>
    (index + 1) * THREADS <= width ? statement : `if (${column(index)} < ${width}u) { ${statement} }`;
  const targets = gradientRows.map(
    ([first, second]) =>
      `${place.offset}u + select(${second}u + group.x - ${rows}u, ${first}u + group.x, group.x < ${rows}u) * ${width}u`,
  );
  const text = `${scalarFunction(builder, [weight])}${embeddingFunctions(builder, operation)}${sumFunction('f32', THREADS, reduction)}
// Factor of e_j in the sum, for ${THREADS} rows j at a time.
var<workgroup> factors: array<f32, ${THREADS}>;
${MAIN} {
  let own_at = embedding_at(group.x);
  let inverse = ${statistic('group.x', 0)};
  let own_total = ${statistic('group.x', 1)};
  let pair = select(group.x - ${rows}u, group.x + ${rows}u, group.x < ${rows}u);
${lines(columns, (index) => `  var d_${index} = 0f;`)}
  for (var first = 0u; first < ${2 * rows}u; first += ${THREADS}u) {
    let other = first + thread;
    var factor = 0f;
    if ((other < ${2 * rows}u) & (other != group.x)) {
      let other_inverse = ${statistic('other', 0)};
      let s = product_of(own_at, embedding_at(other)) * inverse * other_inverse * ${float(1 / temperature)};
      let shares = exp(s - own_total) + exp(s - ${statistic('other', 1)});
      factor = (shares - select(0f, 2f, other == pair)) * other_inverse;
    }
    factors[thread] = factor;
    workgroupBarrier();
    for (var nth = 0u; nth < min(${THREADS}u, ${2 * rows}u - first); nth++) {
      let at = embedding_at(first + nth);
${lines(columns, (index) => `      ${guarded(index, `d_${index} = fma(factors[nth], ${values}[at + ${column(index)}], d_${index});`)}`)}
    }
    workgroupBarrier();
  }
  let scale = ${weightText(weight)} * ${float(1 / (2 * rows * temperature))};
  var along = 0f;
${lines(columns, (index) => `  d_${index} *= scale;\n  ${guarded(index, `along = fma(${values}[own_at + ${column(index)}] * inverse, d_${index}, along);`)}`)}
  let product = sum_of_threads(along, thread);
${lines(columns, (index) =>
  guarded(
    index,
    `let gradient_${index} = (d_${index} - ${values}[own_at + ${column(index)}] * inverse * product) * inverse;
${targets.map((at) => `    ${out}[${at} + ${column(index)}] = gradient_${index};`).join('\n')}`,
  ),
)}
}`;
  return builder.finish(`contrastive gradient ${name}`, text, [2 * rows, 1, 1]);
}
