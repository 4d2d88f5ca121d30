/**
 * The `draw` operation: gathers images and labels and draws latents, noise and dropout bits, all by the step counter in
 * the control buffer; also leaves there which row of the window has the step's scalars. One dispatch, or as many as
 * the targets' buffers need. A workgroup belongs to one part of the operation. All parts but masks and views
 * (`draw-view.ts`) call Philox at one place in the text: it is by far the longest here, and a compiler would copy it
 * to each.
 *
 * Bindings: tables (index pools and normalised bytes), packed images and labels, parameters (read); control and the
 * targets (read_write).
 */

import { sizeOf } from '../../../../recipe/layers.js';
import type { DrawOp, DrawPart } from '../../plan/operations.js';
import { isViewPart, viewTexts, VIEW_THREADS, type ViewPool } from './draw-view.js';
import { RANDOM_FUNCTIONS } from './random.js';
import { pick, quotient } from './shader-text.js';
import {
  CONTROL,
  CONTROL_WORDS,
  PARAMETERS,
  ShaderBuilder,
  TABLES,
  TEST_IMAGES,
  TEST_LABELS,
  TRAIN_IMAGES,
  TRAIN_LABELS,
  WINDOW_STEPS,
  type BufferKey,
  type ElementType,
  type Memory,
  type Shader,
} from './shader.js';

const THREADS = VIEW_THREADS;

/** Buffers that a dispatch may bind, by WebGPU's defaults. */
const MOST_BUFFERS = 8;

type Part<K extends DrawPart['kind']> = Extract<DrawPart, { kind: K }>;

/** The text of one part. */
interface PartText {
  /** Body of `fn part(item: u32, words: vec4u)`. */
  readonly body: string;
  /** Threads that it takes. */
  readonly items: number;
  /** Expression of the number of the Philox block of `stream` that gives an item's `words`. */
  readonly block: string;
  readonly stream: number;
}

function imageSize(memory: Memory, part: Part<'images'>): number {
  return sizeOf(memory.tensor(part.target).tensor.shape.slice(1));
}

/** Where the indices of a source's images lie among the tables, and how many. Landmarks are the first of all that are pooled. */
function poolOf(memory: Memory, { source, bound }: Pick<Part<'images'>, 'source' | 'bound'>): ViewPool {
  if (source === 'test') throw new Error('Test images are not drawn from a pool.');
  if (source !== 'landmarks') return memory.table(source);
  const { offset, length } = memory.table('pooled');
  return { offset, length: Math.min(bound, length) };
}

/** An expression of the image that a row shows; `testCount` is the number of test images. */
function indexText(
  builder: ShaderBuilder,
  { source, bound }: Pick<Part<'images'>, 'source' | 'bound'>,
  testCount: number,
  row: string,
): string {
  if (source === 'test') {
    const control = builder.read(CONTROL, 'u32');
    return `min(${control}[${CONTROL_WORDS.firstImage}] + ${row}, ${testCount - 1}u)`;
  }
  const pool = poolOf(builder.memory, { source, bound });
  const tables = builder.read(TABLES, 'u32');
  return `${tables}[${pool.offset}u + word_to_index(words[${row} & 3u], ${pool.length}u)]`;
}

/** Expression of a float as it is stored in an array of a type. */
const STORED_FLOATS: Readonly<Partial<Record<ElementType, (value: string) => string>>> = {
  u32: (value) => `bitcast<u32>(${value})`,
  f16: (value) => `f16(${value})`,
};

/**
 * Assignments of floats to a part's target, by index: its buffer is bound as words where draws of both types lie in it.
 */
function storeFloat(
  builder: ShaderBuilder,
  { target }: DrawPart,
  types: ReadonlyMap<BufferKey, ElementType>,
): (index: string, value: string) => string {
  const { buffer } = builder.memory.tensor(target);
  const type = types.get(buffer)!;
  const name = builder.write(buffer, type);
  return (index, value) => `${name}[${index}] = ${STORED_FLOATS[type]?.(value) ?? value};`;
}

/** How each target's buffer is bound. */
function targetTypes(parts: readonly DrawPart[], memory: Memory): ReadonlyMap<BufferKey, ElementType> {
  const types = new Map<BufferKey, ElementType>();
  for (const { target } of parts) {
    const { buffer, tensor } = memory.tensor(target);
    if (types.get(buffer) !== 'u32') types.set(buffer, tensor.type);
  }
  return types;
}

