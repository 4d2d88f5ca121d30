/** What a file of `recipes/` gives: the words about a recipe, its defaults, and how it is built. */

import type { DataShape, Recipe, RecipeSettings } from './recipe.js';
import type { Repair } from './repairs.js';

/** What a recipe is built from. */
export interface RecipeContext {
  readonly settings: RecipeSettings;
  readonly data: DataShape;
  /** Updates that schedules are stretched over: the run's steps when it was made. */
  readonly scheduleSteps: number;
  /** Rows that are a share of the setting `batch`, rounded down. */
  readonly share: (share: number) => number;
  /** Hidden channels; tests have them divided. */
  readonly channels: (count: number) => number;
}

/** The settings that a recipe may have defaults of its own for. */
export type RecipeDefaults = Readonly<
  Partial<RecipeSettings & { steps: number; labels: number; balanced: boolean; evalEvery: number }>
>;

export interface RecipeEntry {
  /** A few words. */
  readonly title: string;
  /** One sentence, without the full stop. */
  readonly summary: string;
  /** Settings that differ from the general defaults. */
  readonly defaults: RecipeDefaults;
  /** Whether others are held against it: it learns from the labels alone. */
  readonly isBaseline: boolean;
  readonly hasGenerator: boolean;
  /** Where the setting `repairs` means something: what each changes of the defaults. */
  readonly repairDefaults?: Readonly<Record<Repair, RecipeDefaults>>;
  readonly build: (context: RecipeContext) => Omit<Recipe, 'name' | 'classes'>;
}
