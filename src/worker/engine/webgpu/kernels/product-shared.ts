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
import { lines, pick, quotient } from './shader-text.js';
import type { Numbers } from './shader.js';

/** Steps along the reduction that are staged at a time; the first of these that divides the channels. */
const DEPTHS = [16, 20, 12, 8, 4] as const;
/** Positions of the reduction that a filter gradient stages at a time. */
const FILTER_DEPTH = 16;
/** Steps whose operands a thread holds in registers while it multiplies those before. */
const AHEAD = 4;

const COMPONENTS = ['x', 'y', 'z', 'w'] as const;

/** Whole numbers from 0 to `count` - 1. */
function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/**
 * Words between the quarters of a stage: threads that write neighbouring quarters of eight lines side by side then meet
 * different banks of workgroup memory. A multiple of four, as lines are read in fours.
 */
const PADDING = 8;

/** Where a step's line of `length` begins in workgroup memory. */
function lineAt(step: number, length: number): number {
  return step * length + Math.floor(step / 4) * PADDING;
}

/**
 * The multiplications of a stage of `depth` steps: the operands of `AHEAD` steps are read from workgroup memory before
 * those ahead of them are used, so that no multiplication waits for them.
 */
function multiplyText(
  depth: number,
  read: (step: number) => string,
  multiply: (step: number) => string,
): string {
  const batches = upTo(depth / AHEAD).map((batch) => upTo(AHEAD).map((step) => batch * AHEAD + step));
  const text = batches.flatMap((steps, batch) => [
    ...(batch === 0 ? steps.map(read) : []),
    ...(batches[batch + 1] ?? []).map(read),
    ...steps.map(multiply),
  ]);
  return text.join('\n');
}

/**
 * The loop over the stages: what `fetch` loads for the next of them is on its way while `multiply` works on this one. No
 * branch lies between: behind one a compiler (Mesa's) moves loads to where they are used. The last turn fetches
 * what nobody uses.
 */
