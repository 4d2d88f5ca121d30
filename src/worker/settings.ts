/**
 * The worker's edge for settings: fills in defaults, checks every value once, freezes the result.
 * What depends on the data (how many labels there are) is checked in `split.ts`.
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
import { TrainerError } from './errors.js';
import { describeValue, formatNumber } from './wording.js';

/** The error for one bad setting: names the field, the value met and what is allowed. */
export function invalidSetting(field: string, value: unknown, allowed: string): TrainerError {
  return new TrainerError(
    'InvalidSettings',
    `Setting "${field}" is ${describeValue(value)}; allowed: ${allowed}.`,
  );
}

/** The allowed values of a numeric setting in words. */
export function describeRange(field: NumericSetting): string {
  const { min, max, integer } = SETTING_RANGES[field];
  return `${integer ? 'whole numbers' : 'numbers'} from ${formatNumber(min)} to ${formatNumber(max)}`;
}

function checkOneOf(field: string, value: unknown, allowed: readonly string[]): void {
  if (!allowed.some((name) => name === value)) throw invalidSetting(field, value, allowed.join(', '));
}

function checkNumber(field: NumericSetting, value: unknown): void {
  const { min, max, integer } = SETTING_RANGES[field];
  // NaN fails both comparisons, so it is caught here too.
  const isInside = typeof value === 'number' && value >= min && value <= max;
  if (!isInside || (integer && !Number.isInteger(value))) {
    throw invalidSetting(field, value, describeRange(field));
  }
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

function withoutUndefined(input: SettingsInput): Partial<Settings> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

/**
 * Settings with every default filled in (the recipe's, then the notebook's), checked and frozen.
 * Takes whatever crossed the wire. Throws `InvalidSettings`.
 */
export function resolveSettings(input: SettingsInput): Settings {
  const given: unknown = input;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TrainerError('InvalidSettings', `Settings must be an object, got ${describeValue(given)}.`);
  }
  for (const field of Object.keys(given)) {
    if (!Object.hasOwn(DEFAULT_SETTINGS, field)) {
      const known = Object.keys(DEFAULT_SETTINGS).join(', ');
      throw new TrainerError('InvalidSettings', `There is no setting "${field}"; settings: ${known}.`);
    }
  }
  const recipe = input.recipe ?? DEFAULT_SETTINGS.recipe;
  checkOneOf('recipe', recipe, RECIPE_NAMES);
  const settings: Settings = {
    ...DEFAULT_SETTINGS,
    ...withoutUndefined(RECIPE_DEFAULTS[recipe]),
    ...withoutUndefined(input),
  };
  checkOneOf('engine', settings.engine, ENGINE_CHOICES);
  if (typeof settings.balanced !== 'boolean') {
    throw invalidSetting('balanced', settings.balanced, 'true, false');
  }
  for (const field of Object.keys(SETTING_RANGES) as NumericSetting[]) checkNumber(field, settings[field]);
  return Object.freeze(settings);
}
