/**
 * What the page knows of settings: defaults by recipe, whether a value is allowed, what differs
 * between two. The worker checks everything again; this is so that a form can say it sooner.
 */

import {
  DEFAULT_SETTINGS,
  ENGINE_CHOICES,
  RECIPE_DEFAULTS,
  RECIPE_NAMES,
  SETTING_RANGES,
  type NumericSetting,
  type Settings,
  type SettingsInput,
} from '../protocol.js';

export type SettingName = keyof Settings;

export const SETTING_NAMES = Object.keys(DEFAULT_SETTINGS) as SettingName[];

export function isNumericSetting(name: SettingName): name is NumericSetting {
  return Object.hasOwn(SETTING_RANGES, name);
}

/** All settings: what is given, else the recipe's default, else the notebook's. */
export function completeSettings(given: SettingsInput): Settings {
  const recipe = given.recipe ?? DEFAULT_SETTINGS.recipe;
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const usual = { ...DEFAULT_SETTINGS, ...RECIPE_DEFAULTS[recipe] } as Settings;
  return { ...usual, ...present, recipe };
}

/** The values a setting takes, in words for an error. */
function allowedValues(name: SettingName): string {
  if (name === 'recipe') return RECIPE_NAMES.join(', ');
  if (name === 'engine') return ENGINE_CHOICES.join(', ');
  if (name === 'balanced') return 'true, false';
  const { min, max, integer } = SETTING_RANGES[name];
  const [least, most] = [min, max].map((end) => end.toLocaleString('en', { maximumFractionDigits: 6 }));
  return `${integer ? 'whole numbers' : 'numbers'} from ${least} to ${most}`;
}

export function isAllowed(name: SettingName, value: unknown): boolean {
  if (name === 'recipe') return RECIPE_NAMES.some((known) => known === value);
  if (name === 'engine') return ENGINE_CHOICES.some((known) => known === value);
  if (name === 'balanced') return typeof value === 'boolean';
  const { min, max, integer } = SETTING_RANGES[name];
  return typeof value === 'number' && value >= min && value <= max && (!integer || Number.isInteger(value));
}

/** What is wrong with a value met for a setting (its name may be one that does not exist); null: nothing. */
export function settingProblem(name: string, value: unknown): string | null {
  const known = SETTING_NAMES.find((setting) => setting === name);
  if (known === undefined) return `There is no setting "${name}"; settings: ${SETTING_NAMES.join(', ')}.`;
  if (isAllowed(known, value)) return null;
  const met = typeof value === 'string' ? `"${value}"` : String(value);
  return `Setting "${name}" is ${met}; allowed: ${allowedValues(known)}.`;
}

/** Settings in which two differ. */
export function differingSettings(left: Settings, right: Settings): readonly SettingName[] {
  return SETTING_NAMES.filter((name) => left[name] !== right[name]);
}

/** A number as people type it: `20000`, `20,000`, `1e-3`; anything else comes back as it is. */
export function parseTyped(text: string): number | string {
  const plain = text.trim().replaceAll(/[\s_,’']/g, '');
  const value = plain === '' ? NaN : Number(plain);
  return Number.isNaN(value) ? text.trim() : value;
}
