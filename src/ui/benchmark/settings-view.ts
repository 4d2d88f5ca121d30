/** What is to be measured: preset, recipe, batch, and who takes part, with why the others cannot. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { contenderLabel, recipeRefusal, type Contender } from '../../protocol/benchmark/contenders.js';
import { stageMeant, stagesOf } from '../../protocol/benchmark/stages.js';
import { PRESET_NAMES } from '../../protocol/benchmark/pacing.js';
import { isBatch, type Survey } from '../../protocol/benchmark/orders.js';
import { SETTING_RANGES } from '../../protocol/settings.js';
import { RECIPE_NAMES, RECIPES } from '../../recipe/recipes.js';
import { icons } from '../parts/icons.js';
import { parseTyped, readTyped } from '../settings/parse-typed.js';
import { isChosen, ownBatch, type BenchmarkSettings, type BenchmarkSettingsInput } from './settings.js';
import { CONTENDER_WORDS, PRESET_WORDS } from './words.js';

export interface BenchmarkSettingsView {
  readonly settings: BenchmarkSettings;
  /** null before the browser has answered. */
  readonly survey: Survey | null;
  readonly isRunning: boolean;
  /** What was typed as a batch and is none; null where nothing is wrong. */
  readonly batchDraft: string | null;
  readonly onChange: (changed: BenchmarkSettingsInput) => void;
  readonly onBatchDraft: (text: string | null) => void;
}

/** Everyone with why not, of the browser or of the recipe. */
export function refusalsOf(
  survey: Survey,
  { recipe, stage }: Pick<BenchmarkSettings, 'recipe' | 'stage'>,
): readonly { readonly contender: Contender; readonly refusal: string | null }[] {
  return survey.contenders.map(({ contender, refusal }) => ({
    contender,
    refusal: refusal ?? recipeRefusal(contender, recipe, stageMeant(recipe, stage)),
  }));
}

function presets({ settings, isRunning, onChange }: BenchmarkSettingsView): TemplateResult {
  return html`<fieldset class="choice" ?disabled=${isRunning}>
    <legend>How long</legend>
    ${PRESET_NAMES.map(
      (name) =>
        html`<label class="option">
          <input
            type="radio"
            name="preset"
            value=${name}
            .checked=${live(settings.preset === name)}
            @change=${() => onChange({ preset: name })}
          />
          <span>${PRESET_WORDS[name].name} <small class="muted">${PRESET_WORDS[name].hint}</small></span>
        </label>`,
    )}
  </fieldset>`;
}

function recipeField({ settings, isRunning, onChange }: BenchmarkSettingsView): TemplateResult {
  const change = (event: Event): void =>
    onChange({ recipe: (event.currentTarget as HTMLSelectElement).value });
  return html`<div class="field">
    <label for="recipe">Recipe</label>
    <span class="select">
      <select id="recipe" ?disabled=${isRunning} .value=${live(settings.recipe)} @change=${change}>
        ${RECIPE_NAMES.map(
          (name) =>
            html`<option value=${name} ?selected=${name === settings.recipe}>${RECIPES[name].title}</option>`,
        )}
      </select>
      ${icons.chevron}
    </span>
  </div>`;
}

/** Nothing for a recipe that has a single stage. */
function stageField({
  settings: { recipe, stage },
  isRunning,
  onChange,
}: BenchmarkSettingsView): TemplateResult | typeof nothing {
  const stages = stagesOf(recipe);
  if (stages.length === 1) return nothing;
  const chosen = stageMeant(recipe, stage);
  const change = (event: Event): void => {
    const key = (event.currentTarget as HTMLSelectElement).value;
    onChange({ stage: key === stageMeant(recipe, null) ? null : key });
  };
  return html`<div class="field">
    <label for="stage">Stage</label>
    <span class="select">
      <select id="stage" ?disabled=${isRunning} .value=${live(chosen)} @change=${change}>
        ${stages.map((key) => html`<option value=${key} ?selected=${key === chosen}>${key}</option>`)}
      </select>
      ${icons.chevron}
    </span>
  </div>`;
}

/** What is wrong with a text that was typed as a batch. */
export function batchProblem(draft: string): string {
  const typed = readTyped(draft);
  if (typed.kind === 'ambiguous') {
    return `Can be read as ${typed.readings.join(' or as ')}; type one of these`;
  }
  const { min, max } = SETTING_RANGES.batch;
  return `Takes whole numbers from ${min} to ${max}`;
}

