/**
 * The `draw` operation: one dispatch that gathers images and labels and draws latents and dropout bits, all by the
 * step counter in the control buffer. A workgroup belongs to one part of the operation. All parts but the masks
 * call Philox at one place in the text: it is by far the longest here, and a compiler would copy it to each.
 *
 * Bindings: control, tables (index pools and normalised bytes), packed images and labels (read); the
 * targets (read_write).
 */

import { sizeOf } from '../../../../recipe/layers.js';
import type { DrawOp, DrawPart } from '../../plan/operations.js';
import { RANDOM_FUNCTIONS } from './random.js';
import { pick, quotient } from './shader-text.js';
import {
  CONTROL,
  CONTROL_WORDS,
  ShaderBuilder,
  TABLES,
  TEST_IMAGES,
  TEST_LABELS,
  TRAIN_IMAGES,
  TRAIN_LABELS,
  type Memory,
  type Shader,
} from './shader.js';

const THREADS = 64;

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

/** An expression of the image that a row shows; `testCount` is the number of test images. */
function indexText(
  builder: ShaderBuilder,
  { source }: Part<'images'> | Part<'labels'>,
  testCount: number,
  row: string,
): string {
  const control = builder.read(CONTROL, 'u32');
  if (source === 'test') return `min(${control}[${CONTROL_WORDS.firstImage}] + ${row}, ${testCount - 1}u)`;
  const pool = builder.memory.table(source);
  const tables = builder.read(TABLES, 'u32');
  return `${tables}[${pool.offset}u + word_to_index(words[${row} & 3u], ${pool.length}u)]`;
}

function imagesText(builder: ShaderBuilder, part: Part<'images'>, testCount: number): PartText {
  const { memory } = builder;
  const size = imageSize(memory, part);
  const perItem = size % 4 === 0 ? 4 : 1;
  const images = builder.read(part.source === 'test' ? TEST_IMAGES : TRAIN_IMAGES, 'u32');
  const tables = builder.read(TABLES, 'u32');
  const bytes = memory.table('bytes').offset;
  const { buffer, offset } = memory.tensor(part.target);
  const target = builder.write(buffer, 'f32');
  const items = (part.rows * size) / perItem;
  const first = offset + part.targetRow * size;
  const value = (shift: string): string => `bitcast<f32>(${tables}[${bytes}u + ((word >> ${shift}) & 255u)])`;
  const store =
    perItem === 4
      ? [0, 1, 2, 3]
          .map((i) => `${target}[${first}u + item * 4u + ${i}u] = ${value(`${i * 8}u`)};`)
          .join('\n  ')
      : `${target}[${first}u + item] = ${value('((byte & 3u) * 8u)')};`;
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
  let index = ${indexText(builder, part, testCount, 'item')};
  ${target}[${offset + part.targetRow}u + item] = (${labels}[index >> 2u] >> ((index & 3u) * 8u)) & 255u;`,
  };
}

/** A Philox block, which is four latents, a thread. */
function latentsText(builder: ShaderBuilder, part: Part<'latents'>): PartText {
  const { buffer, offset, tensor } = builder.memory.tensor(part.target);
  const target = builder.write(buffer, 'f32');
  const first = offset + part.targetRow * sizeOf(tensor.shape.slice(1));
  return {
    items: Math.ceil(part.count / 4),
    block: 'item',
    stream: part.stream,
    body: `for (var i = 0u; i < 4u; i++) {
    let element = item * 4u + i;
    if (element < ${part.count}u) { ${target}[${first}u + element] = 2f * word_to_uniform(words[i]) - 1f; }
  }`,
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

/** `testCount` is the number of test images, which an evaluation's rows are clamped to. */
export function drawShader(operation: DrawOp, memory: Memory, testCount: number): Shader {
  const builder = new ShaderBuilder(memory);
  const control = builder.read(CONTROL, 'u32');
  const masks = operation.parts.filter((part) => part.kind === 'mask');
  const single = operation.parts.filter((part) => part.kind !== 'mask');
  const texts = single.map((part) =>
    part.kind === 'images'
      ? imagesText(builder, part, testCount)
      : part.kind === 'labels'
        ? labelsText(builder, part, testCount)
        : latentsText(builder, part),
  );
  let groups = 0;
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
  const isDrawn = single.some((part) => part.kind === 'latents' || part.source !== 'test');
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
  const text = `${RANDOM_FUNCTIONS}
${texts.map(({ body }, index) => `fn part_${index}(item: u32, words: vec4u) {\n  ${body}\n}`).join('\n')}
${masks.length === 0 ? '' : `fn mask_part(part: u32, item: u32, step: u32, key: vec2u) {\n  ${maskText(builder, masks)}\n}`}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let step = ${control}[${CONTROL_WORDS.step}];
  let key = vec2u(${control}[${CONTROL_WORDS.keyLow}], ${control}[${CONTROL_WORDS.keyHigh}]);
  ${maskCall}
  var part = 0u;
  var item = 0u;
  var block = 0u;
  var stream = 0u;
  ${choices.join('\n  ')}
  let words = ${isDrawn ? 'philox(vec4u(block, step, stream, 0u), key)' : 'vec4u(0)'};
  ${texts.map((_, index) => `if (part == ${index}u) { part_${index}(item, words); }`).join('\n  ')}
}`;
  return builder.finish(`draw ${operation.name}`, text, [groups, 1, 1]);
}