function imagesText(
  builder: ShaderBuilder,
  part: Part<'images'>,
  types: ReadonlyMap<BufferKey, ElementType>,
  testCount: number,
): PartText {
  const { memory } = builder;
  const size = imageSize(memory, part);
  const perItem = size % 4 === 0 ? 4 : 1;
  const images = builder.read(part.source === 'test' ? TEST_IMAGES : TRAIN_IMAGES, 'u32');
  const tables = builder.read(TABLES, 'u32');
  const bytes = memory.table('bytes').offset;
  const { offset } = memory.tensor(part.target);
  const stored = storeFloat(builder, part, types);
  const items = (part.rows * size) / perItem;
  const first = offset + part.targetRow * size;
  const value = (shift: string): string => `bitcast<f32>(${tables}[${bytes}u + ((word >> ${shift}) & 255u)])`;
  const store =
    perItem === 4
      ? [0, 1, 2, 3].map((i) => stored(`${first}u + item * 4u + ${i}u`, value(`${i * 8}u`))).join('\n  ')
      : stored(`${first}u + item`, value('((byte & 3u) * 8u)'));
  return {
    items,
    block: quotient('item', (size / perItem) * 4, items + THREADS),
    stream: part.stream,
    body: `if (item >= ${items}u) { return; }
  let row = ${quotient('item', size / perItem, items)};
  let index = ${indexText(builder, part, testCount, 'row')};
  let byte = index * ${size}u + (item - row * ${size / perItem}u) * ${perItem}u;
  let word = ${images}[byte >> 2u];
  ${store}`,
  };
}

function labelsText(builder: ShaderBuilder, part: Part<'labels'>, testCount: number): PartText {
  const labels = builder.read(part.source === 'test' ? TEST_LABELS : TRAIN_LABELS, 'u32');
  const { buffer, offset } = builder.memory.tensor(part.target);
  const target = builder.write(buffer, 'u32');
  return {
    items: part.rows,
    block: 'item >> 2u',
    stream: part.stream,
    body: `if (item >= ${part.rows}u) { return; }
  let index = ${indexText(builder, { ...part, bound: 0 }, testCount, 'item')};
  ${target}[${offset + part.targetRow}u + item] = (${labels}[index >> 2u] >> ((index & 3u) * 8u)) & 255u;`,
  };
}

/** A Philox block, which is four latents or four normal values, a thread; `value` is of an element and its word. */
function floatsText(
  builder: ShaderBuilder,
  part: Part<'latents'> | Part<'noise'>,
  types: ReadonlyMap<BufferKey, ElementType>,
  count: number,
  value: string,
): PartText {
  const { offset, tensor } = builder.memory.tensor(part.target);
  const first = offset + part.targetRow * sizeOf(tensor.shape.slice(1));
  return {
    items: Math.ceil(count / 4),
    block: 'item',
    stream: part.stream,
    body: `for (var i = 0u; i < 4u; i++) {
    let element = item * 4u + i;
    if (element < ${count}u) { ${storeFloat(builder, part, types)(`${first}u + element`, value)} }
  }`,
  };
}

/** An element of a latent by its place and word: uniform, or of the code of its row's class. */
function latentText({ rows, size, classes }: Part<'latents'>): string {
  const drawn = '2f * word_to_uniform(words[i]) - 1f';
  if (classes === 0) return drawn;
  const row = quotient('element', size, rows * size);
  const [column, ownClass] = [`element % ${size}u`, `(${row}) % ${classes}u`];
  return `select(${drawn}, f32(${column} == ${ownClass}), ${column} < ${classes}u)`;
}

/** The class of a row a thread. */
function classesText(
  builder: ShaderBuilder,
  { rows, classes, target, targetRow }: Part<'classes'>,
): PartText {
  const { buffer, offset } = builder.memory.tensor(target);
  return {
    items: rows,
    block: '0u',
    stream: 0,
    body: `if (item >= ${rows}u) { return; }
  ${builder.write(buffer, 'u32')}[${offset + targetRow}u + item] = item % ${classes}u;`,
  };
}

