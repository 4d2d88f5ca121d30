/** The settings of a run: names, ranges, defaults. `check-settings.ts` checks them. */

import type { RecipeSettings } from '../recipe/recipe.js';
import { RECIPES, type RecipeName } from '../recipe/recipes.js';
import { readRepairs } from '../recipe/repairs.js';
import type { EngineChoice } from './engines.js';

/** What a run is made of. Numbers without a unit are plain counts or rates. */
export interface Settings extends RecipeSettings {
  readonly recipe: RecipeName;
  readonly engine: EngineChoice;
  /** Key of every random stream, 0 to 2^53 - 1. */
  readonly seed: number;
  /** Total number of updates of the run. */
  readonly steps: number;
  /** Images whose label is used; the data set has to have as many. */
  readonly labels: number;
  /** Draw the labelled images with (as near as the count allows) the same number of each class. */
  readonly balanced: boolean;
  /** Steps between evaluations on the test images; 0: only after the last step. */
  readonly evalEvery: number;
  /** Compute threads of engines that have them; 0 lets the engine choose. Changes no bit of a run. */
  readonly threads: number;
  /**
   * Whether the engine webgpu adds up by subgroups of threads, as some GPUs can: other last bits, and no start where the
   * adapter lacks them. Other engines have none.
   */
  readonly subgroups: boolean;
  /**
   * Whether the engine webgpu stores activations as float16 where it computes with float32, as some GPUs can: other
   * values from the fourth digit on, and no start where the adapter lacks it. Other engines never do.
   */
  readonly float16: boolean;
}

/** What a caller gives: whatever is left out takes the recipe's default. */
export type SettingsInput = { readonly [K in keyof Settings]?: Settings[K] | undefined };

/** Allowed range of a numeric setting, both ends included; `integer` ones take whole numbers only. */
export interface SettingRange {
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
}

export type NumericSetting = {
  [K in keyof Settings]: Settings[K] extends number ? (number extends Settings[K] ? K : never) : never;
}[keyof Settings];

export const SETTING_RANGES = {
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true },
  steps: { min: 1, max: 10_000_000, integer: true },
  labels: { min: 1, max: 1_000_000, integer: true },
  batch: { min: 10, max: 1024, integer: true },
  evalEvery: { min: 0, max: 1_000_000, integer: true },
  discriminatorLr: { min: 0, max: 1, integer: false },
  discriminatorBeta1: { min: 0, max: 0.9999, integer: false },
  discriminatorBeta2: { min: 0, max: 0.999999, integer: false },
  generatorLr: { min: 0, max: 1, integer: false },
  generatorBeta1: { min: 0, max: 0.9999, integer: false },
  generatorBeta2: { min: 0, max: 0.999999, integer: false },
  dropout: { min: 0, max: 0.9, integer: false },
  threads: { min: 0, max: 32, integer: true },
} as const satisfies Record<NumericSetting, SettingRange>;

export type FlagSetting = {
  [K in keyof Settings]: Settings[K] extends boolean ? K : never;
}[keyof Settings];

/** Settings that are true or false. */
export const FLAG_SETTINGS: readonly FlagSetting[] = ['balanced', 'subgroups', 'float16'];

/** Settings of what computes, and of when it is looked at: they change nothing that is measured but by rounding. */
export const FREE_SETTINGS = ['engine', 'threads', 'subgroups', 'evalEvery'] as const;

/** The notebook's settings; a recipe may have defaults of its own for some. */
const NOTEBOOK_SETTINGS: Settings = Object.freeze({
  recipe: 'notebook',
  engine: 'auto',
  seed: 1,
  steps: 20_000,
  labels: 900,
  balanced: false,
  batch: 32,
  evalEvery: 200,
  discriminatorLr: 1e-3,
  discriminatorBeta1: 0.9,
  discriminatorBeta2: 0.999,
  generatorLr: 1e-3,
  generatorBeta1: 0.9,
  generatorBeta2: 0.999,
  dropout: 0.5,
  repairs: 'none',
  threads: 0,
  subgroups: false,
  float16: false,
});

/** What is trained where nothing is said. */
const DEFAULT_RECIPE: RecipeName = 'few-labels';

/** Whether the setting `repairs` means something to a recipe; else it is `none`. */
export function hasRepairs(recipe: RecipeName): boolean {
  return RECIPES[recipe].repairDefaults !== undefined;
}

/** Every setting of a recipe with its default, which may depend on what is repaired (its default unless given). */
export function defaultSettings(recipe: RecipeName = DEFAULT_RECIPE, repairs?: string): Settings {
  const { defaults, repairDefaults } = RECIPES[recipe];
  const usual: Settings = { ...NOTEBOOK_SETTINGS, ...defaults, recipe };
  const repaired = readRepairs(repairs ?? usual.repairs) ?? [];
  const others = repaired.map((repair) => repairDefaults?.[repair] ?? {});
  return Object.freeze(Object.assign({}, usual, ...others) as Settings);
}

export const DEFAULT_SETTINGS: Settings = defaultSettings();
