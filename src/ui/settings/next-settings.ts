/**
 * The settings of the next run as they were asked for, from attributes, properties, the form and
 * checkpoints. Takes only what is allowed; the rest it reports.
 */

import type { Settings, SettingsInput } from '../../protocol/settings.js';
import { completeSettings, settingProblem, type SettingName } from '../../protocol/check-settings.js';

export interface NextSettingsOptions {
  /** The settings are others. */
  readonly onChange: (settings: Settings) => void;
  /** Something is not allowed; it names the setting, the value met and the values allowed. */
  readonly onProblem: (message: string) => void;
}

export class NextSettings {
  readonly #options: NextSettingsOptions;
  #given: SettingsInput = {};
  #complete: Settings = completeSettings({});

  constructor(options: NextSettingsOptions) {
    this.#options = options;
  }

  /** Every setting, defaults filled in. */
  get complete(): Settings {
    return this.#complete;
  }

  /** What was asked for; the rest are defaults. */
  get given(): SettingsInput {
    return this.#given;
  }

  /** Lays these over what was asked for before; undefined and null take one back to its default. */
  merge(input: unknown): void {
    if (typeof input !== 'object' || input === null) {
      this.#options.onProblem(`Settings must be an object, got ${String(input)}.`);
      return;
    }
    const allowed = Object.entries(input).flatMap(([name, value]): [string, unknown][] => {
      // What frameworks set a property to that a page no longer gives.
      if (value === undefined || value === null) return [[name, undefined]];
      const problem = settingProblem(name, value);
      if (problem === null) return [[name, value]];
      this.#options.onProblem(problem);
      return [];
    });
    this.#replace({ ...this.#given, ...Object.fromEntries(allowed) });
  }

  set(name: SettingName, value: unknown): void {
    this.merge({ [name]: value });
  }

  /** All defaults again, or just these. */
  replace(input: SettingsInput = {}): void {
    this.#replace(input);
  }

  #replace(given: SettingsInput): void {
    this.#given = given;
    const complete = completeSettings(given);
    const before = this.#complete;
    if (Object.entries(complete).every(([name, value]) => before[name as SettingName] === value)) return;
    this.#complete = Object.freeze(complete);
    this.#options.onChange(this.#complete);
  }
}
