/** The form for the settings of the next run. Owns what is typed until it is allowed; decides nothing. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { ENGINE_CHOICES } from '../../protocol/engines.js';
import {
  FLAG_SETTINGS,
  hasRepairs,
  SETTING_RANGES,
  type FlagSetting,
  type NumericSetting,
  type Settings,
} from '../../protocol/settings.js';
import { RECIPE_NAMES } from '../../recipe/recipes.js';
import { readRepairs, REPAIRS, writeRepairs } from '../../recipe/repairs.js';
import type { TrainerState } from '../../protocol/reports.js';
import { icons } from '../parts/icons.js';
import { draftProblem, rangeOf, type DraftView } from './draft-problem.js';
import { parseTyped } from './parse-typed.js';
import { isAllowed, type SettingName } from '../../protocol/check-settings.js';
import { fill } from '../words/strings.js';

export interface SettingsFormView extends DraftView {
  readonly settings: Settings;
  /** Settings of the run that stands which differ from those. */
  readonly pending: readonly SettingName[];
  readonly state: TrainerState;
  /** Texts that were typed, or given otherwise, and are not allowed, by setting. */
  readonly drafts: ReadonlyMap<SettingName, string>;
}

export interface SettingsFormActions {
  readonly onChange: <Name extends SettingName>(name: Name, value: Settings[Name]) => void;
  /** A text that is no allowed value; null puts it away. */
  readonly onDraft: (name: SettingName, text: string | null) => void;
  readonly onReset: () => void;
  readonly onDefaults: () => void;
}

type Render = (view: SettingsFormView, actions: SettingsFormActions) => TemplateResult;

function hintOf({ strings, words, formats, data }: SettingsFormView, name: NumericSetting): string {
  if (name === 'labels' && data !== null) {
    return fill(words.labelsOf, { max: formats.plain(data.trainCount) });
  }
  const { min, max } = SETTING_RANGES[name];
  return fill(strings.fields[name].hint, { min: formats.plain(min), max: formats.plain(max) });
}

function numberField(name: NumericSetting, extra: Render | null = null): Render {
  return (view, actions) => {
    const { strings, settings, drafts } = view;
    const { max } = rangeOf(view, name);
    // A number from before the data was known is allowed no longer, perhaps.
    const draft = drafts.get(name) ?? (settings[name] > max ? String(settings[name]) : undefined);
    const hint = draft === undefined ? hintOf(view, name) : draftProblem(view, name, draft);
    const change = (event: Event): void => {
      const { value } = event.currentTarget as HTMLInputElement;
      const typed = parseTyped(value, strings.locale);
      if (!isAllowed(name, typed) || (typed as number) > max) {
        actions.onDraft(name, value);
        return;
      }
      actions.onDraft(name, null);
      actions.onChange(name, typed as number);
    };
    return html`<div class="field">
      <label for=${name}>${strings.fields[name].label}</label>
      <div class="control">
        <input
          id=${name}
          inputmode=${SETTING_RANGES[name].integer ? 'numeric' : 'decimal'}
          autocomplete="off"
          spellcheck="false"
          aria-describedby="${name}-hint"
          aria-invalid=${draft === undefined ? 'false' : 'true'}
          .value=${live(draft ?? String(settings[name]))}
          @change=${change}
        />
        ${extra === null ? nothing : extra(view, actions)}
      </div>
      <p id="${name}-hint" class="hint ${draft === undefined ? 'muted' : 'problem'}">${hint}</p>
    </div>`;
  };
}

