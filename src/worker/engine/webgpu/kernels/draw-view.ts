/**
 * Images as views show them: the warp of `model/views.ts`, a workgroup for a run of one row's pixels. Its first
 * threads draw the row's random words into workgroup memory, then each thread makes every 64th pixel of the run.
 *
 * WGSL promises little of sin and cos, so they are polynomials here (Taylor's, off by less than 2e-7 up to 1.4
 * radians, the largest angle that there is). What decides whether something is drawn is whole numbers.
 *
 * Bindings: control, tables, packed images (read); the targets (read_write).
 */

import { STROKE, VIEW_GRID, VIEW_WORDS } from '../../../model/views.js';
import type { WarpView } from '../../../../recipe/recipe.js';
import type { DrawPart } from '../../plan/operations.js';
import { float, pick, quotient } from './shader-text.js';
import { TABLES, TRAIN_IMAGES, type ShaderBuilder } from './shader.js';

export const VIEW_THREADS = 64;
/** Pixels that a workgroup makes at most. */
const MOST_PIXELS = 256;
/** Philox blocks of a row's words. */
const BLOCKS = VIEW_WORDS / 4;

export type ViewPart = Extract<DrawPart, { kind: 'images' }> & {
  readonly view: { readonly view: WarpView; readonly stream: number };
};

export function isViewPart(part: DrawPart): part is ViewPart {
  return part.kind === 'images' && part.view !== null;
}

export interface ViewPool {
  /** First element of a part's pool in the tables, and its length. */
  readonly offset: number;
  readonly length: number;
}

export interface ViewTexts {
  /** Declares `view_part(group, thread, step, key)`: all threads of a workgroup call it, `group` below `groups`. */
  readonly functions: string;
  readonly groups: number;
}

/** Words, of which the top 24 bits are a uniform, below this many are below a probability. */
function thresholdOf(probability: number): number {
  return Math.min(2 ** 24, Math.ceil(probability * 2 ** 24));
}

function viewLiteral({ view }: ViewPart['view']): string {
  const { rotation, scale, shear, aspect, shift, displacement, brightness, contrast } = view;
  const reals = [rotation, scale, shear, aspect, shift, displacement, brightness, contrast].map(float);
  const stroke = view.stroke === null ? 0 : thresholdOf(view.stroke.probability);
  const isEdge = view.outside === 'edge';
  return `View(${reals.join(', ')}, ${view.cutOut}u, ${stroke}u, ${isEdge})`;
}

/** A text in which `VIEW` stands for the part's number, as statements that choose among the parts' own. */
function chosen(name: string, type: string, values: readonly string[]): string {
  const others = values.slice(1).map((value, at) => `  if (part == ${at + 1}u) { ${name} = ${value}; }`);
  return [`var ${name}: ${type} = ${values[0]!};`, ...others].join('\n');
}

const between = ([low, high]: readonly [number, number], word: number): string =>
  `(${float(low)} + ${float(high - low)} * uniform_at(${word}u))`;

