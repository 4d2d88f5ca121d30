/** Numbers as a person reads them, in the locale of the strings. Makes no sentences. */

import { fill, type Strings } from './strings.js';

const MINUTE_MS = 60_000;

export class NumberFormats {
  readonly #strings: Strings;
  readonly #count: Intl.NumberFormat;
  readonly #percent: Intl.NumberFormat;
  readonly #roundPercent: Intl.NumberFormat;
  readonly #change: Intl.NumberFormat;
  readonly #significant: Intl.NumberFormat;
  readonly #plain: Intl.NumberFormat;

  constructor(strings: Strings) {
    const { locale } = strings;
    this.#strings = strings;
    this.#count = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    this.#percent = new Intl.NumberFormat(locale, {
      style: 'percent',
      minimumFractionDigits: 2,
      maximumFractionDigits: 2,
    });
    this.#roundPercent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
    this.#change = new Intl.NumberFormat(locale, {
      signDisplay: 'always',
      minimumFractionDigits: 2,
      maximumFractionDigits: 2,
    });
    this.#significant = new Intl.NumberFormat(locale, {
      minimumSignificantDigits: 3,
      maximumSignificantDigits: 3,
    });
    this.#plain = new Intl.NumberFormat(locale, { maximumSignificantDigits: 6 });
  }

  /** A whole number with its thousands apart. */
  count(value: number): string {
    return this.#count.format(value);
  }

  /** A share of 0 to 1 in per cent; two digits, since one image of 10,000 is 0.01 %. */
  percent(share: number): string {
    return this.#percent.format(share);
  }

  /** A share of 0 to 1 in whole per cent, where digits behind them would only flicker. */
  roundPercent(share: number): string {
    return this.#roundPercent.format(share);
  }

  /** A share as `percent` has it in two pieces, so that the sign can be set smaller: [number, sign]. */
  percentParts(share: number): readonly [string, string] {
    const parts = this.#percent.formatToParts(share);
    const join = (isSign: boolean): string =>
      parts
        .filter(({ type }) => (type === 'percentSign' || type === 'literal') === isSign)
        .map(({ value }) => value)
        .join('');
    return [join(false), join(true)];
  }

  /** A difference of two shares in percentage points, always with its sign. */
  points(difference: number): string {
    // Rounded before, so that less than is shown has no minus before its zeros.
    const points = Math.round(1e4 * difference) / 100 + 0;
    // The minus sign is as wide as the plus, a hyphen is not.
    return this.#change.format(points).replace('-', '\u2212');
  }

  /** A loss. */
  loss(value: number): string {
    return Math.abs(value) < 0.001 ? this.#count.format(0) : this.#significant.format(value);
  }

  /** Steps a second: three digits where they mean something. */
  pace(stepsPerSecond: number): string {
    return stepsPerSecond >= 100
      ? this.#count.format(stepsPerSecond)
      : this.#significant.format(stepsPerSecond);
  }

  /** A number that is read, not compared: the ends of a range. */
  plain(value: number): string {
    return Number.isInteger(value) ? this.#count.format(value) : this.#plain.format(value);
  }

  /** A length of time, rounded as far as a person cares. */
  duration(milliseconds: number): string {
    const { words } = this.#strings;
    if (milliseconds < 999.5) return fill(words.milliseconds, { count: this.#count.format(milliseconds) });
    if (milliseconds < MINUTE_MS - 500)
      return fill(words.seconds, { count: this.#count.format(milliseconds / 1000) });
    const minutes = Math.round(milliseconds / MINUTE_MS);
    if (minutes < 60) return fill(words.minutes, { count: this.#count.format(minutes) });
    const hours = Math.floor(minutes / 60);
    if (hours < 24) {
      return fill(words.hours, {
        hours: this.#count.format(hours),
        minutes: this.#count.format(minutes % 60),
      });
    }
    const days = Math.floor(hours / 24);
    return fill(words.days, { days: this.#count.format(days), hours: this.#count.format(hours % 24) });
  }

  /** Bytes in megabytes (10^6), one digit. */
  megabytes(bytes: number): string {
    return (bytes / 1e6).toLocaleString(this.#strings.locale, {
      minimumFractionDigits: 1,
      maximumFractionDigits: 1,
    });
  }
}
