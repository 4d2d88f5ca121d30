/**
 * One direction of a linear layer of one or two taps a phase, with fewer multiply-adds than it has joined positions: a
 * Toom-Cook (Winograd) transform. The outputs of a phase of two taps are a product of two polynomials, one of positions
 * and one of taps, so what both are at a few points determines them: a block of three positions takes the points 0, 1,
 * -1 and infinity, so four multiplications instead of six; one of two takes three instead of four. Where four positions
 * have three outputs of two taps, all of both inside, the outputs are the tile: four multiplications again instead of six
 * (Winograd's F(3, 2)). Three transforms make a layer: small positions to points, taps to what multiplies these, products
 * to large positions. As for every bilinear algorithm the same matrices, transposed, serve the other direction.
 */

import type { Phase } from '../../../plan/geometry.js';

/** A linear combination of what lies at places: one to three terms. */
export type Combination = readonly { readonly at: number; readonly factor: number }[];
/** A matrix, row by row: each result as a combination of what it is made of. */
export type Transform = readonly Combination[];

/** Points whose products have the same kernels, one for each phase that has use for the points. */
interface PointGroup {
  /** The first of the points, and how many. */
  readonly first: number;
  readonly rows: number;
  readonly kernels: readonly number[];
  /** Products of the first point, by kernel; those of the next point follow. */
  readonly product: number;
}

/** Products are those of a point and of a kernel. */
export interface ToomAxis {
  /** Small positions to points. */
  readonly small: Transform;
  /** Taps to the kernels that points are multiplied by. */
  readonly kernel: Transform;
  readonly groups: readonly PointGroup[];
  readonly products: number;
  /** Products to large positions. */
  readonly large: Transform;
}

interface Block {
  readonly start: number;
  readonly size: number;
}

type KindName = 'first' | 'last' | 'again' | 'middle' | 'plus' | 'minus' | 'before' | 'behind';
/** Products by kind, and how much of each. */
type Terms = readonly (readonly [KindName, number])[];

/** Points of one kind, in all blocks that have it, and what multiplies them in a phase of one tap and in one of two. */
interface Kind {
  readonly name: KindName;
  readonly blocks: readonly Block[];
  readonly point: (block: Block) => Combination;
  readonly ofOne?: (tap: number) => Combination;
  readonly ofTwo?: (tap: number, next: number) => Combination;
}

/** Small positions of a block that is computed together, at most. */
const BLOCK = 3;

function blocksOf(size: number): readonly Block[] {
  const count = Math.ceil(size / BLOCK);
  return Array.from({ length: count }, (_, i) => ({
    start: i * BLOCK,
    size: Math.min(BLOCK, size - i * BLOCK),
  }));
}

/** Positions of a tile of outputs. */
const TILE = 4;

/** Whether the outputs of two taps are a tile: three, of all neighbours among four positions. */
function isTile(positions: number, two: readonly Phase[]): boolean {
  return positions === TILE && two.every(({ firstSmall, count }) => firstSmall === 1 && count === TILE - 1);
}

const one = (at: number): Combination => [{ at, factor: 1 }];
const combinationOf = (first: number, factors: readonly number[]): Combination =>
  factors.map((factor, index) => ({ at: first + index, factor }));

const half =
  (sign: number) =>
  (tap: number, next: number): Combination => [
    { at: tap, factor: 0.5 },
    { at: next, factor: 0.5 * sign },
  ];
const ofNext = (_: number, next: number): Combination => one(next);

/** Points of a tile of outputs; those between serve phases of one tap as well. */
function kindsOfTile(): readonly Kind[] {
  const blocks = [{ start: 0, size: TILE }];
  const difference = (at: number, less: number): Combination => [
    { at, factor: 1 },
    { at: less, factor: -1 },
  ];
  return [
    { name: 'first', blocks, point: () => one(0), ofOne: one },
    { name: 'last', blocks, point: () => one(3), ofOne: one },
    { name: 'before', blocks, point: () => difference(0, 2), ofTwo: ofNext },
    { name: 'behind', blocks, point: () => difference(3, 1), ofTwo: one },
    { name: 'plus', blocks, point: () => combinationOf(1, [1, 1]), ofOne: one, ofTwo: half(1) },
    { name: 'minus', blocks, point: () => combinationOf(1, [1, -1]), ofOne: one, ofTwo: half(-1) },
  ];
}

/** Of which products the output `i` positions after a tile's first is made. */
function termsOfTile(taps: number, i: number): Terms {
  if (taps === 1) {
    if (i === 0) return [['first', 1]];
    if (i === TILE - 1) return [['last', 1]];
    return [
      ['plus', 0.5],
      ['minus', i === 1 ? 0.5 : -0.5],
    ];
  }
  if (i === 2)
    return [
      ['plus', 1],
      ['minus', -1],
    ];
  return [
    ['plus', 1],
    ['minus', 1],
    [i === 1 ? 'before' : 'behind', 1],
  ];
}