function stagesText(
  stages: string,
  { fetch, advance, multiply, store }: Readonly<Record<'fetch' | 'advance' | 'multiply' | 'store', string>>,
): string {
  return `${fetch}
  for (var stage = 0u; stage < ${stages}; stage++) {
${store}
    workgroupBarrier();
${advance}
${fetch}
${multiply}
    workgroupBarrier();
  }`;
}

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
  const tileColumns = across * 4;
  const rowsPerImage = phaseSize[0] * phaseSize[1];
  const isGather = product.form === 'gather';
  const rows = upTo(tile.rows);

  /** The `load`th of the units that a thread loads, where there are `units` in all: its number, and `text` guarded. */
  const unit = (load: number): string =>
    load === 0 ? 'thread_index' : `(thread_index + ${load * threads}u)`;
  const guarded = (load: number, units: number, text: string): string =>
    (load + 1) * threads > units ? `    if (${unit(load)} < ${units}u) { ${text} }` : `    { ${text} }`;

  /** Which line and quarter a load is, and where its four steps go. */
  const placeQuarter = (
    name: string,
    load: number,
    length: number,
  ): string => `  let line_${name} = ${unit(load)} / ${quarters}u;
  let quarter_${name} = ${unit(load)} - line_${name} * ${quarters}u;
  let slot_${name} = quarter_${name} * ${4 * length + PADDING}u + line_${name};`;

  // Four channels of a row.
  const inputUnits = tileRows * quarters;
  const inputLoads = upTo(Math.ceil(inputUnits / threads));
  const placeInput = (load: number): string => `${placeQuarter(`input_${load}`, load, tileRows)}
${rowText(product, placing, `input_${load}`, `(tile_row + line_input_${load})`)}
  var next_input_${load}: vec4f;
  var has_input_${load}: bool;`;
  const fetchInput = (load: number): string => {
    const y = tapPosition(product.form, `y_input_${load}`, 'tap_y');
    const x = tapPosition(product.form, `x_input_${load}`, 'tap_x');
    return `    {
      let in_y = ${y};
      let in_x = ${x};
      let is_inside = ${insideText('in_y', 'in_x', 'input_height', 'input_width')};
      let at = select(0u, u32(base_input_${load} + in_y * i32(input_width) + in_x), is_inside);
      let channel = first_channel + quarter_input_${load} * 4u;
      next_input_${load} = load_input(input_start + at * ${inputs}u, channel, at, segment);
      has_input_${load} = is_inside;
    }`;
  };
  /** Zero what lies outside only now: to look at a value is to wait for it. */
  const storeQuarter = (array: string, name: string, length: number, condition: string): string =>
    [
      `let value = select(vec4f(0), next_${name}, ${condition});`,
      ...COMPONENTS.map(
        (component, step) => `${array}[slot_${name} + ${step * length}u] = value.${component};`,
      ),
    ].join(' ');
  const storeInput = (load: number): string =>
    guarded(load, inputUnits, storeQuarter('staged_input', `input_${load}`, tileRows, `has_input_${load}`));

  // Gather: four columns of a step. Scatter: the kernel lies with the input's channel innermost, four steps of a column.
  const weightUnits = isGather ? depth * across : quarters * tileColumns;
  const weightLoads = upTo(Math.ceil(weightUnits / threads));
  const placeWeight = (load: number): string => {
    const name = `weight_${load}`;
    if (isGather) {
      return `  let column_${name} = group.x * ${tileColumns}u + ${unit(load)} % ${across}u * 4u;
  let start_${name} = kernel_start + ${unit(load)} / ${across}u * ${outputs}u + column_${name};
  var next_${name}: vec4f;`;
    }
    return `${placeQuarter(name, load, tileColumns)}
  let column_${name} = group.x * ${tileColumns}u + line_${name};
  let start_${name} = kernel_start + column_${name} * ${inputs}u + quarter_${name} * 4u;
  var next_${name}: vec4f;`;
  };
  const fetchWeight = (load: number): string =>
    `    next_weight_${load} = load_weight(start_weight_${load} + ${isGather ? `(tap * ${inputs}u + first_channel) * ${outputs}u` : `tap * ${outputs * inputs}u + first_channel`});`;
  const storeWeight = (load: number): string => {
    const name = `weight_${load}`;
    const has = `column_${name} < ${outputs}u`;
    const text = isGather
      ? `staged_weight[${unit(load)}] = select(vec4f(0), next_${name}, ${has});`
      : storeQuarter('staged_weight', name, tileColumns, has);
    return guarded(load, weightUnits, text);
  };

  const readWeight = (step: number): string => {
    if (isGather) return `staged_weight[${step * across}u + thread.x]`;
    return `vec4f(${upTo(4)
      .map((column) => `staged_weight[column_at + ${lineAt(step, tileColumns) + column}u]`)
      .join(', ')})`;
  };
  const read = (step: number): string =>
    [
      `      let weight_${step} = ${readWeight(step)};`,
      ...rows.map(
        (row) => `      let input_${step}_${row} = staged_input[row_at + ${lineAt(step, tileRows) + row}u];`,
      ),
    ].join('\n');
  const multiply = (step: number): string =>
    rows
      .map((row) => `      sum_${row} = fma(vec4f(input_${step}_${row}), weight_${step}, sum_${row});`)
      .join('\n');
  const loop = stagesText('stages', {
    fetch: `    let tap = ${kernelTap(product)};
${[...inputLoads.map(fetchInput), ...weightLoads.map(fetchWeight)].join('\n')}`,
    advance: `    first_channel += ${depth}u;
    if (first_channel == ${inputs}u) {
      first_channel = 0u;
      tap_x++;
      if (tap_x == taps_x) { tap_x = 0; tap_y++; }
    }`,
    multiply: multiplyText(depth, read, multiply),
    store: [...inputLoads.map(storeInput), ...weightLoads.map(storeWeight)].join('\n'),
  });
  const code = `
var<workgroup> staged_input: array<f32, ${lineAt(depth, tileRows)}>;
var<workgroup> staged_weight: array<${isGather ? `vec4f, ${depth * across}` : `f32, ${lineAt(depth, tileColumns)}`}>;
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
  let row_at = thread.y * ${tile.rows}u;
  let column_at = thread.x * 4u;
${inputLoads.map(placeInput).join('\n')}
${weightLoads.map(placeWeight).join('\n')}
${rows.map((row) => `  var sum_${row} = vec4f(0);`).join('\n')}
  let stages = u32(taps_y * taps_x) * ${inputs / depth}u;
  var tap_y = 0;
  var tap_x = 0;
  var first_channel = 0u;
${loop}
  let column = group.x * ${tileColumns}u + column_at;
${rows.map((row) => rowText(product, placing, `${row}`, `(tile_row + row_at + ${row}u)`)).join('\n')}
${rows.map((row) => `  let value_${row} = finish_output(output_${row}, column, segment, sum_${row});`).join('\n')}
${rows.map((row) => `  if (is_row_${row} & (column < ${outputs}u)) { store_output(output_${row}, column, segment, value_${row}); }`).join('\n')}
}
`;
  return {
    code,
    widths: { first: 4, second: 4 },
    workgroups: [
      Math.ceil(outputs / tileColumns),
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
  const accumulators = upTo(groups * 4);
  const positions = splits.map((images) => images * smallHeight * smallWidth);
  const most = Math.max(...positions) + 2 * FILTER_DEPTH;
  const unit = (load: number): string =>
    load === 0 ? 'thread_index' : `(thread_index + ${load * threads}u)`;
  const guarded = (load: number, units: number, text: string): string =>
    (load + 1) * threads > units ? `    if (${unit(load)} < ${units}u) { ${text} }` : `    { ${text} }`;

  const bigUnits = FILTER_DEPTH * quads;
  const bigLoads = upTo(Math.ceil(bigUnits / threads));
  // Each load's row stays the same from stage to stage: its tap and channel are found once.
  const placeBig = (
    load: number,
  ): string => `  let big_row_${load} = (group.y * ${quads}u + ${unit(load)} % ${quads}u) * 4u;
  let big_tap_${load} = big_row_${load} / ${bigChannels}u;
  let big_channel_${load} = big_row_${load} - big_tap_${load} * ${bigChannels}u;
  let shift_y_${load} = i32(big_tap_${load} / ${kernel[1]}u) - ${padding[0]};
  let shift_x_${load} = i32(big_tap_${load} % ${kernel[1]}u) - ${padding[1]};
  var next_big_${load}: vec4f;
  var has_big_${load}: bool;`;
  const fetchBig = (load: number): string => `    {
      let k = first + ${unit(load)} / ${quads}u;
      let line = ${quotient('k', smallWidth, most)};
      let image = ${quotient('line', smallHeight, most)};
      let y = i32(line - image * ${smallHeight}u) * ${stride} + shift_y_${load};
      let x = i32(k - line * ${smallWidth}u) * ${stride} + shift_x_${load};
      let is_inside = (k < end) & (big_row_${load} < ${rowsInAll}u) & ${insideText('y', 'x', `${bigHeight}u`, `${bigWidth}u`)};
      let at = select(0u, u32(i32(image) * ${bigHeight * bigWidth} + y * ${bigWidth} + x), is_inside);
      next_big_${load} = load_big(big_start + at * ${bigChannels}u, big_channel_${load}, at, segment);
      has_big_${load} = is_inside;
    }`;
  // The bias' row is 1 also behind the last position, where the small map is taken for zero.
  const outsideBig = (load: number): string =>
    hasBias ? `vec4f(select(0f, 1f, big_row_${load} == ${rowsInAll}u))` : 'vec4f(0)';
  const storeBig = (load: number): string =>
    guarded(
      load,
      bigUnits,
      `staged_big[${unit(load)}] = select(${outsideBig(load)}, next_big_${load}, has_big_${load});`,
    );

  const smallUnits = FILTER_DEPTH * across;
  const smallLoads = upTo(Math.ceil(smallUnits / threads));
  const fetchSmall = (load: number): string => `    {
      let k = first + ${unit(load)} / ${across}u;
      let column = (group.x * ${across}u + ${unit(load)} % ${across}u) * 4u;
      has_small_${load} = (k < end) & (column < ${columnsInAll}u);
      let at = select(0u, k, has_small_${load});
      next_small_${load} = load_small(small_start + at * ${columnsInAll}u, column, at, segment);
    }`;
  const storeSmall = (load: number): string =>
    guarded(
      load,
      smallUnits,
      `staged_small[${unit(load)}] = select(vec4f(0), next_small_${load}, has_small_${load});`,
    );

  const read = (step: number): string =>
    [
      `      let small_${step} = staged_small[${step * across}u + thread.x];`,
      ...upTo(groups).map(
        (index) =>
          `      let big_${step}_${index} = staged_big[${step * quads + index}u + thread.y * ${groups}u];`,
      ),
    ].join('\n');
  const multiply = (step: number): string =>
    accumulators
      .map((index) => {
        const factor = `big_${step}_${Math.floor(index / 4)}.${COMPONENTS[index % 4]!}`;
        return `      sum_${index} = fma(vec4f(${factor}), small_${step}, sum_${index});`;
      })
      .join('\n');
  const loop = stagesText('stages', {
    fetch: [...bigLoads.map(fetchBig), ...smallLoads.map(fetchSmall)].join('\n'),
    advance: `    first += ${FILTER_DEPTH}u;`,
    multiply: multiplyText(FILTER_DEPTH, read, multiply),
    store: [...bigLoads.map(storeBig), ...smallLoads.map(storeSmall)].join('\n'),
  });
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
  let end = ${pick(positions, 'group.z')};
${bigLoads.map(placeBig).join('\n')}
${smallLoads.map((load) => `  var next_small_${load}: vec4f;\n  var has_small_${load}: bool;`).join('\n')}
${accumulators.map((row) => `  var sum_${row} = vec4f(0);`).join('\n')}
  let stages = (end + ${FILTER_DEPTH - 1}u) / ${FILTER_DEPTH}u;
  var first = 0u;
${loop}
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
