/** How long a benchmark measures: the presets, and turns by number. */

/** How long is measured, and when it is enough. */
export interface Pacing {
  /** Milliseconds in all; null: as many turns as `mostTurns` says, however long they take. */
  readonly budgetMs: number | null;
  /** Turns that each contender takes before its figures may be called steady. */
  readonly leastTurns: number;
  /** More are never taken. */
  readonly mostTurns: number;
  /** A contender whose median is known within this share takes no more turns; null: none stops early. */
  readonly steadyWithin: number | null;
  /** Milliseconds for one evaluation, in which fewer images are classified if need be; null: all are. */
  readonly evaluationMs: number | null;
}

export const PRESETS = {
  quick: { budgetMs: 30_000, leastTurns: 5, mostTurns: 400, steadyWithin: 0.01, evaluationMs: 1500 },
  thorough: { budgetMs: 180_000, leastTurns: 25, mostTurns: 4000, steadyWithin: 0.002, evaluationMs: 8000 },
} as const satisfies Record<string, Pacing>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

/** So many turns each, however long they take. */
export function fixedTurns(turns: number): Pacing {
  return { budgetMs: null, leastTurns: turns, mostTurns: turns, steadyWithin: null, evaluationMs: null };
}
