/**
 * The settings of the next run as they were asked for, from attributes, properties, the form and
 * checkpoints. Takes only what is allowed; the rest it reports, and remembers until that setting is given
 * anew.
 */

import type { Settings, SettingsInput } from '../../protocol/settings.js';
import {
  completeSettings,
  SETTING_NAMES,
  settingProblem,
  type SettingName,
} from '../../protocol/check-settings.js';

export interface NextSettingsOptions {
  /** The settings are others, or one that was refused is none any more. */
  readonly onChange: (settings: Settings) => void;
  /** Something is not allowed; it names the setting, the value met and the values allowed. */
  readonly onProblem: (message: string) => void;
}

export class NextSettings {
  readonly #options: NextSettingsOptions;
  #given: SettingsInput = {};
  #complete: Settings = completeSettings({});
  readonly #refused = new Map<SettingName, unknown>();
  /** Whether the engine is a checkpoint's, and was not asked for by name. */
  #isEngineOfFile = false;

  constructor(options: NextSettingsOptions) {
    this.#options = options;
  }

  /** Every setting, defaults filled in. */
  get complete(): Settings {
    return this.#complete;
  }

  /** The engine that was asked for by name; undefined for the default, and for a checkpoint's. */
  get askedEngine(): SettingsInput['engine'] {
    return this.#isEngineOfFile ? undefined : this.#given.engine;
  }

  /** What was asked for last and is not allowed, by setting; the value before it is in force. */
  get refused(): ReadonlyMap<SettingName, unknown> {
    return this.#refused;
  }

  /** Lays these over what was asked for before; undefined and null take one back to its default. */
  merge(input: unknown): void {
    if (typeof input !== 'object' || input === null) {
      this.#options.onProblem(`Settings must be an object, got ${String(input)}.`);
      return;
    }
    const refusedBefore = this.#refused.size;
    const allowed = Object.entries(input).flatMap(([name, value]): [string, unknown][] => {
      // Null is what frameworks set a property to that a page no longer gives.
      const given: unknown = value ?? undefined;
      const problem = given === undefined ? null : settingProblem(name, given);
      if (problem === null) {
        this.#refused.delete(name as SettingName);
        return [[name, given]];
      }
      this.#options.onProblem(problem);
      if (SETTING_NAMES.some((known) => known === name)) this.#refused.set(name as SettingName, given);
      return [];
    });
    if (allowed.some(([name]) => name === 'engine')) this.#isEngineOfFile = false;
    this.#replace({ ...this.#given, ...Object.fromEntries(allowed) }, this.#refused.size < refusedBefore);
  }

  set(name: SettingName, value: unknown): void {
    this.merge({ [name]: value });
  }

  /** The settings of a run that was loaded on `askedEngine`: with undefined on the checkpoint's own. */
  takeOver(settings: Settings, askedEngine: SettingsInput['engine']): void {
    this.replace(settings);
    this.#isEngineOfFile = askedEngine === undefined;
  }

  /** All defaults again, or just these. */
  replace(input: SettingsInput = {}): void {
    const hasRefused = this.#refused.size > 0;
    this.#isEngineOfFile = false;
    this.#refused.clear();
    this.#replace(input, hasRefused);
  }

  #replace(given: SettingsInput, isTold: boolean): void {
    this.#given = given;
    const complete = completeSettings(given);
    const before = this.#complete;
    const isSame = Object.entries(complete).every(([name, value]) => before[name as SettingName] === value);
    if (isSame && !isTold) return;
    if (!isSame) this.#complete = Object.freeze(complete);
    this.#options.onChange(this.#complete);
  }
}
