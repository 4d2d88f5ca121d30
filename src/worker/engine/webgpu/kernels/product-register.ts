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
  placeText,
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
import { lines } from './shader-text.js';
import type { Numbers } from './shader.js';

const COMPONENTS = ['x', 'y', 'z', 'w'] as const;

/** Text that begins a tap: `weight_at`, where the tap's weights of the thread's columns begin. */
function weightStartText({ form }: ForwardProduct): string {
  const first = form === 'gather' ? 'tap * inputs * outputs + column' : '(tap * outputs + column) * inputs';
  return `var weight_at = kernel_start + ${first};`;
}

function weightLine(terms: number): string {
  return terms === 1 ? 'outputs' : `${terms}u * outputs`;
}

/**
 * The weights of one group of `width` columns for `terms` consecutive input channels, the `nth` such in a turn, as
 * `weight_<nth>_<group>_<term>`; `weight_at` is that of the first channel of the turn.
 */
function weightText(product: ForwardProduct, terms: 1 | 4, width: 1 | 4, group: number, nth: number): string {
  const outputs = walkOf(product).output[2];
  const type = width === 1 ? 'f32' : 'vec4f';
  const isGather = product.form === 'gather';
  const index = (term: number, j: number): string => {
    const column = group * 4 + j;
    const step = nth * terms + term;
    const [line, place] = isGather ? [step, column] : [column, step];
    const start =
      line === 0 ? 'weight_at' : `weight_at + ${isGather ? weightLine(line) : `weight_step_${line}`}`;
    return place === 0 ? start : `${start} + ${place}u`;
  };
  const name = (term: number): string => `weight_${nth}_${group}_${term}`;
  if (isGather && isMultipleOfFour(outputs)) {
    return lines(terms, (term) => `      let ${name(term)} = load_weight(${index(term, 0)});`);
  }
  if (isGather || terms === 1) {
    return lines(terms, (term) => {
      const values = Array.from({ length: width }, (_, j) => `load_weight(${index(term, j)})`);
      return `      let ${name(term)} = ${type}(${values.join(', ')});`;
    });
  }
  // The kernel lies with the input's channel innermost: read four along it, then transpose.
  const turned = (j: number): string => `turned_${nth}_${group}_${j}`;
  const columns = lines(width, (j) => `      let ${turned(j)} = load_weight(${index(0, j)});`);
  const weights = lines(4, (term) => {
    const values = Array.from({ length: width }, (_, j) => `${turned(j)}.${COMPONENTS[term]!}`);
    return `      let ${name(term)} = ${type}(${values.join(', ')});`;
  });
  return `${columns}\n${weights}`;
}

/** Loads of channels of a row that a thread of a GPU begins before it uses the first of them, at most. */
const MOST_LOADS = 8;
/** Columns of which each may be a thread's own, at most. */
const MOST_SINGLE = 32;

/**
 * Text that stores the row `output_stored` where `is_row_stored`, from the accumulators `sums`, by groups of four
 * columns: in loops, as what stores an element may be much text.
 */
function storeRowText(channels: number, groups: number, isSingle: boolean): string {
  const isWhole = isSingle || isMultipleOfFour(channels);
  const one = (channel: string, value: string): string =>
    `if (is_row_stored & (${channel} < outputs)) { store_output(output_stored, ${channel}, segment, finish_output(output_stored, ${channel}, segment, ${value})); }`;
  const each = isWhole
    ? one('first', 'value')
    : `for (var j = 0u; j < 4u; j++) { ${one('first + j', 'value[j]')} }`;
  return `    for (var part = 0u; part < ${groups}u; part++) {
      let first = column + part * 4u;
      let value = sums[row * ${groups}u + part];
      ${each}
    }`;
}

