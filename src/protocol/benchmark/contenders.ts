/** Who takes part in a benchmark: the trainer's engines and the yardsticks, by name, and what each is. */

import type { RecipeName } from '../../recipe/recipes.js';

/** The recipe that all yardsticks are a copy of. */
export const YARDSTICK_RECIPE: RecipeName = 'notebook';

/** Stages of a recipe whose step is copied; null: of a recipe with one stage. */
interface Copied {
  readonly recipe: RecipeName;
  readonly stages: readonly string[] | null;
}
const NOTEBOOK: Copied = { recipe: YARDSTICK_RECIPE, stages: null };
const FEW_LABELS: Copied = { recipe: 'few-labels', stages: ['look', 'learn'] };

interface Traits {
  /** What computes: a WebGPU adapter, WebGL, the processor in this tab, or a Python beside it. */
  readonly runsOn: 'webgpu' | 'webgl' | 'cpu' | 'python';
  /** Whether threads are chosen. */
  readonly hasThreads: boolean;
  /** The same step as a user of another library would write it. */
  readonly isYardstick: boolean;
  /** The steps that a yardstick is a copy of; empty for the trainer's own engines, which train everything. */
  readonly copies: readonly Copied[];
  /** Whether it is part of the built site; the others need this repository. */
  readonly isOnPage: boolean;
}

const OWN = { hasThreads: false, isYardstick: false, copies: [], isOnPage: true } as const;
const YARDSTICK = { hasThreads: false, isYardstick: true, copies: [NOTEBOOK], isOnPage: true } as const;
const DESKTOP = {
  runsOn: 'python',
  hasThreads: true,
  isYardstick: true,
  copies: [NOTEBOOK],
  isOnPage: false,
} as const;

const LIST = {
  webgpu: { ...OWN, runsOn: 'webgpu' },
  wasm: { ...OWN, runsOn: 'cpu', hasThreads: true },
  'tfjs-webgpu': { ...YARDSTICK, runsOn: 'webgpu' },
  'tfjs-webgl': { ...YARDSTICK, runsOn: 'webgl' },
  'tfjs-wasm': { ...YARDSTICK, runsOn: 'cpu' },
  'tfjs-cpu': { ...YARDSTICK, runsOn: 'cpu' },
  'jax-js': { ...YARDSTICK, runsOn: 'webgpu', isOnPage: false },
  /** `wasm` without relaxed SIMD, whatever the browser has. */
  'wasm-plain': { ...OWN, runsOn: 'cpu', hasThreads: true, isOnPage: false },
  pytorch: { ...DESKTOP, copies: [NOTEBOOK, FEW_LABELS] },
  /** The same through `torch.compile`. */
  'pytorch-compiled': { ...DESKTOP, copies: [FEW_LABELS] },
  tensorflow: DESKTOP,
} as const satisfies Record<string, Traits>;

export type ContenderName = keyof typeof LIST;
export const CONTENDERS: Readonly<Record<ContenderName, Traits>> = LIST;
export const CONTENDER_NAMES = Object.keys(LIST) as ContenderName[];

/** One that takes part; `threads` is null where it has none to choose. */
export interface Contender {
  readonly engine: ContenderName;
  readonly threads: number | null;
}

/** `webgpu`, `wasm x2`: also how one is named in an address and on the command line's table. */
export function contenderLabel({ engine, threads }: Contender): string {
  return threads === null ? engine : `${engine} x${threads}`;
}

/** What `contenderLabel` gave, with or without the space; null where it names none. */
export function parseContender(text: string): Contender | null {
  const [, name, count] = /^([a-z-]+)(?: ?x(\d{1,2}))?$/.exec(text.trim()) ?? [];
  const engine = CONTENDER_NAMES.find((known) => known === name);
  if (engine === undefined || CONTENDERS[engine].hasThreads !== (count !== undefined)) return null;
  const threads = count === undefined ? null : Number(count);
  return threads === null || (threads >= 1 && threads <= 32) ? { engine, threads } : null;
}

/** 1, 2, 4 … up to the cores, and the cores themselves; what a wasm engine takes at most. */
export function threadCounts(cores: number): readonly number[] {
  const most = Math.max(1, Math.min(32, Math.floor(cores)));
  const counts: number[] = [];
  for (let count = 1; count < most; count *= 2) counts.push(count);
  return [...counts, most];
}

/** Everyone that the page knows, on a machine with so many cores. */
export function pageContenders(cores: number): readonly Contender[] {
  return CONTENDER_NAMES.filter((engine) => CONTENDERS[engine].isOnPage).flatMap((engine) => {
    const counts = CONTENDERS[engine].hasThreads ? threadCounts(cores) : [null];
    return counts.map((threads) => ({ engine, threads }));
  });
}

/** What a yardstick knows, in words. */
export function describeCopies(engine: ContenderName): string {
  const parts = CONTENDERS[engine].copies.map(({ recipe, stages }) =>
    stages === null ? `the recipe ${recipe}` : `the stages ${stages.join(' and ')} of the recipe ${recipe}`,
  );
  return parts.join(' and ');
}

/** Why a contender cannot train a stage of a recipe, by its key; null where it can. */
export function recipeRefusal({ engine }: Contender, recipe: RecipeName, stage: string): string | null {
  const { isYardstick, copies } = CONTENDERS[engine];
  const isKnown = copies.some((own) => own.recipe === recipe && (own.stages?.includes(stage) ?? true));
  return !isYardstick || isKnown ? null : `The yardstick is a copy of ${describeCopies(engine)} alone.`;
}