/** `RANDOM_FUNCTIONS` declared before; `poolOf` says where a part's indices lie, `storeOf` how its pixels are stored. */
export function viewTexts(
  builder: ShaderBuilder,
  parts: readonly ViewPart[],
  poolOf: (part: ViewPart) => ViewPool,
  storeOf: (part: ViewPart) => (index: string, value: string) => string,
): ViewTexts {
  if (parts.length === 0) return { functions: '', groups: 0 };
  const { memory } = builder;
  const [height, width, channels] = memory.tensor(parts[0]!.target).tensor.shape.slice(-3) as [
    number,
    number,
    number,
  ];
  const area = height * width;
  const size = area * channels;
  const runs = Math.ceil(area / MOST_PIXELS);
  const pixels = Math.ceil(area / runs);
  const images = builder.read(TRAIN_IMAGES, 'u32');
  const tables = builder.read(TABLES, 'u32');
  const bytes = memory.table('bytes').offset;
  const pools = parts.map(poolOf);
  const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, { rows }) => sum + rows, 0));
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const last = VIEW_GRID - 1;
  const least = Math.min(height, width);
  // A part may have a target buffer of its own, so that each stores by a statement of its own.
  const stores = parts.map((part, index) => {
    const { offset } = memory.tensor(part.target);
    const at = `${offset + part.targetRow * size}u + row * ${size}u + element`;
    return `if (part == ${index}u) { ${storeOf(part)(at, 'value')} }`;
  });
  const ofParts = (value: (part: ViewPart, index: number) => number): string =>
    pick(parts.map(value), 'part');
  const functions = `
struct View {
  rotation: f32, scale: f32, shear: f32, aspect: f32, shift: f32, displacement: f32, brightness: f32, contrast: f32,
  cut_out: u32, stroke: u32, is_edge: bool,
}
var<workgroup> view_words: array<u32, ${VIEW_WORDS}>;
var<workgroup> image_word: u32;
fn uniform_at(word: u32) -> f32 { return word_to_uniform(view_words[word]); }
fn signed_at(word: u32) -> f32 { return 2f * uniform_at(word) - 1f; }
fn sine(x: f32) -> f32 {
  let s = x * x;
  return x * (1f - s * (${float(1 / 6)} - s * (${float(1 / 120)} - s * (${float(1 / 5040)} - s * (${float(1 / 362_880)} - s * ${float(1 / 39_916_800)})))));
}
fn cosine(x: f32) -> f32 {
  let s = x * x;
  return 1f - s * (0.5f - s * (${float(1 / 24)} - s * (${float(1 / 720)} - s * (${float(1 / 40_320)} - s * (${float(1 / 3_628_800)} - s * ${float(1 / 479_001_600)})))));
}
fn knot_at(down: u32, across: u32) -> vec2f {
  let word = 16u + 2u * (down * ${VIEW_GRID}u + across);
  return vec2f(word_to_normal(view_words[word]), word_to_normal(view_words[word + 1u]));
}
fn displacement_at(x: u32, y: u32) -> vec2f {
  let grid = vec2f(f32(x), f32(y)) * ${last}f / vec2f(${float(Math.max(1, width - 1))}, ${float(Math.max(1, height - 1))});
  let corner = min(vec2u(grid), vec2u(${last - 1}u));
  let along = grid - vec2f(corner);
  let upper = mix(knot_at(corner.y, corner.x), knot_at(corner.y, corner.x + 1u), along.x);
  let lower = mix(knot_at(corner.y + 1u, corner.x), knot_at(corner.y + 1u, corner.x + 1u), along.x);
  return mix(upper, lower, along.y);
}
fn pixel_at(first_byte: u32, column: i32, line: i32, is_edge: bool) -> f32 {
  let own_column = u32(clamp(column, 0, ${width - 1}));
  let own_line = u32(clamp(line, 0, ${height - 1}));
  let byte = first_byte + (own_line * ${width}u + own_column) * ${channels}u;
  let shade = (${images}[byte >> 2u] >> ((byte & 3u) * 8u)) & 255u;
  let is_shown = is_edge | ((i32(own_column) == column) & (i32(own_line) == line));
  return select(-1f, bitcast<f32>(${tables}[${bytes}u + shade]), is_shown);
}
fn view_part(group: u32, thread: u32, step: u32, key: vec2u) {
  let number = group / ${runs}u;
  let first_pixel = (group - number * ${runs}u) * ${pixels}u;
  let part = 0u${starts
    .slice(1)
    .map((start) => ` + select(0u, 1u, number >= ${start}u)`)
    .join('')};
  let row = number - ${pick(starts, 'part')};
  ${chosen(
    'view',
    'View',
    parts.map(({ view }) => viewLiteral(view)),
  )}
  let is_index = thread == ${BLOCKS}u;
  let block = select(row * ${BLOCKS}u + thread, row >> 2u, is_index);
  let stream = select(${ofParts(({ view }) => view.stream)}, ${ofParts(({ stream }) => stream)}, is_index);
  if (thread <= ${BLOCKS}u) {
    let words = philox(vec4u(block, step, stream, 0u), key);
    if (is_index) {
      image_word = words[row & 3u];
    } else {
      for (var i = 0u; i < 4u; i++) { view_words[thread * 4u + i] = words[i]; }
    }
  }
  workgroupBarrier();
  let image = ${tables}[${ofParts((_, index) => pools[index]!.offset)} + word_to_index(image_word, ${ofParts((_, index) => pools[index]!.length)})];
  let angle = view.rotation * signed_at(0u);
  let scale = 1f + view.scale * signed_at(1u);
  let shear = view.shear * signed_at(2u);
  let aspect = 1f + view.aspect * signed_at(3u);
  let shift = view.shift * vec2f(signed_at(4u), signed_at(5u));
  let stretch = vec2f(scale * aspect, scale / aspect);
  let turn = vec2f(cosine(angle), sine(angle));
  let centre = vec2f(${float((width - 1) / 2)}, ${float((height - 1) / 2)});
  let cut_left = word_to_index(view_words[8], ${width + 1}u - view.cut_out);
  let cut_top = word_to_index(view_words[9], ${height + 1}u - view.cut_out);
  let filling = select(-1f, 0f, view.is_edge);
  let has_stroke = (view_words[10] >> 8u) < view.stroke;
  let stroke_centre = vec2f(${between(STROKE.centre, 11)} * ${float(width)}, ${between(STROKE.centre, 12)} * ${float(height)});
  let stroke_angle = ${float(STROKE.angle)} * word_to_normal(view_words[13]);
  let direction = vec2f(cosine(stroke_angle), sine(stroke_angle));
  let half_length = ${between(STROKE.halfLength, 14)} * ${float(least)};
  let half_width = ${between(STROKE.halfWidth, 15)} * ${float(least)};
  let brightness = view.brightness * signed_at(6u);
  let contrast = 1f + view.contrast * signed_at(7u);
  let changes_tone = (view.brightness != 0f) | (view.contrast != 0f);
  let end = min(first_pixel + ${pixels}u, ${area}u);
  for (var pixel = first_pixel + thread; pixel < end; pixel += ${VIEW_THREADS}u) {
    let y = ${quotient('pixel', width, area)};
    let x = pixel - y * ${width}u;
    let spot = (vec2f(f32(x), f32(y)) - centre) * stretch;
    let sheared = spot.x + shear * spot.y;
    var point = vec2f(turn.x * sheared - turn.y * spot.y, turn.y * sheared + turn.x * spot.y) + centre + shift;
    if (view.displacement != 0f) { point += view.displacement * displacement_at(x, y); }
    let corner = floor(point);
    let along = point - corner;
    let left = i32(corner.x);
    let top = i32(corner.y);
    let is_cut = (x - cut_left < view.cut_out) & (x >= cut_left) & (y - cut_top < view.cut_out) & (y >= cut_top);
    var ink = -1f;
    if (has_stroke) {
      let offset = vec2f(f32(x), f32(y)) - stroke_centre;
      let reach = clamp(dot(offset, direction), -half_length, half_length);
      ink = 2f * clamp(half_width + 0.5f - length(offset - reach * direction), 0f, 1f) - 1f;
    }
    for (var channel = 0u; channel < ${channels}u; channel++) {
      let byte = image * ${size}u + channel;
      let upper = (1f - along.x) * pixel_at(byte, left, top, view.is_edge) + along.x * pixel_at(byte, left + 1, top, view.is_edge);
      let lower = (1f - along.x) * pixel_at(byte, left, top + 1, view.is_edge) + along.x * pixel_at(byte, left + 1, top + 1, view.is_edge);
      let sampled = select((1f - along.y) * upper + along.y * lower, filling, is_cut);
      var value = max(sampled, ink);
      if (changes_tone) { value = clamp(value * contrast + brightness, -1f, 1f); }
      let element = pixel * ${channels}u + channel;
      ${stores.join('\n      ')}
    }
  }
}
`;
  return { functions, groups: rows * runs };
}
