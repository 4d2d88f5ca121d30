/** Why a text that was typed or asked for is no value of a setting, in words. Reads texts; keeps none. */

import type { SettingName } from '../../protocol/check-settings.js';
import type { DataDescription } from '../../protocol/reports.js';
import { SETTING_RANGES, type NumericSetting, type SettingRange } from '../../protocol/settings.js';
import { shorten } from '../../protocol/wording.js';
import { fill } from '../words/strings.js';
import type { Speech } from '../words/words.js';
import { readTyped } from './parse-typed.js';

export interface DraftView extends Speech {
  /** null before a run has told of it. */
  readonly data: DataDescription | null;
}

export function isNumeric(name: SettingName): name is NumericSetting {
  return name in SETTING_RANGES;
}

/** What is allowed: no more labels than the data has images, once that is known. */
export function rangeOf({ data }: Pick<DraftView, 'data'>, name: NumericSetting): SettingRange {
  const range = SETTING_RANGES[name];
  return name === 'labels' && data !== null ? { ...range, max: data.trainCount } : range;
}

/** What is wrong with `draft`, and what the setting takes. */
export function draftProblem(view: DraftView, name: SettingName, draft: string): string {
  const { strings, words, formats } = view;
  if (!isNumeric(name)) return fill(words.invalidChoice, { value: shorten(draft) });
  const typed = readTyped(draft, strings.locale);
  if (typed.kind === 'ambiguous') {
    const [first, second] = typed.readings.map(String) as [string, string];
    return fill(words.ambiguousNumber, { first, second });
  }
  const { min, max, integer } = rangeOf(view, name);
  return fill(integer ? words.invalidInteger : words.invalidNumber, {
    min: formats.plain(min),
    max: formats.plain(max),
  });
}
