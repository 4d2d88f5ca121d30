/** What a person chooses of a benchmark: the values, the defaults, the check. */

import {
  parseContender,
  contenderLabel,
  YARDSTICK_RECIPE,
  type Contender,
} from '../../protocol/benchmark/contenders.js';
import { stagesOf } from '../../protocol/benchmark/stages.js';
import { PRESET_NAMES, type PresetName } from '../../protocol/benchmark/pacing.js';
import { isBatch } from '../../protocol/benchmark/orders.js';
import { invalidSetting, completeSettings } from '../../protocol/check-settings.js';
import { SETTING_RANGES } from '../../protocol/settings.js';
import { RECIPE_NAMES, type RecipeName } from '../../recipe/recipes.js';

export interface BenchmarkSettings {
  readonly preset: PresetName;
  readonly recipe: RecipeName;
  /** Key of the recipe's stage that is measured; null: the longest that learns from labels. */
  readonly stage: string | null;
  /** null: the recipe's own. */
  readonly batch: number | null;
  /** By their labels; null: everyone that can run. */
  readonly engines: readonly string[] | null;
}

/** What a page or an address gives; values of the wrong kind are refused by `checkSettings`. */
export type BenchmarkSettingsInput = { readonly [K in keyof BenchmarkSettings]?: unknown };

/** What a host may assign. */
export type BenchmarkChange = { readonly [K in keyof BenchmarkSettings]?: BenchmarkSettings[K] | undefined };

export const DEFAULT_BENCHMARK: BenchmarkSettings = {
  preset: 'quick',
  // The one that everybody can train.
  recipe: YARDSTICK_RECIPE,
  stage: null,
  batch: null,
  engines: null,
};

export const ownBatch = (recipe: RecipeName): number => completeSettings({ recipe }).batch;

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((known) => known === value);
  if (found === undefined) throw invalidSetting(name, value, allowed.join(', '));
  return found;
}

function checkEngines(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidSetting('engines', value, 'a list of engines, "wasm x2" with its threads');
  }
  return (value as unknown[]).map((name) => {
    const contender = parseContender(String(name));
    if (contender === null) throw invalidSetting('engines', name, 'engines, "wasm x2" with its threads');
    return contenderLabel(contender);
  });
}

/** The settings with what is given laid over them; undefined is left as it was. Throws `InvalidSettings`. */
export function checkSettings(given: BenchmarkSettingsInput, settings: BenchmarkSettings): BenchmarkSettings {
  const { preset, batch, engines } = given;
  const recipe = given.recipe === undefined ? settings.recipe : oneOf('recipe', given.recipe, RECIPE_NAMES);
  // Another recipe has other stages.
  const stage =
    given.stage === undefined && recipe === settings.recipe ? settings.stage : (given.stage ?? null);
  const { min, max } = SETTING_RANGES.batch;
  if (batch !== undefined && batch !== null && !isBatch(batch)) {
    throw invalidSetting('batch', batch, `whole numbers from ${min} to ${max}`);
  }
  return {
    preset: preset === undefined ? settings.preset : oneOf('preset', preset, PRESET_NAMES),
    recipe,
    stage: stage === null ? null : oneOf('stage', stage, stagesOf(recipe)),
    batch: batch === undefined ? settings.batch : batch,
    engines: engines === undefined ? settings.engines : engines === null ? null : checkEngines(engines),
  };
}

/** Whether a contender is among the chosen ones. */
export function isChosen({ engines }: BenchmarkSettings, contender: Contender): boolean {
  return engines === null || engines.includes(contenderLabel(contender));
}
