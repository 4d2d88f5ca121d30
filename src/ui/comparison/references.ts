/** Measured figures that stand in where what a run is held against was not trained here. */

import type { DataDescription } from '../../protocol/reports.js';
import { differingSettings } from '../../protocol/check-settings.js';
import { defaultSettings, FREE_SETTINGS, type Settings } from '../../protocol/settings.js';
import type { RecipeName } from '../../recipe/recipes.js';
import { comparedSettings } from './compared-settings.js';
import type { MeasuredReference } from './measured-reference.js';
import { MEASURED_REFERENCES } from './measured-references.js';

/** Settings that a reference may have had otherwise; its labels, recipe and seed choose the draw. */
const FREE: readonly (keyof Settings)[] = ['recipe', 'labels', 'seed', ...FREE_SETTINGS];

/**
 * The figure of `recipe` for a run with these settings, on these data; null where none was measured of the like: as
 * many labels, balanced as that was, and all else as the recipe has it by default.
 */
export function referenceFor(
  recipe: RecipeName,
  settings: Settings,
  data: Pick<DataDescription, 'fingerprint'> | null,
  references: readonly MeasuredReference[] = MEASURED_REFERENCES,
): MeasuredReference | null {
  if (data === null) return null;
  const usual = { ...defaultSettings(recipe), balanced: true };
  const asRecipe = comparedSettings(recipe, settings);
  if (differingSettings(asRecipe, usual).some((name) => !FREE.includes(name))) return null;
  const found = references.find(
    (each) =>
      each.recipe === recipe && each.labels === settings.labels && each.dataFingerprint === data.fingerprint,
  );
  return found ?? null;
}
