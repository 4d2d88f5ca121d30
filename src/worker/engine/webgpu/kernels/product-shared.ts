/**
 * Products whose operands are staged in workgroup memory: a workgroup reads each once for all its threads. The
 * form for GPUs. Needs channels in fours; `roleOf` in `linear.ts` says where it applies.
 * Each thread computes `rows` rows (of a filter gradient a multiple of four) by four columns; `columnGroups` is not used.
 */

import {
  insideText,
  kernelTap,
  placeText,
  rowText,
  segmentText,
  segmentTiles,
  tapPosition,
  walkOf,
  type FilterProduct,
  type ForwardProduct,
  type Tile,
  type TiledShader,
} from './product.js';
import { lines, pick } from './shader-text.js';
import type { Numbers } from './shader.js';

/** Steps along the reduction that are staged at a time; the first of these that divides the channels. */
const DEPTHS = [16, 20, 12, 8, 4] as const;
/** Positions of the reduction that a filter gradient stages at a time. */
const FILTER_DEPTH = 16;

/** Gather or scatter. See `product.ts` for what has to be declared beside the text. */
export function sharedForward(numbers: Numbers, product: ForwardProduct, tile: Tile): TiledShader {
  const placing = placeText(numbers, product);
  const { input, output, phaseSize, phases } = walkOf(product);
  const inputs = input[2];
  const outputs = output[2];
  const depth = DEPTHS.find((candidate) => inputs % candidate === 0)!;
  const quarters = depth / 4;
  const [across, down] = tile.threads;
  const threads = across * down;
  const tileRows = down * tile.rows;
  const rowsPerImage = phaseSize[0] * phaseSize[1];
  const loads = Math.ceil((tileRows * quarters) / threads);
  const rows = Array.from({ length: tile.rows }, (_, row) => row);
  const loadedRow = (load: number): string => `((thread_index + ${load * threads}u) / ${quarters}u)`;
  const stageInput = (load: number): string => {
    const y = tapPosition(product.form, `y_load_${load}`, 'tap_y');
    const x = tapPosition(product.form, `x_load_${load}`, 'tap_x');
    const guard = (load + 1) * threads > tileRows * quarters;
    return `      ${guard ? `if (${loadedRow(load)} < ${tileRows}u) ` : ''}{
        let in_y = ${y};
        let in_x = ${x};
        let is_inside = ${insideText('in_y', 'in_x', 'input_height', 'input_width')};
        let at = select(0u, u32(base_load_${load} + in_y * i32(input_width) + in_x), is_inside);
        let k = (thread_index + ${load * threads}u) % ${quarters}u * 4u;
        let value = select(vec4f(0), load_input(input_start + at * ${inputs}u, first_channel + k, at, segment), is_inside);
        let slot = k * ${tileRows}u + ${loadedRow(load)};
        staged_input[slot] = value.x;
        staged_input[slot + ${tileRows}u] = value.y;
        staged_input[slot + ${2 * tileRows}u] = value.z;
        staged_input[slot + ${3 * tileRows}u] = value.w;
      }`;
  };
  const gatherWeights = `
      for (var unit = thread_index; unit < ${depth * across}u; unit += ${threads}u) {
        let k = unit / ${across}u;
        let column = (group.x * ${across}u + unit % ${across}u) * 4u;
        let index = kernel_start + (tap * ${inputs}u + first_channel + k) * ${outputs}u + column;
        staged_weight[unit] = select(vec4f(0), load_weight(index), column < ${outputs}u);
      }`;
  const scatterWeights = `
      for (var unit = thread_index; unit < ${quarters * across}u; unit += ${threads}u) {
        let k = unit / ${across}u * 4u;
        let column = (group.x * ${across}u + unit % ${across}u) * 4u;
        let index = kernel_start + (tap * ${outputs}u + column) * ${inputs}u + first_channel + k;
        var block = mat4x4f();
        if (column < ${outputs}u) {
          block = transpose(mat4x4f(
            load_weight(index), load_weight(index + ${inputs}u),
            load_weight(index + ${2 * inputs}u), load_weight(index + ${3 * inputs}u)));
        }
        let slot = k * ${across}u + unit % ${across}u;
        staged_weight[slot] = block[0];
        staged_weight[slot + ${across}u] = block[1];
        staged_weight[slot + ${2 * across}u] = block[2];
        staged_weight[slot + ${3 * across}u] = block[3];
      }`;
  const code = `
var<workgroup> staged_input: array<f32, ${depth * tileRows}>;
var<workgroup> staged_weight: array<vec4f, ${depth * across}>;
@compute @workgroup_size(${across}, ${down})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) thread_index: u32,
) {
  ${segmentText(numbers, product.segments, rowsPerImage, tileRows)}
  ${placing.text}
  let kernel_start = kernel_at(segment);
  let input_start = load_input_start(segment);
${lines(loads, (load) => rowText(product, placing, `load_${load}`, `(tile_row + ${loadedRow(load)})`))}
${rows.map((row) => `  var sum_${row} = vec4f(0);`).join('\n')}
  for (var tap_y = 0; tap_y < taps_y; tap_y++) {
    for (var tap_x = 0; tap_x < taps_x; tap_x++) {
      let tap = ${kernelTap(product)};
      for (var first_channel = 0u; first_channel < ${inputs}u; first_channel += ${depth}u) {
${lines(loads, stageInput)}
${product.form === 'gather' ? gatherWeights : scatterWeights}
        workgroupBarrier();
        for (var k = 0u; k < ${depth}u; k++) {
          let weight = staged_weight[k * ${across}u + thread.x];
          let slot = k * ${tileRows}u + thread.y * ${tile.rows}u;
${rows.map((row) => `          sum_${row} = fma(vec4f(staged_input[slot + ${row}u]), weight, sum_${row});`).join('\n')}
        }
        workgroupBarrier();
      }
    }
  }
  let column = (group.x * ${across}u + thread.x) * 4u;
${rows
  .map(
    (row) => `  {
${rowText(product, placing, `${row}`, `(tile_row + thread.y * ${tile.rows}u + ${row}u)`)}
    if (is_row_${row} & (column < ${outputs}u)) { store_output(output_${row}, column, segment, sum_${row}); }
  }`,
  )
  .join('\n')}
}
`;
  return {
    code,
    widths: { first: 4, second: 4 },
    workgroups: [
      Math.ceil(outputs / (across * 4)),
      segmentTiles(product.segments, rowsPerImage, tileRows),
      phases * phases,
    ],
  };
}

