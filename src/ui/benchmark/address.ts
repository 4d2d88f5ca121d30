/** A benchmark's settings as query parameters, so that an address can be shared. Checks nothing. */

import { parseTyped } from '../settings/parse-typed.js';
import { DEFAULT_BENCHMARK, type BenchmarkSettings, type BenchmarkSettingsInput } from './settings.js';

/** The settings that an address names; a batch that is no number is kept as text, so that it is refused by name. */
export function settingsFromAddress(parameters: URLSearchParams): BenchmarkSettingsInput {
  const text = (name: string): string | undefined => parameters.get(name) ?? undefined;
  const batch = text('batch');
  return {
    preset: text('preset'),
    recipe: text('recipe'),
    stage: text('stage'),
    batch: batch === undefined ? undefined : parseTyped(batch),
    engines: text('engines')?.split(','),
  };
}

/** `parameters` with the settings that are not the defaults, and without the others. */
export function settingsToAddress(settings: BenchmarkSettings, parameters: URLSearchParams): URLSearchParams {
  const result = new URLSearchParams(parameters);
  const texts = {
    preset: settings.preset === DEFAULT_BENCHMARK.preset ? null : settings.preset,
    recipe: settings.recipe === DEFAULT_BENCHMARK.recipe ? null : settings.recipe,
    stage: settings.stage,
    batch: settings.batch === null ? null : String(settings.batch),
    // A space would be spelled out in an address.
    engines:
      settings.engines === null ? null : settings.engines.map((name) => name.replace(' ', '')).join(','),
  };
  for (const [name, value] of Object.entries(texts)) {
    if (value === null) result.delete(name);
    else result.set(name, value);
  }
  return result;
}
