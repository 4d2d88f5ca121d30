/**
 * Products whose tiles live in registers alone: each thread computes `rows` outputs of
 * 4 x `columnGroups` neighbouring channels and reads its operands itself. The form for devices where
 * shared memory does not pay (software adapters), and for few channels everywhere.
 */

import {
  columnType,
  insideText,
  isMultipleOfFour,
  kernelTap,
  phaseText,
  rowText,
  segmentText,
  segmentTiles,
  tapText,
  walkOf,
  type FilterProduct,
  type ForwardProduct,
  type Tile,
  type TiledShader,
} from './product.js';
import { lines, pick, quotient } from './shader-text.js';

const COMPONENTS = ['x', 'y', 'z', 'w'] as const;

/** Text that begins a tap: `weight_at`, where the tap's weights of the thread's columns begin. */
function weightStartText(product: ForwardProduct): string {
  const inputs = walkOf(product).input[2];
  const outputs = walkOf(product).output[2];
  const first =
    product.form === 'gather' ? `tap * ${inputs * outputs}u + column` : `(tap * ${outputs}u + column) * ${inputs}u`;
  return `var weight_at = kernel_start + ${first};`;
}

/**
 * The weights of one group of columns for `terms` consecutive input channels, as `weight_<group>_<term>`;
 * `weight_at` is that of the first of them.
 */
function weightText(product: ForwardProduct, terms: 1 | 4, group: number): string {
  const inputs = walkOf(product).input[2];
  const outputs = walkOf(product).output[2];
  const { type, width } = columnType(outputs);
  const isGather = product.form === 'gather';
  const index = (term: number, j: number): string =>
    `weight_at + ${isGather ? term * outputs + group * 4 + j : (group * 4 + j) * inputs + term}u`;
  const name = (term: number): string => `weight_${group}_${term}`;
  if (isGather && isMultipleOfFour(outputs)) {
    return lines(terms, (term) => `      let ${name(term)} = load_weight(${index(term, 0)});`);
  }
  if (isGather || terms === 1) {
    return lines(terms, (term) => {
      const values = Array.from({ length: width }, (_, j) => `load_weight(${index(term, j)})`);
      return `      let ${name(term)} = ${type}(${values.join(', ')});`;
    });
  }
  // The kernel lies with the input's channel innermost: read four along it, then turn the block.
  const columns = lines(width, (j) => `      let turned_${group}_${j} = load_weight(${index(0, j)});`);
  const turned = lines(4, (term) => {
    const values = Array.from({ length: width }, (_, j) => `turned_${group}_${j}.${COMPONENTS[term]!}`);
    return `      let ${name(term)} = ${type}(${values.join(', ')});`;
  });
  return `${columns}\n${turned}`;
}

/** Text that stores one row's column group from the variable `value`. */
export function storeText(channels: number, row: string, group: number, value: string): string {
  const column = `column + ${group * 4}u`;
  if (channels === 1 || isMultipleOfFour(channels)) {
    return `    if (is_row_${row} & (${column} < ${channels}u)) { store_output(output_${row}, ${column}, segment, ${value}); }`;
  }
  return lines(
    4,
    (j) =>
      `    if (is_row_${row} & (${column} + ${j}u < ${channels}u)) ` +
      `{ store_output(output_${row}, ${column} + ${j}u, segment, ${value}.${COMPONENTS[j]!}); }`,
  );
}

