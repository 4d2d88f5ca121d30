/**
 * Loads uPlot, apart from the element, which shows without it. While it is evaluated it makes a number
 * format of `navigator.language`; Chromium started in the POSIX locale has "en-US@posix" there, which
 * is no language tag, and the module throws. A valid tag stands in for that time.
 * To be removed when uPlot (1.6.32) no longer reads it.
 */

import type uPlot from 'uplot';

export type PlotClass = typeof uPlot;

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

export async function loadPlot(): Promise<PlotClass> {
  const isUsable = isLanguageTag(navigator.language);
  // An own property hides the prototype's, and deleting it brings that back.
  if (!isUsable) Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });
  try {
    return (await import('uplot')).default;
  } finally {
    if (!isUsable) Reflect.deleteProperty(navigator, 'language');
  }
}
