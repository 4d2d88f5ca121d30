/** Settings as query parameters, so that an address can be shared. Checks nothing; the element does. */

import { DEFAULT_SETTINGS, type Settings, type SettingsInput } from '../../protocol/settings.js';
import { parseTyped } from './parse-typed.js';
import { completeSettings, SETTING_NAMES, type SettingName } from '../../protocol/check-settings.js';

function parse(name: SettingName, text: string): unknown {
  if (typeof DEFAULT_SETTINGS[name] === 'number') return parseTyped(text);
  if (typeof DEFAULT_SETTINGS[name] !== 'boolean') return text;
  return text === '' || text === 'true' ? true : text === 'false' ? false : text;
}

/** The settings that an address names; values of the wrong kind are kept, so that they can be named. */
export function settingsFromUrl(parameters: URLSearchParams): SettingsInput {
  const present = SETTING_NAMES.filter((name) => parameters.has(name));
  return Object.fromEntries(present.map((name) => [name, parse(name, parameters.get(name)!)]));
}

/**
 * `parameters` with those settings that are not the recipe's defaults, and without the others; those that
 * are `refused` stay as they are, so that what was asked for is not lost.
 */
export function settingsToUrl(
  settings: Settings,
  parameters: URLSearchParams,
  refused: ReadonlyMap<SettingName, unknown> = new Map(),
): URLSearchParams {
  const result = new URLSearchParams(parameters);
  const { recipe, repairs } = settings;
  // What the repairs change of the defaults need not be said beside them.
  const usual = {
    ...completeSettings({ recipe, repairs }),
    repairs: completeSettings({ recipe }).repairs,
    recipe: DEFAULT_SETTINGS.recipe,
  };
  for (const name of SETTING_NAMES) {
    if (refused.has(name)) continue;
    if (settings[name] === usual[name]) result.delete(name);
    else result.set(name, String(settings[name]));
  }
  return result;
}