/** Gather or scatter. See `product.ts` for what has to be declared beside the text. */
export function registerForward(product: ForwardProduct, tile: Tile): TiledShader {
  const { input, output, phaseSize, phases } = walkOf(product);
  const inputs = input[2];
  const outputs = output[2];
  const { type } = columnType(outputs);
  const terms = tile.terms === 4 && isMultipleOfFour(inputs) ? 4 : 1;
  const isGather = product.form === 'gather';
  const groups = outputs === 1 ? 1 : tile.columnGroups;
  const columns = outputs === 1 ? 1 : groups * 4;
  const across = Math.min(tile.threads[0], Math.ceil(outputs / columns));
  const down = Math.floor((tile.threads[0] * tile.threads[1]) / across);
  const tileRows = down * tile.rows;
  const rowsPerImage = phaseSize[0] * phaseSize[1];
  const rows = Array.from({ length: tile.rows }, (_, row) => `${row}`);
  const multiply = (row: string): string => {
    const zero = terms === 4 ? 'vec4f(0)' : '0f';
    const load = `      let value_${row} = select(${zero}, load_input(at_${row}, channel, pixel_${row}, segment), is_inside_${row});`;
    const adds = lines(terms, (term) =>
      lines(groups, (group) => {
        const factor = terms === 4 ? `value_${row}.${COMPONENTS[term]!}` : `value_${row}`;
        const wide = type === 'f32' ? factor : `vec4f(${factor})`;
        return `      sum_${row}_${group} = fma(${wide}, weight_${group}_${term}, sum_${row}_${group});`;
      }),
    );
    return `${load}\n${adds}`;
  };
  const code = `
@compute @workgroup_size(${across}, ${down})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let column = (group.x * ${across}u + thread.x) * ${columns}u;
  if (column >= ${outputs}u) { return; }
  ${segmentText(product.segments, rowsPerImage, tileRows)}
  ${phaseText(product)}
  let kernel_start = kernel_at(segment);
${rows.map((row) => rowText(product, row, `(tile_row + thread.y * ${tile.rows}u + ${row}u)`)).join('\n')}
${rows.map((row) => lines(groups, (group) => `  var sum_${row}_${group} = ${type}(0);`)).join('\n')}
  for (var tap_y = 0; tap_y < taps_y; tap_y++) {
    for (var tap_x = 0; tap_x < taps_x; tap_x++) {
      let tap = ${kernelTap(product)};
      ${weightStartText(product)}
${rows.map((row) => `      ${tapText(product, row)}\n      let at_${row} = load_input_at(pixel_${row}, segment);`).join('\n')}
      for (var channel = 0u; channel < ${inputs}u; channel += ${terms}u) {
${lines(groups, (group) => weightText(product, terms, group))}
        weight_at += ${isGather ? terms * outputs : terms}u;
${rows.map(multiply).join('\n')}
      }
    }
  }
  // Rolled: what stores a row is much text, and is compiled once.
  var sums = array<${type}, ${tile.rows * groups}>(${rows.flatMap((row) => Array.from({ length: groups }, (_, group) => `sum_${row}_${group}`)).join(', ')});
  for (var row = 0u; row < ${tile.rows}u; row++) {
${rowText(product, 'stored', `(tile_row + thread.y * ${tile.rows}u + row)`)}
${lines(groups, (group) => storeText(outputs, 'stored', group, `sums[row * ${groups}u + ${group}u]`))}
  }
}
`;
  return {
    code,
    widths: {
      first: terms,
      second: isGather ? (isMultipleOfFour(outputs) ? 4 : 1) : terms,
    },
    workgroups: [
      Math.ceil(outputs / (across * columns)),
      segmentTiles(product.segments, rowsPerImage, tileRows),
      phases * phases,
    ],
  };
}

/** Rows of the last thread block may lie beyond the last row by so many. */
const MOST_TILE_ROWS = 4096;
/** A row's shift that takes it outside of any map. */
const OUTSIDE = 1 << 20;