/** An element of a landmark's row of the target store a thread. */
function targetsText(
  builder: ShaderBuilder,
  part: Part<'targets'>,
  types: ReadonlyMap<BufferKey, ElementType>,
): PartText {
  const { memory } = builder;
  const { rows, classes, store, bound, target, targetRow } = part;
  const parameters = builder.read(PARAMETERS, 'f32');
  const first = memory.parameter(store).offset;
  const { length } = poolOf(memory, { source: 'landmarks', bound });
  const items = rows * classes;
  const start = memory.tensor(target).offset + targetRow * classes;
  const landmark = `word_to_index(words[row & 3u], ${length}u)`;
  return {
    items,
    block: quotient('item', classes * 4, items + THREADS),
    stream: part.stream,
    body: `if (item >= ${items}u) { return; }
  let row = ${quotient('item', classes, items)};
  let value = ${parameters}[${first}u + ${landmark} * ${classes}u + item - row * ${classes}u];
  ${storeFloat(builder, part, types)(`${start}u + item`, 'value')}`,
  };
}

/** One word of 32 keep bits a thread, of the part that the workgroup belongs to. */
function maskText(builder: ShaderBuilder, parts: readonly Part<'mask'>[]): string {
  const { buffer } = builder.memory.tensor(parts[0]!.target);
  const target = builder.write(buffer, 'u32');
  const firsts = parts.map((part) => builder.memory.tensor(part.target).offset + part.offset);
  return `let count = ${pick(
    parts.map(({ count }) => count),
    'part',
  )};
  let threshold = ${pick(
    parts.map(({ threshold }) => threshold),
    'part',
  )};
  if (item * 32u >= count) { return; }
  let stream = ${pick(
    parts.map(({ stream }) => stream),
    'part',
  )};
  var bits = 0u;
  for (var block = 0u; block < 4u; block++) {
    let words = philox(vec4u(item * 4u + block, step, stream, 0u), key);
    for (var i = 0u; i < 8u; i++) {
      let half = (words[i >> 1u] >> ((i & 1u) * 16u)) & 0xffffu;
      let bit = block * 8u + i;
      let is_kept = (half >= threshold) & (item * 32u + bit < count);
      bits |= select(0u, 1u << bit, is_kept);
    }
  }
  ${target}[${pick(firsts, 'part')} + item] = bits;`;
}

type SinglePart = Exclude<DrawPart, { readonly kind: 'mask' }>;

function partText(
  builder: ShaderBuilder,
  part: SinglePart,
  types: ReadonlyMap<BufferKey, ElementType>,
  testCount: number,
): PartText {
  switch (part.kind) {
    case 'images':
      return imagesText(builder, part, types, testCount);
    case 'labels':
      return labelsText(builder, part, testCount);
    case 'targets':
      return targetsText(builder, part, types);
    case 'classes':
      return classesText(builder, part);
    case 'latents':
      return floatsText(builder, part, types, part.rows * part.size, latentText(part));
    case 'noise':
      return floatsText(builder, part, types, part.count, 'word_to_normal(words[i])');
    default:
      return part satisfies never;
  }
}

function isTest(part: DrawPart): boolean {
  return 'source' in part && part.source === 'test';
}

/** The buffers that a part binds. */
function buffersOf(part: DrawPart, memory: Memory): readonly BufferKey[] {
  const { buffer } = memory.tensor(part.target);
  switch (part.kind) {
    case 'images':
      return [CONTROL, TABLES, isTest(part) ? TEST_IMAGES : TRAIN_IMAGES, buffer];
    case 'labels':
      return [CONTROL, TABLES, isTest(part) ? TEST_LABELS : TRAIN_LABELS, buffer];
    case 'targets':
      return [CONTROL, PARAMETERS, buffer];
    case 'classes':
    case 'noise':
    case 'latents':
    case 'mask':
      return [CONTROL, buffer];
    default:
      return part satisfies never;
  }
}

/** The parts by dispatch: all in one, unless they bind too many buffers. */
function dispatchesOf(parts: readonly DrawPart[], memory: Memory): readonly (readonly DrawPart[])[] {
  const dispatches: DrawPart[][] = [];
  let bound = new Set<BufferKey>();
  // Those of one target next to each other: it is then bound once.
  const sorted = [...parts].sort((a, b) =>
    memory.tensor(a.target).buffer < memory.tensor(b.target).buffer
      ? -1
      : Number(memory.tensor(a.target).buffer > memory.tensor(b.target).buffer),
  );
  const all = new Set(parts.flatMap((part) => buffersOf(part, memory)));
  if (all.size <= MOST_BUFFERS) return [parts];
  for (const part of sorted) {
    const joined = new Set([...bound, ...buffersOf(part, memory)]);
    const fits = dispatches.length > 0 && joined.size <= MOST_BUFFERS;
    if (fits) dispatches.at(-1)!.push(part);
    else dispatches.push([part]);
    bound = fits ? joined : new Set(buffersOf(part, memory));
  }
  return dispatches;
}