function batchField({
  settings,
  isRunning,
  batchDraft,
  onChange,
  onBatchDraft,
}: BenchmarkSettingsView): TemplateResult {
  const own = ownBatch(settings.recipe);
  const change = (event: Event): void => {
    const text = (event.currentTarget as HTMLInputElement).value.trim();
    const batch = text === '' ? own : parseTyped(text);
    if (!isBatch(batch)) return onBatchDraft(text);
    onBatchDraft(null);
    onChange({ batch: batch === own ? null : batch });
  };
  const hint = batchDraft === null ? `The recipe’s own is ${own}` : batchProblem(batchDraft);
  return html`<div class="field">
    <label for="batch">Batch</label>
    <input
      id="batch"
      inputmode="numeric"
      autocomplete="off"
      aria-describedby="batch-hint"
      aria-invalid=${batchDraft === null ? 'false' : 'true'}
      ?disabled=${isRunning}
      .value=${live(batchDraft ?? String(settings.batch ?? own))}
      @change=${change}
    />
    <span id="batch-hint" class="hint ${batchDraft === null ? 'muted' : 'problem'}">${hint}</span>
  </div>`;
}

function contendersField(view: BenchmarkSettingsView): TemplateResult {
  const { settings, survey, isRunning, onChange } = view;
  if (survey === null) return html`<p class="muted">Looking at what this browser has …</p>`;
  const all = refusalsOf(survey, settings);
  const able = all
    .filter(({ refusal }) => refusal === null)
    .map(({ contender }) => contenderLabel(contender));
  const toggle = (label: string, isOn: boolean): void => {
    const chosen = able.filter((other) =>
      other === label ? isOn : (settings.engines?.includes(other) ?? true),
    );
    // Everyone is what is meant when all boxes are ticked; nobody cannot be measured.
    if (chosen.length === able.length) onChange({ engines: null });
    else if (chosen.length > 0) onChange({ engines: chosen });
    else onChange({});
  };
  return html`<fieldset class="contenders" ?disabled=${isRunning}>
    <legend>Who takes part</legend>
    <ul>
      ${all.map(({ contender, refusal }) => {
        const label = contenderLabel(contender);
        return html`<li>
          <label class="check">
            <input
              type="checkbox"
              value=${label}
              ?disabled=${refusal !== null || isRunning}
              .checked=${live(refusal === null && isChosen(settings, contender))}
              @change=${(event: Event) => toggle(label, (event.currentTarget as HTMLInputElement).checked)}
            />
            <span
              >${label}
              <small class="muted">${refusal ?? CONTENDER_WORDS[contender.engine] ?? nothing}</small></span
            >
          </label>
        </li>`;
      })}
    </ul>
  </fieldset>`;
}

export function benchmarkSettings(view: BenchmarkSettingsView): TemplateResult {
  return html`<form
    class="settings"
    part="settings"
    aria-label="What is measured"
    @submit=${(event: Event) => event.preventDefault()}
  >
    <div class="basic">${presets(view)} ${recipeField(view)} ${stageField(view)} ${batchField(view)}</div>
    ${contendersField(view)}
  </form>`;
}

export const benchmarkSettingsStyles = css`
  .settings {
    display: grid;
    gap: 20px;
  }

  .basic {
    display: grid;
    grid-template-columns: minmax(0, 2fr) repeat(auto-fit, minmax(min(160px, 100%), 1fr));
    gap: 16px 24px;
    align-items: start;
  }

  fieldset {
    min-width: 0;
    margin: 0;
    padding: 0;
    border: 0;
  }

  legend {
    margin-bottom: 4px;
    padding: 0;
    font-weight: 500;
  }

  .option,
  .check {
    display: flex;
    align-items: center;
    gap: 10px;
    min-height: var(--_control);
    cursor: pointer;
  }

  .choice {
    display: flex;
    flex-wrap: wrap;
    gap: 0 24px;
  }

  .choice legend {
    float: left;
    width: 100%;
  }

  input[type='radio'] {
    flex: none;
    width: 18px;
    min-height: 18px;
    height: 18px;
    margin: 0;
    padding: 0;
    border: 1px solid var(--_edge);
    border-radius: 50%;
    background: var(--_background);
    appearance: none;
    cursor: pointer;
  }

  input[type='radio']:checked {
    border: 5px solid var(--_accent);
  }

  .field {
    display: grid;
    gap: 4px;
    min-width: 0;
  }

  .field label {
    font-weight: 500;
  }

  .hint,
  small {
    font-size: 13px;
    line-height: 18px;
  }

  .problem {
    color: var(--_danger);
  }

  .contenders ul {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr));
    gap: 0 24px;
  }

  .check {
    align-items: start;
    padding: 8px 0;
  }

  .check small {
    display: block;
  }

  input:disabled {
    opacity: 0.5;
    cursor: default;
  }

  @container (max-width: 719.9px) {
    .basic {
      grid-template-columns: minmax(0, 1fr);
    }
  }

  @media (forced-colors: active) {
    input[type='radio']:checked {
      forced-color-adjust: none;
    }
  }
`;
