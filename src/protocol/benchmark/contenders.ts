/** Who takes part in a benchmark: the trainer's engines and the yardsticks, by name, and what each is. */

import type { RecipeName } from '../../recipe/recipes.js';

/** The recipe that nearly all yardsticks are a copy of. */
export const YARDSTICK_RECIPE: RecipeName = 'notebook';

/** Stages of recipes whose steps are copied; null: all that they have. */
interface Copied {
  readonly recipes: readonly RecipeName[];
  readonly stages: readonly string[] | null;
}
const NOTEBOOK: Copied = { recipes: [YARDSTICK_RECIPE], stages: null };
/** Any recipe whose networks have one instance, of the layers and terms that these have. */
const FEW_LABELS_FAMILY: Copied = {
  recipes: [
    'few-labels',
    'few-labels-fast',
    'few-labels-no-gan',
    'few-labels-no-look',
    'labels-only-augmented',
  ],
  stages: null,
};
const LOOK_AND_LEARN: Copied = { recipes: ['few-labels'], stages: ['look', 'learn'] };

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
const YARDSTICK = { hasThreads: false, isYardstick: true } as const;
const PLAIN_TFJS = { ...YARDSTICK, copies: [NOTEBOOK, FEW_LABELS_FAMILY], isOnPage: true } as const;
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
  'tfjs-webgpu': { ...PLAIN_TFJS, runsOn: 'webgpu' },
  'tfjs-webgl': { ...PLAIN_TFJS, runsOn: 'webgl' },
  'tfjs-wasm': { ...PLAIN_TFJS, runsOn: 'cpu' },
  'tfjs-cpu': { ...PLAIN_TFJS, runsOn: 'cpu' },
  'jax-js': { ...YARDSTICK, copies: [NOTEBOOK], runsOn: 'webgpu', isOnPage: false },
  /** `wasm` without relaxed SIMD, whatever the browser has. */
  'wasm-plain': { ...OWN, runsOn: 'cpu', hasThreads: true, isOnPage: false },
  pytorch: { ...DESKTOP, copies: [NOTEBOOK, LOOK_AND_LEARN] },
  /** The same through `torch.compile`. */
  'pytorch-compiled': { ...DESKTOP, copies: [LOOK_AND_LEARN] },
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
  const parts = CONTENDERS[engine].copies.map(({ recipes, stages }) => {
    const named = `the ${recipes.length === 1 ? 'recipe' : 'recipes'} ${listed(recipes)}`;
    return stages === null ? named : `the stages ${listed(stages)} of ${named}`;
  });
  return parts.join(' and ');
}

/** `a`, `a and b`, `a, b and c`. */
function listed(names: readonly string[]): string {
  const before = names.slice(0, -1).join(', ');
  return before === '' ? names.join() : `${before} and ${names.at(-1)}`;
}

/** Why a contender cannot train a stage of a recipe, by its key; null where it can. */
export function recipeRefusal({ engine }: Contender, recipe: RecipeName, stage: string): string | null {
  const { isYardstick, copies } = CONTENDERS[engine];
  const isKnown = copies.some(
    ({ recipes, stages }) => recipes.includes(recipe) && (stages?.includes(stage) ?? true),
  );
  return !isYardstick || isKnown ? null : `The yardstick is a copy of ${describeCopies(engine)} alone.`;
}