/**
 * The shaders of the operation's dispatches. `testCount` is the number of test images, which an evaluation's rows are
 * clamped to.
 */
export function drawShaders(operation: DrawOp, memory: Memory, testCount: number): readonly Shader[] {
  const types = targetTypes(operation.parts, memory);
  return dispatchesOf(operation.parts, memory).map((parts, index) =>
    drawShader(operation.name, parts, { memory, types, testCount, isFirst: index === 0 }),
  );
}

interface DrawContext {
  readonly memory: Memory;
  readonly types: ReadonlyMap<BufferKey, ElementType>;
  readonly testCount: number;
  readonly isFirst: boolean;
}

function drawShader(
  name: string,
  parts: readonly DrawPart[],
  { memory, types, testCount, isFirst }: DrawContext,
): Shader {
  const builder = new ShaderBuilder(memory);
  const leavesRow = isFirst && !parts.some(isTest);
  const control = leavesRow ? builder.write(CONTROL, 'u32') : builder.read(CONTROL, 'u32');
  const masks = parts.filter((part) => part.kind === 'mask');
  const views = parts.filter(isViewPart);
  const single = parts.filter((part) => part.kind !== 'mask' && !isViewPart(part)) as readonly SinglePart[];
  const texts = single.map((part) => partText(builder, part, types, testCount));
  const view = viewTexts(
    builder,
    views,
    (part) => poolOf(memory, part),
    (part) => storeFloat(builder, part, types),
  );
  let groups = view.groups;
  const choices = texts.map(({ items, block, stream }, index) => {
    const first = groups;
    groups += Math.ceil(items / THREADS);
    return `if ((group.x >= ${first}u) & (group.x < ${groups}u)) {
    part = ${index}u;
    item = (group.x - ${first}u) * ${THREADS}u + thread;
    block = ${block};
    stream = ${stream}u;
  }`;
  });
  const isDrawn = single.some((part) => !isTest(part) && part.kind !== 'classes');
  const first = groups;
  const ends = masks.map(({ count }) => (groups += Math.ceil(Math.ceil(count / 32) / THREADS)));
  const starts = [first, ...ends.slice(0, -1)];
  const maskCall =
    masks.length === 0
      ? ''
      : `if (group.x >= ${first}u) {
    let mask = 0u${starts
      .slice(1)
      .map((start) => ` + select(0u, 1u, group.x >= ${start}u)`)
      .join('')};
    mask_part(mask, (group.x - ${pick(starts, 'mask')}) * ${THREADS}u + thread, step, key);
    return;
  }`;
  const viewCall =
    views.length === 0
      ? ''
      : `if (group.x < ${view.groups}u) {
    view_part(group.x, thread, step, key);
    return;
  }`;
  const rowText = leavesRow
    ? `if ((group.x == 0u) & (thread == 0u)) {
    ${control}[${CONTROL_WORDS.scalarRow}] = min(step - ${control}[${CONTROL_WORDS.windowStart}], ${WINDOW_STEPS - 1}u);
  }`
    : '';
  const text = `${RANDOM_FUNCTIONS}${view.functions}
${texts.map(({ body }, index) => `fn part_${index}(item: u32, words: vec4u) {\n  ${body}\n}`).join('\n')}
${masks.length === 0 ? '' : `fn mask_part(part: u32, item: u32, step: u32, key: vec2u) {\n  ${maskText(builder, masks)}\n}`}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let step = ${control}[${CONTROL_WORDS.step}];
  let key = vec2u(${control}[${CONTROL_WORDS.keyLow}], ${control}[${CONTROL_WORDS.keyHigh}]);
  ${rowText}
  ${viewCall}
  ${maskCall}
  var part = 0u;
  var item = 0u;
  var block = 0u;
  var stream = 0u;
  ${choices.join('\n  ')}
  let words = ${isDrawn ? 'philox(vec4u(block, step, stream, 0u), key)' : 'vec4u(0)'};
  ${texts.map((_, index) => `if (part == ${index}u) { part_${index}(item, words); }`).join('\n  ')}
}`;
  return builder.finish(`draw ${name}`, text, [groups, 1, 1]);
}