/** Filter gradient. Rows are (tap, big channel), columns small channels. */
export function registerFilter(product: FilterProduct, tile: Tile): TiledShader {
  const { geometry, splits, hasBias } = product;
  const { big, small, kernel, stride, padding } = geometry;
  const [bigHeight, bigWidth, bigChannels] = big;
  const [smallHeight, smallWidth, columnsInAll] = small;
  const { type } = columnType(columnsInAll);
  const step = isMultipleOfFour(bigChannels) ? 4 : 1;
  const bigType = step === 4 ? 'vec4f' : 'f32';
  const rowGroups = step === 4 ? Math.max(1, tile.rows / 4) : tile.rows;
  const groups = columnsInAll === 1 ? 1 : tile.columnGroups;
  const columns = columnsInAll === 1 ? 1 : groups * 4;
  const rowsInAll = kernel[0] * kernel[1] * bigChannels;
  const across = Math.min(tile.threads[0], Math.ceil(columnsInAll / columns));
  const down = Math.floor((tile.threads[0] * tile.threads[1]) / across);
  const isWideColumn = isMultipleOfFour(columnsInAll);
  const each = Array.from({ length: rowGroups }, (_, row) => row);
  // The row of the bias lies outside everywhere, and what is outside counts as 1 there.
  const place = each.map(
    (row) => `  let row_${row} = (group.y * ${down}u + thread.y) * ${rowGroups * step}u + ${row * step}u;
  let tap_${row} = ${quotient(`row_${row}`, bigChannels, rowsInAll + MOST_TILE_ROWS)};
  let channel_${row} = row_${row} - tap_${row} * ${bigChannels}u;
  let tap_y_${row} = ${quotient(`tap_${row}`, kernel[1], rowsInAll + MOST_TILE_ROWS)};
  let shift_y_${row} = ${hasBias ? `select(i32(tap_y_${row}) - ${padding[0]}, ${OUTSIDE}, row_${row} >= ${rowsInAll}u)` : `i32(tap_y_${row}) - ${padding[0]}`};
  let outside_${row} = ${bigType}(${hasBias ? `select(0f, 1f, row_${row} >= ${rowsInAll}u)` : '0f'});
  let shift_x_${row} = i32(tap_${row} - tap_y_${row} * ${kernel[1]}u) - ${padding[1]};
  let shift_${row} = shift_y_${row} * ${bigWidth} + shift_x_${row};
${lines(step, (k) => lines(groups, (group) => `  var sum_${row}_${k}_${group} = ${type}(0);`))}`,
  );
  const columnValue = (group: number): string => {
    const column = `column + ${group * 4}u`;
    const load = (channel: string): string => `load_small(small_at, ${channel}, k, segment)`;
    if (columnsInAll === 1) return load('0u');
    if (isWideColumn) return load(column);
    return `vec4f(${[0, 1, 2, 3].map((j) => load(`min(${column} + ${j}u, ${columnsInAll - 1}u)`)).join(', ')})`;
  };
  const multiply = each.map((row) => {
    const adds = lines(step, (k) => {
      const factor = step === 4 ? `value_${row}.${COMPONENTS[k]!}` : `value_${row}`;
      const wide = type === 'f32' ? factor : `vec4f(${factor})`;
      return lines(
        groups,
        (group) => `        sum_${row}_${k}_${group} = fma(${wide}, small_${group}, sum_${row}_${k}_${group});`,
      );
    });
    return `        let is_inside_${row} = ${insideText(`y + shift_y_${row}`, `x + shift_x_${row}`, bigHeight, bigWidth)};
        let pixel_${row} = select(0u, u32(pixel + shift_${row}), is_inside_${row});
        let at_${row} = load_big_at(pixel_${row}, segment);
        let value_${row} = select(outside_${row}, load_big(at_${row}, channel_${row}, pixel_${row}, segment), is_inside_${row});
${adds}`;
  });
  const storeBias = (row: number): string => {
    if (!hasBias) return '';
    const parts = lines(groups, (group) => {
      const column = `column + ${group * 4}u`;
      const value = `sum_${row}_0_${group}`;
      if (columnsInAll === 1 || isWideColumn) return `    if (${column} < ${columnsInAll}u) { store_bias(${column}, segment, ${value}); }`;
      return lines(4, (j) => `    if (${column} + ${j}u < ${columnsInAll}u) { store_bias(${column} + ${j}u, segment, ${value}.${COMPONENTS[j]!}); }`);
    });
    return `  if (row_${row} == ${rowsInAll}u) {\n${parts}\n  }`;
  };
  const store = each.map((row) =>
    lines(step, (k) =>
      lines(groups, (group) => {
        const index = `(row_${row} + ${k}u) * ${columnsInAll}u + column + ${group * 4}u`;
        const value = `sum_${row}_${k}_${group}`;
        const isRow = `row_${row} + ${k}u < ${rowsInAll}u`;
        if (columnsInAll === 1 || isWideColumn) {
          return `  if ((${isRow}) & (column + ${group * 4}u < ${columnsInAll}u)) { store_filter(${index}, segment, ${value}); }`;
        }
        return lines(
          4,
          (j) =>
            `  if ((${isRow}) & (column + ${group * 4 + j}u < ${columnsInAll}u)) ` +
            `{ store_filter(${index} + ${j}u, segment, ${value}.${COMPONENTS[j]!}); }`,
        );
      }),
    ),
  );
  // Nested loops over the positions: to divide a running number took longer than to multiply.
  const code = `
@compute @workgroup_size(${across}, ${down})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let column = (group.x * ${across}u + thread.x) * ${columns}u;
  if (column >= ${columnsInAll}u) { return; }
${place.join('\n')}
  let segment = segment_at(group.z);
  let images = ${pick(splits, 'group.z', '')};
  var k = 0u;
  var small_at = load_small_at(0u, segment);
  for (var image = 0; image < images; image++) {
    for (var y = 0; y < ${smallHeight * stride}; y += ${stride}) {
      for (var x = 0; x < ${smallWidth * stride}; x += ${stride}) {
        let pixel = image * ${bigHeight * bigWidth} + y * ${bigWidth} + x;
${lines(groups, (group) => `        let small_${group} = ${columnValue(group)};`)}
${multiply.join('\n')}
        k++;
        small_at += ${columnsInAll}u;
      }
    }
  }
${store.join('\n')}
${each.map(storeBias).join('\n')}
}
`;
  return {
    code,
    widths: { first: step, second: isWideColumn ? 4 : 1 },
    workgroups: [
      Math.ceil(columnsInAll / (across * columns)),
      Math.ceil((rowsInAll + (hasBias ? 1 : 0)) / (down * rowGroups * step)),
      splits.length,
    ],
  };
}