function selectField<Name extends 'recipe' | 'engine'>(
  name: Name,
  choices: readonly Settings[Name][],
  label: (view: SettingsFormView, choice: Settings[Name]) => string,
  hint: (view: SettingsFormView) => string,
): Render {
  return (view, { onChange, onDraft }) => {
    const draft = view.drafts.get(name);
    const change = (event: Event): void => {
      onDraft(name, null);
      onChange(name, (event.currentTarget as HTMLSelectElement).value as Settings[Name]);
    };
    return html`<div class="field">
      <label for=${name}>${view.strings.fields[name].label}</label>
      <span class="select">
        <select
          id=${name}
          aria-describedby="${name}-hint"
          aria-invalid=${draft === undefined ? 'false' : 'true'}
          .value=${live(view.settings[name])}
          @change=${change}
        >
          ${choices.map(
            (choice) =>
              html`<option value=${choice} ?selected=${choice === view.settings[name]}>
                ${label(view, choice)}
              </option>`,
          )}
        </select>
        ${icons.chevron}
      </span>
      ${
        draft === undefined
          ? html`<p id="${name}-hint" class="hint muted">${hint(view)}</p>`
          : html`<p id="${name}-hint" class="hint problem">${draftProblem(view, name, draft)}</p>`
      }
    </div>`;
  };
}

const recipeField = selectField(
  'recipe',
  RECIPE_NAMES,
  ({ strings }, recipe) => strings.recipes[recipe].name,
  ({ strings, settings }) => strings.recipes[settings.recipe].description,
);

const engineField = selectField(
  'engine',
  ENGINE_CHOICES,
  ({ strings }, engine) => strings.engines[engine],
  () => '',
);

const newSeed: Render = ({ words }, { onChange, onDraft }) => {
  const draw = (): void => {
    onDraft('seed', null);
    onChange('seed', crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000_000);
  };
  return html`<button
    type="button"
    class="square"
    title=${words.newSeed}
    aria-label=${words.newSeed}
    @click=${draw}
  >
    ${icons.dice}
  </button>`;
};

function checkField(name: FlagSetting): Render {
  return (view, { onChange, onDraft }) => {
    const { strings, settings, drafts } = view;
    const draft = drafts.get(name);
    const change = (event: Event): void => {
      onDraft(name, null);
      onChange(name, (event.currentTarget as HTMLInputElement).checked);
    };
    return html`<label class="check">
      <input id=${name} type="checkbox" .checked=${live(settings[name])} @change=${change} />
      <span
        >${strings.fields[name].label}
        ${draft === undefined ? nothing : html`<small class="problem">${draftProblem(view, name, draft)}</small>`}</span
      >
    </label>`;
  };
}

const CHECKS = FLAG_SETTINGS.map(checkField);

/** A box for each repair, where the recipe has some. */
function repairsField(view: SettingsFormView, { onChange, onDraft }: SettingsFormActions): unknown {
  const { strings, settings, drafts } = view;
  if (!hasRepairs(settings.recipe)) return nothing;
  const draft = drafts.get('repairs');
  const repairs = readRepairs(settings.repairs) ?? [];
  const change = (event: Event): void => {
    const boxes = (event.currentTarget as HTMLElement).querySelectorAll('input');
    onDraft('repairs', null);
    onChange('repairs', writeRepairs(REPAIRS.filter((_, index) => boxes[index]!.checked)));
  };
  return html`<fieldset id="repairs" @change=${change}>
    <legend>${strings.fields.repairs.label}</legend>
    ${REPAIRS.map(
      (repair) =>
        html`<label class="check">
          <input id="repair-${repair}" type="checkbox" .checked=${live(repairs.includes(repair))} />
          <span>${strings.repairs[repair]}</span>
        </label>`,
    )}
    ${draft === undefined ? nothing : html`<p class="hint problem">${draftProblem(view, 'repairs', draft)}</p>`}
  </fieldset>`;
}

const BASIC: readonly Render[] = [
  recipeField,
  numberField('labels'),
  numberField('seed', newSeed),
  numberField('steps'),
];
const ADVANCED: readonly Render[] = [
  engineField,
  numberField('batch'),
  numberField('evalEvery'),
  numberField('dropout'),
  numberField('threads'),
];
const DISCRIMINATOR = (['discriminatorLr', 'discriminatorBeta1', 'discriminatorBeta2'] as const).map((name) =>
  numberField(name),
);
const GENERATOR = (['generatorLr', 'generatorBeta1', 'generatorBeta2'] as const).map((name) =>
  numberField(name),
);

