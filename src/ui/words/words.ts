/** What every part of the element needs to speak: the strings in force and the numbers' formats. */

import { NumberFormats } from './format.js';
import { mergeStrings, type Strings, type StringsInput } from './strings.js';

export interface Speech {
  readonly strings: Strings;
  readonly words: Strings['words'];
  readonly formats: NumberFormats;
  /** What a loss or term is called. */
  readonly metricName: (name: string) => string;
}

/** `fakeAsRealLoss` as `fake as real`. */
function spelledOut(name: string): string {
  const words = name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return words.replace(/ loss$/, '');
}

export function makeSpeech(given: StringsInput | null | undefined): Speech {
  const strings = mergeStrings(given);
  return {
    strings,
    words: strings.words,
    formats: new NumberFormats(strings),
    metricName: (name) => strings.metrics[name] ?? spelledOut(name),
  };
}