/** Filter gradient. Rows are (tap, big channel), columns small channels. */
export function sharedFilter(product: FilterProduct, tile: Tile): TiledShader {
  const { geometry, splits, hasBias } = product;
  const { big, small, kernel, stride, padding } = geometry;
  const [bigHeight, bigWidth, bigChannels] = big;
  const [smallHeight, smallWidth, columnsInAll] = small;
  const rowsInAll = kernel[0] * kernel[1] * bigChannels;
  const [across, down] = tile.threads;
  const threads = across * down;
  const groups = Math.max(1, tile.rows / 4);
  const quads = down * groups;
  const accumulators = Array.from({ length: groups * 4 }, (_, row) => row);
  // Rows come in fours, and so does the bias' row, the first of its four.
  const biasText = lines(
    groups,
    (index) =>
      `  if ((column < ${columnsInAll}u) & (row + ${index * 4}u == ${rowsInAll}u)) { store_bias(column, segment, sum_${index * 4}); }`,
  );
  const code = `
var<workgroup> staged_big: array<vec4f, ${FILTER_DEPTH * quads}>;
var<workgroup> staged_small: array<vec4f, ${FILTER_DEPTH * across}>;
@compute @workgroup_size(${across}, ${down})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) thread_index: u32,
) {
  let segment = segment_at(group.z);
  let big_start = load_big_start(segment);
  let small_start = load_small_start(segment);
  let end = ${pick(
    splits.map((images) => images * smallHeight * smallWidth),
    'group.z',
  )};
${accumulators.map((row) => `  var sum_${row} = vec4f(0);`).join('\n')}
  for (var first = 0u; first < end; first += ${FILTER_DEPTH}u) {
    for (var unit = thread_index; unit < ${FILTER_DEPTH * quads}u; unit += ${threads}u) {
      let k = first + unit / ${quads}u;
      let row = (group.y * ${quads}u + unit % ${quads}u) * 4u;
      let tap = row / ${bigChannels}u;
      let y = i32(k / ${smallWidth}u % ${smallHeight}u) * ${stride} + i32(tap / ${kernel[1]}u) - ${padding[0]};
      let x = i32(k % ${smallWidth}u) * ${stride} + i32(tap % ${kernel[1]}u) - ${padding[1]};
      let is_inside = (k < end) & (row < ${rowsInAll}u) & ${insideText('y', 'x', `${bigHeight}u`, `${bigWidth}u`)};
      let base = i32(k / ${smallHeight * smallWidth}u) * ${bigHeight * bigWidth};
      let at = select(0u, u32(base + y * ${bigWidth} + x), is_inside);
      ${hasBias ? `let outside = vec4f(select(0f, 1f, (k < end) & (row == ${rowsInAll}u)));` : 'const outside = vec4f(0);'}
      staged_big[unit] = select(outside, load_big(big_start + at * ${bigChannels}u, row % ${bigChannels}u, at, segment), is_inside);
    }
    for (var unit = thread_index; unit < ${FILTER_DEPTH * across}u; unit += ${threads}u) {
      let k = first + unit / ${across}u;
      let column = (group.x * ${across}u + unit % ${across}u) * 4u;
      let is_inside = (k < end) & (column < ${columnsInAll}u);
      let at = select(0u, k, is_inside);
      staged_small[unit] = select(vec4f(0), load_small(small_start + at * ${columnsInAll}u, column, at, segment), is_inside);
    }
    workgroupBarrier();
    for (var k = 0u; k < ${FILTER_DEPTH}u; k++) {
      let small = staged_small[k * ${across}u + thread.x];
${lines(
  groups,
  (index) => `      let big_${index} = staged_big[k * ${quads}u + thread.y * ${groups}u + ${index}u];
      sum_${index * 4} = fma(vec4f(big_${index}.x), small, sum_${index * 4});
      sum_${index * 4 + 1} = fma(vec4f(big_${index}.y), small, sum_${index * 4 + 1});
      sum_${index * 4 + 2} = fma(vec4f(big_${index}.z), small, sum_${index * 4 + 2});
      sum_${index * 4 + 3} = fma(vec4f(big_${index}.w), small, sum_${index * 4 + 3});`,
)}
    }
    workgroupBarrier();
  }
  let column = (group.x * ${across}u + thread.x) * 4u;
  let row = (group.y * ${down}u + thread.y) * ${groups * 4}u;
${accumulators
  .map(
    (index) =>
      `  if ((column < ${columnsInAll}u) & (row + ${index}u < ${rowsInAll}u)) ` +
      `{ store_filter((row + ${index}u) * ${columnsInAll}u + column, segment, sum_${index}); }`,
  )
  .join('\n')}
${hasBias ? biasText : ''}
}
`;
  return {
    code,
    widths: { first: 4, second: 4 },
    workgroups: [
      Math.ceil(columnsInAll / (across * 4)),
      Math.ceil((rowsInAll + (hasBias ? 1 : 0)) / (quads * 4)),
      splits.length,
    ],
  };
}