/** Gather or scatter. See `product.ts` for what has to be declared beside the text. */
export function registerForward(numbers: Numbers, product: ForwardProduct, tile: Tile): TiledShader {
  const placing = placeText(numbers, product);
  const { input, output, phaseSize, phases } = walkOf(product);
  const inputs = input[2];
  const outputs = output[2];
  const terms = tile.terms === 4 && isMultipleOfFour(inputs) ? 4 : 1;
  const isGather = product.form === 'gather';
  // Few columns that do not come in fours: one for each of a GPU's threads, where a tile has one row.
  const isSingle =
    outputs === 1 ||
    (!tile.sharesText && tile.rows === 1 && !isMultipleOfFour(outputs) && outputs <= MOST_SINGLE);
  const { type, width } = columnType(isSingle ? 1 : outputs);
  const groups = isSingle ? 1 : tile.columnGroups;
  const columns = isSingle ? 1 : groups * 4;
  const across = isSingle ? outputs : Math.min(tile.threads[0], Math.ceil(outputs / columns));
  const most = tile.sharesText ? 1 : Math.max(1, Math.floor(MOST_LOADS / tile.rows));
  const turn = Array.from({ length: most }, (_, less) => most - less).find(
    (length) => inputs % (terms * length) === 0,
  )!;
  const down = Math.floor((tile.threads[0] * tile.threads[1]) / across);
  const tileRows = down * tile.rows;
  const rowsPerImage = phaseSize[0] * phaseSize[1];
  const rows = Array.from({ length: tile.rows }, (_, row) => `${row}`);
  const nths = Array.from({ length: turn }, (_, nth) => nth);
  const load = (row: string, nth: number): string =>
    `      let loaded_${row}_${nth} = load_input(at_${row}, channel${nth === 0 ? '' : ` + ${nth * terms}u`}, pixel_${row}, segment);`;
  const multiply = (row: string, nth: number): string => {
    const zero = terms === 4 ? 'vec4f(0)' : '0f';
    const value = `value_${row}_${nth}`;
    const adds = lines(terms, (term) =>
      lines(groups, (group) => {
        const factor = terms === 4 ? `${value}.${COMPONENTS[term]!}` : value;
        const wide = type === 'f32' ? factor : `vec4f(${factor})`;
        return `      sum_${row}_${group} = fma(${wide}, weight_${nth}_${group}_${term}, sum_${row}_${group});`;
      }),
    );
    return `      let ${value} = select(${zero}, loaded_${row}_${nth}, is_inside_${row});\n${adds}`;
  };
  const code = `
@compute @workgroup_size(${across}, ${down})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let column = (group.x * ${across}u + thread.x) * ${columns}u;
  let inputs = ${numbers.whole(inputs)};
  let outputs = ${numbers.whole(outputs)};
  if (column >= outputs) { return; }
  ${segmentText(numbers, product.segments, rowsPerImage, tileRows)}
  ${placing.text}
  let kernel_start = kernel_at(segment);
  let input_start = load_input_start(segment);
${isGather ? '' : lines(columns - 1, (column) => `  let weight_step_${column + 1} = ${column + 1}u * inputs;`)}
${rows.map((row) => rowText(product, placing, row, `(tile_row + thread.y * ${tile.rows}u + ${row}u)`)).join('\n')}
${rows.map((row) => lines(groups, (group) => `  var sum_${row}_${group} = ${type}(0);`)).join('\n')}
  for (var tap_y = 0; tap_y < taps_y; tap_y++) {
    for (var tap_x = 0; tap_x < taps_x; tap_x++) {
      let tap = ${kernelTap(product)};
      ${weightStartText(product)}
${rows.map((row) => `      ${tapText(product, row)}\n      let at_${row} = input_start + pixel_${row} * inputs;`).join('\n')}
      for (var channel = 0u; channel < inputs; channel += ${turn * terms}u) {
${nths.map((nth) => lines(groups, (group) => weightText(product, terms, width, group, nth))).join('\n')}
        weight_at += ${isGather ? weightLine(turn * terms) : `${turn * terms}u`};
${nths.map((nth) => rows.map((row) => load(row, nth)).join('\n')).join('\n')}
${nths.map((nth) => rows.map((row) => multiply(row, nth)).join('\n')).join('\n')}
      }
    }
  }
  // Rolled: what stores a row is much text, and is compiled once.
  var sums = array<${type}, ${tile.rows * groups}>(${rows.flatMap((row) => Array.from({ length: groups }, (_, group) => `sum_${row}_${group}`)).join(', ')});
  for (var row = 0u; row < ${tile.rows}u; row++) {
${rowText(product, placing, 'stored', `(tile_row + thread.y * ${tile.rows}u + row)`)}
${storeRowText(outputs, groups, isSingle)}
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

/** Rows of the last workgroup may lie beyond the last row by so many. */
const MOST_TILE_ROWS = 4096;
/** A row's shift that takes it outside of any map. */
const OUTSIDE = 1 << 20;

/** Positions of a line of which a thread of a GPU loads a row before it uses the first of them, at most. */
const MOST_POSITIONS = 14;

/** Filter gradient. Rows are (tap, big channel), columns small channels. */
export function registerFilter(numbers: Numbers, product: FilterProduct, tile: Tile): TiledShader {
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
  const taps = numbers.divider('per_tap', bigChannels, rowsInAll + MOST_TILE_ROWS);
  const lineTaps = numbers.divider('per_line', kernel[1], rowsInAll + MOST_TILE_ROWS);
  // The row of the bias lies outside everywhere, and what is outside counts as 1 there.
  const place = each.map(
    (row) => `  let row_${row} = (group.y * ${down}u + thread.y) * ${rowGroups * step}u + ${row * step}u;
  let tap_${row} = ${taps.of(`row_${row}`)};
  let channel_${row} = row_${row} - tap_${row} * big_channels;
  let tap_y_${row} = ${lineTaps.of(`tap_${row}`)};
  let shift_y_${row} = ${hasBias ? `select(i32(tap_y_${row}) - top, ${OUTSIDE}, row_${row} >= rows_in_all)` : `i32(tap_y_${row}) - top`};
  let outside_${row} = ${bigType}(${hasBias ? `select(0f, 1f, row_${row} >= rows_in_all)` : '0f'});
  let shift_x_${row} = i32(tap_${row} - tap_y_${row} * kernel_width) - left;
  let shift_${row} = shift_y_${row} * i32(big_width) + shift_x_${row};
${lines(step, (k) => lines(groups, (group) => `  var sum_${row}_${k}_${group} = ${type}(0);`))}`,
  );
  // A line of the small map in equal turns; what the last has too much counts as zeros.
  const turns = tile.sharesText
    ? smallWidth
    : Math.ceil(smallWidth / Math.max(1, Math.floor(MOST_POSITIONS / rowGroups)));
  const turn = Math.ceil(smallWidth / turns);
  const positions = Array.from({ length: turn }, (_, at) => at);
  const isWhole = turns * turn === smallWidth;
  /** Where the `at`th position of a turn is; the line's last stands for those behind it. */
  const placePosition = (at: number): string =>
    isWhole
      ? `        let x_${at} = x + ${numbers.signed(at * stride)};
        let small_at_${at} = small_at${at === 0 ? '' : ` + ${at}u * columns_in_all`};`
      : `        let has_${at} = x + ${at * stride} < end_x;
        let x_${at} = min(x + ${at * stride}, end_x - stride);
        let small_at_${at} = small_at + u32(x_${at} - x) / ${stride}u * columns_in_all;`;
  const loadSmall = (at: number, group: number): string => {
    const column = `column + ${group * 4}u`;
    const load = (channel: string): string => `load_small(small_at_${at}, ${channel}, k + ${at}u, segment)`;
    const value = (): string => {
      if (columnsInAll === 1) return load('0u');
      if (isWideColumn) return load(column);
      return `vec4f(${[0, 1, 2, 3].map((j) => load(`min(${column} + ${j}u, columns_in_all - 1u)`)).join(', ')})`;
    };
    return `        let small_${at}_${group} = ${value()};`;
  };
  const loadBig = (
    at: number,
    row: number,
  ): string => `        let is_inside_${at}_${row} = ${insideText(`y + shift_y_${row}`, `x_${at} + shift_x_${row}`, 'big_height', 'big_width')};
        let pixel_${at}_${row} = select(0u, u32(line + x_${at} + shift_${row}), is_inside_${at}_${row});
        let loaded_${at}_${row} = load_big(big_start + pixel_${at}_${row} * big_channels, channel_${row}, pixel_${at}_${row}, segment);`;
  const multiply = (at: number, row: number): string => {
    const inside = `select(outside_${row}, loaded_${at}_${row}, is_inside_${at}_${row})`;
    const value = isWhole ? inside : `select(${bigType}(0), ${inside}, has_${at})`;
    const adds = lines(step, (k) => {
      const factor = step === 4 ? `value_${at}_${row}.${COMPONENTS[k]!}` : `value_${at}_${row}`;
      const wide = type === 'f32' ? factor : `vec4f(${factor})`;
      return lines(
        groups,
        (group) =>
          `        sum_${row}_${k}_${group} = fma(${wide}, small_${at}_${group}, sum_${row}_${k}_${group});`,
      );
    });
    return `        let value_${at}_${row} = ${value};
${adds}`;
  };
  const storeOne = (channel: string, value: string): string => {
    const bias = hasBias
      ? ` else if (stored == rows_in_all) { store_bias(${channel}, segment, ${value}); }`
      : '';
    const filter = `if (stored < rows_in_all) { store_filter(stored * columns_in_all + ${channel}, segment, ${value}); }`;
    return `if (${channel} < columns_in_all) { ${filter}${bias} }`;
  };
  const storeGroup =
    columnsInAll === 1 || isWideColumn
      ? storeOne('first', 'value')
      : `for (var j = 0u; j < 4u; j++) { ${storeOne('first + j', 'value[j]')} }`;
  const accumulators = each.flatMap((row) =>
    Array.from({ length: step }, (_, k) =>
      Array.from({ length: groups }, (__, group) => `sum_${row}_${k}_${group}`),
    ),
  );
  // Nested loops over the positions: to divide a running number took longer than to multiply.
  const code = `
@compute @workgroup_size(${across}, ${down})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let column = (group.x * ${across}u + thread.x) * ${columns}u;
  let columns_in_all = ${numbers.whole(columnsInAll)};
  if (column >= columns_in_all) { return; }
  let rows_in_all = ${numbers.whole(rowsInAll)};
  let big_channels = ${numbers.whole(bigChannels)};
  let big_height = ${numbers.whole(bigHeight)};
  let big_width = ${numbers.whole(bigWidth)};
  let big_size = i32(big_height * big_width);
  let kernel_width = ${numbers.whole(kernel[1])};
  let stride = ${numbers.signed(stride)};
  let top = ${numbers.signed(padding[0])};
  let left = ${numbers.signed(padding[1])};
  let end_y = ${numbers.signed(smallHeight * stride)};
  let end_x = ${numbers.signed(smallWidth * stride)};
  ${taps.text}
  ${lineTaps.text}
${place.join('\n')}
  let segment = segment_at(group.z);
  let images = i32(${numbers.pick(splits, 'group.z')});
  var k = 0u;
  let big_start = load_big_start(segment);
  var small_at = load_small_start(segment);
  for (var image = 0; image < images; image++) {
    for (var y = 0; y < end_y; y += stride) {
      let line = image * big_size + y * i32(big_width);
      for (var x = 0; x < end_x; x += ${turn === 1 ? '' : `${turn} * `}stride) {
${positions.map(placePosition).join('\n')}
${positions.map((at) => lines(groups, (group) => loadSmall(at, group))).join('\n')}
${positions.map((at) => each.map((row) => loadBig(at, row)).join('\n')).join('\n')}
${positions.map((at) => each.map((row) => multiply(at, row)).join('\n')).join('\n')}
        k += ${turn}u;
        small_at += ${turn === 1 ? '' : `${turn}u * `}columns_in_all;
      }
${
  isWhole
    ? ''
    : `      k -= ${turns * turn - smallWidth}u;
      small_at -= ${turns * turn - smallWidth}u * columns_in_all;`
}
    }
  }
  // Rolled, as in the forward product.
  var sums = array<${type}, ${rowGroups * step * groups}>(${accumulators.flat().join(', ')});
  for (var row = 0u; row < ${rowGroups * step}u; row++) {
    let stored = row_0 + row;
    for (var part = 0u; part < ${groups}u; part++) {
      let first = column + part * 4u;
      let value = sums[row * ${groups}u + part];
      ${storeGroup}
    }
  }
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
