/** What a host meets in the element's settings, reports and errors: types, and the lists behind them. */

export {
  ENGINE_CHOICES,
  ENGINE_NAMES,
  type EngineChoice,
  type EngineName,
  type EngineReport,
} from './engines.js';
export { ERROR_KINDS, type ErrorInfo, type ErrorKind } from './errors.js';
export type { EvaluationReport, ImageGrid, ImagesReport, Report, TrainerState } from './reports.js';
export { DEFAULT_SETTINGS, SETTING_RANGES, type Settings, type SettingsInput } from './settings.js';
export { VERSION } from './version.js';
