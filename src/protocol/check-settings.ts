/**
 * THE check of settings: what a value may be, what is filled in where none is given. The page, the
 * commands and the worker use this one. What depends on the data (how many labels there are) is
 * checked where the data is, in `worker/data/split.ts`.
 */

import { ENGINE_CHOICES } from './engines.js';
import { TrainerError } from './errors.js';
import {
  DEFAULT_SETTINGS,
  defaultSettings,
  FLAG_SETTINGS,
  hasRepairs,
  SETTING_RANGES,
  type FlagSetting,
  type Settings,
  type SettingsInput,
} from './settings.js';
import { RECIPE_NAMES } from '../recipe/recipes.js';
import { readRepairs, REPAIRS, writeRepairs } from '../recipe/repairs.js';
import { describeValue, formatNumber } from './wording.js';

export type SettingName = keyof Settings;

export const SETTING_NAMES = Object.keys(DEFAULT_SETTINGS) as SettingName[];

/** The error for one bad setting: names the field, the value met and what is allowed. */
export function invalidSetting(field: string, value: unknown, allowed: string): TrainerError {
  return new TrainerError(
    'InvalidSettings',
    `Setting "${field}" is ${describeValue(value)}; allowed: ${allowed}.`,
  );
}

function isFlag(name: SettingName): name is FlagSetting {
  return FLAG_SETTINGS.some((flag) => flag === name);
}

/** The allowed values of a setting in words. */
export function allowedValues(name: SettingName): string {
  if (name === 'recipe') return RECIPE_NAMES.join(', ');
  if (name === 'engine') return ENGINE_CHOICES.join(', ');
  if (isFlag(name)) return 'true, false';
  if (name === 'repairs') return `all, none, or some of ${REPAIRS.join(', ')} with commas between them`;
  const { min, max, integer } = SETTING_RANGES[name];
  return `${integer ? 'whole numbers' : 'numbers'} from ${formatNumber(min)} to ${formatNumber(max)}`;
}

export function isAllowed(name: SettingName, value: unknown): boolean {
  if (name === 'recipe') return RECIPE_NAMES.some((known) => known === value);
  if (name === 'engine') return ENGINE_CHOICES.some((known) => known === value);
  if (isFlag(name)) return typeof value === 'boolean';
  if (name === 'repairs') return typeof value === 'string' && readRepairs(value) !== null;
  const { min, max, integer } = SETTING_RANGES[name];
  // NaN fails both comparisons.
  return typeof value === 'number' && value >= min && value <= max && (!integer || Number.isInteger(value));
}

/** Throws `InvalidSettings` where a setting's name or value is not allowed. */
export function checkSetting(name: string, value: unknown): void {
  const known = SETTING_NAMES.find((setting) => setting === name);
  if (known === undefined) {
    throw new TrainerError(
      'InvalidSettings',
      `There is no setting ${describeValue(name)}; settings: ${SETTING_NAMES.join(', ')}.`,
    );
  }
  if (!isAllowed(known, value)) throw invalidSetting(name, value, allowedValues(known));
}

/** What is wrong with a value met for a setting (its name may be one that does not exist); null: nothing. */
export function settingProblem(name: string, value: unknown): string | null {
  try {
    checkSetting(name, value);
    return null;
  } catch (error) {
    return (error as TrainerError).message;
  }
}

function withoutUndefined(input: SettingsInput): Partial<Settings> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

/** All settings: what is given, else the recipe's default; no repairs where the recipe has none. Checks nothing. */
export function completeSettings(given: SettingsInput): Settings {
  const settings = { ...defaultSettings(given.recipe, given.repairs), ...withoutUndefined(given) };
  const repairs = hasRepairs(settings.recipe) ? (readRepairs(settings.repairs) ?? []) : [];
  return { ...settings, repairs: writeRepairs(repairs) };
}

/**
 * Settings with every default filled in, checked and frozen. Takes whatever crossed the wire. Throws
 * `InvalidSettings`.
 */
export function resolveSettings(input: SettingsInput): Settings {
  const given: unknown = input;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TrainerError('InvalidSettings', `Settings must be an object, got ${describeValue(given)}.`);
  }
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined || !SETTING_NAMES.some((known) => known === name)) checkSetting(name, value);
  }
  return Object.freeze(completeSettings(input));
}

/**
 * A checkpoint's settings with those that may be changed when it is resumed. Any other would make it
 * another run. Throws `InvalidSettings`.
 */
export function overrideSettings(
  settings: Settings,
  overrides: Pick<SettingsInput, 'engine' | 'steps'>,
): Settings {
  const { engine = settings.engine, steps = settings.steps, ...others } = overrides;
  const [field] = Object.keys(others);
  if (field !== undefined) {
    throw new TrainerError(
      'InvalidSettings',
      `Setting "${field}" is the checkpoint's; only "engine" and "steps" can be given with it.`,
    );
  }
  return resolveSettings({ ...settings, engine, steps });
}

/** Settings in which two differ. */
export function differingSettings(left: Settings, right: Settings): readonly SettingName[] {
  return SETTING_NAMES.filter((name) => left[name] !== right[name]);
}