function pendingNote(
  { words, pending, state }: SettingsFormView,
  { onReset }: SettingsFormActions,
): TemplateResult {
  if (pending.length === 0) return html`<p class="pending muted" role="note"></p>`;
  if (pending.length === 1 && pending[0] === 'steps')
    return html`<p class="pending" role="note">${words.pendingSteps}</p>`;
  if (state === 'ready') return html`<p class="pending" role="note">${words.pendingReady}</p>`;
  return html`<p class="pending" role="note">
    ${words.pendingReset} <button type="button" class="plain" @click=${onReset}>${words.applyReset}</button>
  </p>`;
}

export function settingsForm(view: SettingsFormView, actions: SettingsFormActions): TemplateResult {
  const { words } = view;
  const all = (fields: readonly Render[]): TemplateResult[] => fields.map((field) => field(view, actions));
  return html`<form
    class="settings"
    part="settings"
    aria-label=${words.settings}
    @submit=${(event: Event) => event.preventDefault()}
  >
    <div class="heading">
      <h2>${words.settings}</h2>
      <button type="button" class="plain" @click=${actions.onDefaults}>${words.defaults}</button>
    </div>
    <div class="fields">${all(BASIC)}</div>
    ${repairsField(view, actions)} ${pendingNote(view, actions)}
    <details class="advanced">
      <summary>${icons.chevron}${words.advanced}</summary>
      <div class="fields">${all(ADVANCED)}</div>
      ${all(CHECKS)}
      <fieldset>
        <legend>${words.advancedDiscriminator}</legend>
        <div class="fields three">${all(DISCRIMINATOR)}</div>
      </fieldset>
      <fieldset>
        <legend>${words.advancedGenerator}</legend>
        <div class="fields three">${all(GENERATOR)}</div>
      </fieldset>
    </details>
  </form>`;
}

export const settingsFormStyles = css`
  .settings .heading button {
    font-size: 13px;
    font-weight: 400;
    color: var(--_muted);
  }

  .fields {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(min(224px, 100%), 1fr));
    gap: 16px 24px;
  }

  .fields.three {
    grid-template-columns: repeat(auto-fill, minmax(min(80px, 100%), 1fr));
    gap: 8px 12px;
  }

  /* Not under the bar, which sticks, when one of them is given the focus. */
  .settings :is(input, select) {
    scroll-margin-top: calc(var(--sgan-sticky-top, 0px) + 96px);
  }

  .field {
    display: grid;
    gap: 4px;
    align-content: start;
    min-width: 0;
  }

  .field label {
    font-weight: 500;
  }

  .three .field label {
    font-weight: 400;
    font-size: 13px;
    color: var(--_muted);
  }

  .three .hint:not(.problem) {
    display: none;
  }

  .control {
    display: flex;
    gap: 8px;
  }

  .square {
    flex: none;
    width: var(--_control);
    padding: 0;
  }

  .hint {
    min-height: 18px;
    font-size: 13px;
    line-height: 18px;
  }

  .advanced .hint:empty {
    display: none;
  }

  .problem {
    color: var(--_danger);
  }

  /* Room for its button, so that nothing moves when it comes. */
  .pending {
    min-height: var(--_plain);
    margin: 8px 0;
    line-height: 24px;
  }

  .check {
    display: flex;
    align-items: center;
    gap: 10px;
    min-height: var(--_control);
    margin: 8px 0;
    cursor: pointer;
  }

  .advanced summary {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: var(--_control);
    font-weight: 500;
    cursor: pointer;
    list-style: none;
  }

  .advanced summary::-webkit-details-marker {
    display: none;
  }

  .advanced:not([open]) summary .icon {
    transform: rotate(-90deg);
  }

  .advanced > .fields {
    margin-top: 8px;
  }

  fieldset {
    min-width: 0;
    margin: 16px 0 0;
    padding: 0;
    border: 0;
  }

  legend {
    margin-bottom: 4px;
    padding: 0;
    font-weight: 600;
    font-size: 13px;
  }
`;
