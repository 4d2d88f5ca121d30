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
  tapPosition,
  walkOf,
  type FilterProduct,
  type ForwardProduct,
  type Tile,
  type TiledShader,
} from './product.js';
import { constantArray, lines } from './shader-text.js';

const COMPONENTS = ['x', 'y', 'z', 'w'] as const;

/** The weights of one group of columns for `depth` consecutive input channels from `channel` on. */
function weightText(product: ForwardProduct, depth: 1 | 4, group: number): string {
  const inputs = walkOf(product).input[2];
  const outputs = walkOf(product).output[2];
  const { type, width } = columnType(outputs);
  const column = `(column + ${group * 4}u)`;
  const index = (k: number, j: number): string =>
    product.form === 'gather'
      ? `(tap * ${inputs}u + channel + ${k}u) * ${outputs}u + ${column} + ${j}u`
      : `(tap * ${outputs}u + ${column} + ${j}u) * ${inputs}u + channel + ${k}u`;
  const name = (k: number): string => `weight_${group}_${k}`;
  if (product.form === 'gather') {
    return lines(depth, (k) => {
      if (isMultipleOfFour(outputs)) return `      let ${name(k)} = load_weight4(${index(k, 0)}, segment);`;
      const values = Array.from({ length: width }, (_, j) => `load_weight(${index(k, j)}, segment)`);
      return `      let ${name(k)} = ${type}(${values.join(', ')});`;
    });
  }
  if (depth === 1) {
    const values = Array.from({ length: width }, (_, j) => `load_weight(${index(0, j)}, segment)`);
    return `      let ${name(0)} = ${type}(${values.join(', ')});`;
  }
  // The kernel lies with the input's channel innermost: read four along it, then turn the block.
  const columns = lines(width, (j) => `      let turned_${group}_${j} = load_weight4(${index(0, j)}, segment);`);
  const turned = lines(4, (k) => {
    const values = Array.from({ length: width }, (_, j) => `turned_${group}_${j}.${COMPONENTS[k]!}`);
    return `      let ${name(k)} = ${type}(${values.join(', ')});`;
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
  const [inputHeight, inputWidth, inputs] = input;
  const outputs = output[2];
  const { type } = columnType(outputs);
  const depth = isMultipleOfFour(inputs) ? 4 : 1;
  const groups = outputs === 1 ? 1 : tile.columnGroups;
  const columns = outputs === 1 ? 1 : groups * 4;
  const across = Math.min(tile.threads[0], Math.ceil(outputs / columns));
  const down = Math.floor((tile.threads[0] * tile.threads[1]) / across);
  const tileRows = down * tile.rows;
  const rowsPerImage = phaseSize[0] * phaseSize[1];
  const rows = Array.from({ length: tile.rows }, (_, row) => `${row}`);
  const accumulators = rows.flatMap((row) =>
    Array.from({ length: groups }, (_, group) => `  var sum_${row}_${group} = ${type}(0);`),
  );
  const multiply = (row: string): string => {
    const loaded = depth === 4 ? 'load_input4' : 'load_input';
    const zero = depth === 4 ? 'vec4f(0)' : '0f';
    const load = `      let value_${row} = select(${zero}, ${loaded}(at_${row}, channel, segment), is_inside_${row});`;
    const adds = lines(depth, (k) =>
      lines(groups, (group) => {
        const factor = depth === 4 ? `value_${row}.${COMPONENTS[k]!}` : `value_${row}`;
        const wide = type === 'f32' ? factor : `vec4f(${factor})`;
        return `      sum_${row}_${group} = fma(${wide}, weight_${group}_${k}, sum_${row}_${group});`;
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
${rows.map((row) => rowText(product, row, `(tile_row + thread.y * ${tile.rows}u + ${row}u)`)).join('\n')}
${accumulators.join('\n')}
  for (var tap_y = 0; tap_y < taps_y; tap_y++) {
    for (var tap_x = 0; tap_x < taps_x; tap_x++) {
      let tap = ${kernelTap(product)};
${rows
  .map((row) => {
    const y = tapPosition(product.form, `y_${row}`, 'tap_y');
    const x = tapPosition(product.form, `x_${row}`, 'tap_x');
    return `      let in_y_${row} = ${y};
      let in_x_${row} = ${x};
      let is_inside_${row} = ${insideText(`in_y_${row}`, `in_x_${row}`, inputHeight, inputWidth)};
      let at_${row} = select(0u, u32(base_${row} + in_y_${row} * ${inputWidth} + in_x_${row}), is_inside_${row});`;
  })
  .join('\n')}
      for (var channel = 0u; channel < ${inputs}u; channel += ${depth}u) {
${lines(groups, (group) => weightText(product, depth, group))}
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
    workgroups: [
      Math.ceil(outputs / (across * columns)),
      segmentTiles(product.segments, rowsPerImage, tileRows),
      phases * phases,
    ],
  };
}

/** Filter gradient. Rows are (tap, big channel), columns small channels. */
export function registerFilter(product: FilterProduct, tile: Tile): TiledShader {
  const { big, small, kernel, stride, padding } = product.geometry;
  const [bigHeight, bigWidth, bigChannels] = big;
  const [smallHeight, smallWidth, columnsInAll] = small;
  const { type } = columnType(columnsInAll);
  const isWideRow = isMultipleOfFour(bigChannels);
  const step = isWideRow ? 4 : 1;
  const rowGroups = isWideRow ? Math.max(1, tile.rows / 4) : tile.rows;
  const groups = columnsInAll === 1 ? 1 : tile.columnGroups;
  const columns = columnsInAll === 1 ? 1 : groups * 4;
  const rowsInAll = kernel[0] * kernel[1] * bigChannels;
  const across = Math.min(tile.threads[0], Math.ceil(columnsInAll / columns));
  const down = Math.floor((tile.threads[0] * tile.threads[1]) / across);
  const isWideColumn = isMultipleOfFour(columnsInAll);
  const each = Array.from({ length: rowGroups }, (_, row) => row);
  const place = each.map(
    (row) => `  let row_${row} = (group.y * ${down}u + thread.y) * ${rowGroups * step}u + ${row * step}u;
  let tap_${row} = row_${row} / ${bigChannels}u;
  let channel_${row} = row_${row} % ${bigChannels}u;
  let shift_y_${row} = i32(tap_${row} / ${kernel[1]}u) - ${padding[0]};
  let shift_x_${row} = i32(tap_${row} % ${kernel[1]}u) - ${padding[1]};
${lines(step, (k) => lines(groups, (group) => `  var sum_${row}_${k}_${group} = ${type}(0);`))}`,
  );
  const columnValue = (group: number): string => {
    const column = `column + ${group * 4}u`;
    if (columnsInAll === 1) return 'load_small(k, 0u, segment)';
    if (isWideColumn) return `load_small4(k, ${column}, segment)`;
    const values = [0, 1, 2, 3].map((j) => `load_small(k, min(${column} + ${j}u, ${columnsInAll - 1}u), segment)`);
    return `vec4f(${values.join(', ')})`;
  };
  const multiply = each.map((row) => {
    const loaded = isWideRow ? 'load_big4' : 'load_big';
    const zero = isWideRow ? 'vec4f(0)' : '0f';
    const adds = lines(step, (k) => {
      const factor = isWideRow ? `value_${row}.${COMPONENTS[k]!}` : `value_${row}`;
      const wide = type === 'f32' ? factor : `vec4f(${factor})`;
      return lines(
        groups,
        (group) => `    sum_${row}_${k}_${group} = fma(${wide}, small_${group}, sum_${row}_${k}_${group});`,
      );
    });
    return `    let y_${row} = y + shift_y_${row};
    let x_${row} = x + shift_x_${row};
    let is_inside_${row} = ${insideText(`y_${row}`, `x_${row}`, bigHeight, bigWidth)};
    let at_${row} = select(0u, u32(base + y_${row} * ${bigWidth} + x_${row}), is_inside_${row});
    let value_${row} = select(${zero}, ${loaded}(at_${row}, channel_${row}, segment), is_inside_${row});
${adds}`;
  });
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
  const code = `
${constantArray('SPLIT_ROWS', 'u32', product.splits.map((images) => images * smallHeight * smallWidth))}
@compute @workgroup_size(${across}, ${down})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let column = (group.x * ${across}u + thread.x) * ${columns}u;
  if (column >= ${columnsInAll}u) { return; }
${place.join('\n')}
  let segment = segment_at(group.z);
  let end = SPLIT_ROWS[group.z];
  for (var k = 0u; k < end; k++) {
    let base = i32(k / ${smallHeight * smallWidth}u) * ${bigHeight * bigWidth};
    let y = i32(k / ${smallWidth}u % ${smallHeight}u) * ${stride};
    let x = i32(k % ${smallWidth}u) * ${stride};
${lines(groups, (group) => `    let small_${group} = ${columnValue(group)};`)}
${multiply.join('\n')}
  }
${store.join('\n')}
}
`;
  return {
    code,
    workgroups: [
      Math.ceil(columnsInAll / (across * columns)),
      Math.ceil(rowsInAll / (down * rowGroups * step)),
      product.splits.length,
    ],
  };
}