function kindsOf(blocks: readonly Block[], hasEnd: boolean): readonly Kind[] {
  const longer = blocks.filter(({ size }) => size > 1);
  const whole = blocks.filter(({ size }) => size === BLOCK);
  const single = blocks.filter(({ size }) => size === 1);
  return [
    { name: 'first', blocks, point: ({ start }) => one(start), ofOne: one, ofTwo: one },
    {
      name: 'last',
      blocks: longer,
      point: ({ start, size }) => one(start + size - 1),
      ofOne: one,
      ofTwo: ofNext,
    },
    { name: 'again', blocks: hasEnd ? single : [], point: ({ start }) => one(start), ofTwo: ofNext },
    { name: 'middle', blocks: whole, point: ({ start }) => one(start + 1), ofOne: one },
    {
      name: 'plus',
      blocks: longer,
      // With half of what the taps are at 1, so that this holds for blocks of both sizes.
      point: ({ start, size }) => combinationOf(start, size === BLOCK ? [1, 1, 1] : [2, 2]),
      ofTwo: half(1),
    },
    { name: 'minus', blocks: whole, point: ({ start }) => combinationOf(start, [1, -1, 1]), ofTwo: half(-1) },
  ];
}

/** Of which products of a block, and how much, the output `i` positions after its start is made. */
function termsOf(taps: number, i: number, size: number): Terms {
  if (size === TILE) return termsOfTile(taps, i);
  if (i < 0 || i > size || (taps === 1 && i === size)) return [];
  if (i === 0) return [['first', 1]];
  if (taps === 1) return [[i === size - 1 ? 'last' : 'middle', 1]];
  if (i === size) return [[size === 1 ? 'again' : 'last', 1]];
  if (size === 2)
    return [
      ['plus', 1],
      ['first', -1],
      ['last', -1],
    ];
  return i === 1
    ? [
        ['plus', 1],
        ['minus', -1],
        ['last', -1],
      ]
    : [
        ['plus', 1],
        ['minus', 1],
        ['first', -1],
      ];
}

/**
 * null where this is no gain, no phase having two taps, or not possible: where a phase has none or more, or a large
 * position is joined to nothing.
 */
export function toomAxis(positions: number, stride: number, phases: readonly Phase[]): ToomAxis | null {
  const two = phases.filter(({ taps }) => taps === 2);
  if (two.length === 0 || phases.some(({ taps }) => taps < 1 || taps > 2)) return null;
  const inTile = isTile(positions, two);
  const blocks = inTile ? [{ start: 0, size: TILE }] : blocksOf(positions);
  const hasEnd = two.some(({ firstSmall, count }) => firstSmall + count > positions);
  const small: Combination[] = [];
  const kernels = new Map<string, { readonly index: number; readonly taps: Combination }>();
  const groups: PointGroup[] = [];
  let products = 0;
  const kernelOf = (taps: Combination): number => {
    const key = JSON.stringify(taps);
    const { index } = kernels.get(key) ?? { index: kernels.size };
    kernels.set(key, { index, taps });
    return index;
  };
  /** Products by phase, kind and start of the block. */
  const productOf = new Map<string, number>();
  for (const kind of inTile ? kindsOfTile() : kindsOf(blocks, hasEnd)) {
    const phasesOfKind = phases.flatMap(({ firstTap, taps }, phase) => {
      const combination = taps === 2 ? kind.ofTwo?.(firstTap, firstTap + stride) : kind.ofOne?.(firstTap);
      return combination === undefined ? [] : [{ phase, combination }];
    });
    if (phasesOfKind.length === 0 || kind.blocks.length === 0) continue;
    const own = phasesOfKind.map(({ combination }) => kernelOf(combination));
    const before = groups.at(-1);
    const rows = kind.blocks.length;
    // Of a tile the first and the last point have one kernel, so they are one group, of which a gradient makes one result.
    if (inTile && before !== undefined && String(before.kernels) === String(own)) {
      groups[groups.length - 1] = { ...before, rows: before.rows + rows };
    } else groups.push({ first: small.length, rows, kernels: own, product: products });
    for (const block of kind.blocks) {
      small.push(kind.point(block));
      for (const { phase } of phasesOfKind) productOf.set(`${phase} ${kind.name} ${block.start}`, products++);
    }
  }
  const large: Combination[] = [];
  for (const [phase, { first, count, taps, firstSmall }] of phases.entries()) {
    for (let row = 0; row < count; row++) {
      const combination = blocks.flatMap(({ start, size }) =>
        termsOf(taps, firstSmall + row - start, size).map(([name, factor]) => ({
          at: productOf.get(`${phase} ${name} ${start}`)!,
          factor,
        })),
      );
      if (combination.length === 0) return null;
      large[first + stride * row] = combination;
    }
  }
  return { small, kernel: [...kernels.values()].map(({ taps }) => taps), groups, products, large };
}

/** The transposed matrix, of `size` rows: what a transform becomes in the other direction. */
export function transposed(transform: Transform, size: number): Transform {
  const rows = Array.from({ length: size }, (): { at: number; factor: number }[] => []);
  transform.forEach((combination, index) => {
    for (const { at, factor } of combination) rows[at]!.push({ at: index, factor });
  });
  return rows;
}
