/** Puts the parts together. Given what is to be shown and what each control does; keeps nothing. */

import { RECIPES } from '../../recipe/recipes.js';
import { html, nothing, type TemplateResult } from 'lit';
import type { ErrorInfo } from '../../protocol/errors.js';
import type { EvaluationReport } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import { isBaseline } from '../charts/baselines.js';
import type { Comparison } from '../comparison/comparison.js';
import { referenceFor } from '../comparison/references.js';
import { probes } from '../charts/theme-colours.js';
import { accuracy } from '../parts/accuracy.js';
import { charts } from '../parts/charts.js';
import { engineMenu } from '../parts/engine-menu.js';
import { evaluationsTable } from '../parts/evaluations-table.js';
import { hero } from '../parts/hero.js';
import { notice, type NoticeActions } from '../parts/notice.js';
import { saveMenu } from '../parts/save-menu.js';
import { settingsForm, type SettingsFormActions } from '../settings/settings-form.js';
import { runStages } from '../parts/run-stages.js';
import { statusBar, type StatusBarActions } from '../parts/status-bar.js';
import { planStages, stageSpans, unmeasuredStepsOf } from './stage-progress.js';
import { stepsToEvaluation } from '../../protocol/evaluation-schedule.js';
import type { Speech } from '../words/words.js';
import type { Menus } from './menus.js';
import { SECTIONS, section, type SectionName } from './sections.js';
import { availableKinds, type SaveKind } from './saver.js';
import { differingSettings, type SettingName } from '../../protocol/check-settings.js';
import type { TrainerSession } from '../trainer-session.js';

export interface ElementView extends Speech {
  readonly session: TrainerSession;
  /** Of the next run. */
  readonly settings: Settings;
  readonly error: ErrorInfo | null;
  readonly baseline: readonly EvaluationReport[];
  readonly withoutGan: readonly EvaluationReport[];
  readonly comparison: Pick<Comparison, 'isWanted' | 'stateOf' | 'takesTurns' | 'turnOf'>;
  readonly isStartQueued: boolean;
  readonly continueTo: number;
  readonly hasPoster: boolean;
  readonly cursorStep: number | null;
  readonly drafts: ReadonlyMap<SettingName, string>;
  readonly isTableOpen: boolean;
  readonly isDropOver: boolean;
  readonly menus: Menus;
  readonly shown: ReadonlySet<SectionName>;
  /** What the live region says. */
  readonly announcement: string;
}

/** The sections below the bar and the line. */
const BODY: readonly SectionName[] = SECTIONS.filter((name) => name !== 'status-bar' && name !== 'notice');

export interface ElementActions
  extends StatusBarActions, NoticeActions, Omit<SettingsFormActions, 'onReset'> {
  readonly onSaveKind: (kind: SaveKind) => void;
  readonly onLoad: (file: File) => void;
  readonly onTable: (isOpen: boolean) => void;
  readonly onCompare: (isCompared: boolean) => void;
  readonly onThemeChange: () => void;
}

/** Settings that the run which stands does not have yet. */
function pendingSettings({ session, settings }: ElementView): readonly SettingName[] {
  const { state, settings: current } = session.model;
  return current === null || state === 'failed' ? [] : differingSettings(settings, current);
}

export function elementTemplate(view: ElementView, actions: ElementActions): TemplateResult {
  const { words, session, settings, menus, baseline, withoutGan, comparison, shown } = view;
  const inSlot = (name: SectionName, content: TemplateResult): TemplateResult =>
    section(name, shown, content);
  const isShown = (name: SectionName): boolean => shown.has(name);
  const hasDigits = isShown('digits') || isShown('real-digits');
  const hasResults = isShown('accuracy') || isShown('charts');
  const { model } = session;
  const current = model.settings ?? settings;
  const { recipe } = current;
  const plan = model.run ?? planStages(current);
  const spans = stageSpans(plan.stages, current.steps);
  const unmeasured = unmeasuredStepsOf(plan.stages);
  const engine = engineMenu({
    ...view,
    engine: model.engine,
    isOpen: menus.isOpen('engine'),
    onToggle: () => menus.toggle('engine'),
  });
  const save = saveMenu({
    ...view,
    isOpen: menus.isOpen('save'),
    available: availableKinds(session),
    onToggle: () => menus.toggle('save'),
    onSave: actions.onSaveKind,
    onLoad: actions.onLoad,
  });
  const bar = statusBar(
    {
      ...view,
      model,
      steps: current.steps,
      takesTurns: comparison.takesTurns,
      canContinue: settings.steps > model.step,
      isDiscardAsked: menus.isOpen('discard'),
      engineMenu: engine,
      saveMenu: save,
    },
    actions,
  );
  return html`<div
    class="root"
    role="group"
    aria-label=${words.trainer}
    @keydown=${menus.onKeydown}
    @focusout=${menus.onFocusout}
  >
    ${inSlot('status-bar', bar)} ${inSlot('notice', notice({ ...view, model }, actions))}
    <div class="body ${shown.has('settings') ? '' : 'without-settings'}" ?hidden=${!BODY.some(isShown)}>
      <div
        class="stage ${hasDigits && hasResults ? '' : 'single'}"
        ?hidden=${!hasDigits && !hasResults && !isShown('stages') && !isShown('evaluations')}
      >
        ${inSlot('stages', html`${runStages({ ...view, model, plan, spans })}`)}
        ${hero({
          ...view,
          model,
          hasGenerator: RECIPES[recipe].hasGenerator,
          isBaseline: isBaseline(recipe),
          isUntrained: unmeasured > 0 && model.step <= unmeasured,
        })}
        <div class="results" ?hidden=${!hasResults}>
          ${inSlot(
            'accuracy',
            accuracy({
              ...view,
              model,
              recipe,
              baseline,
              withoutGan,
              isCompared: comparison.isWanted,
              comparisonOf: (other) => comparison.stateOf(other),
              turnOf: comparison.turnOf,
              referenceOf: (other) => referenceFor(other, current, model.data),
              onCompare: actions.onCompare,
              firstEvaluation:
                unmeasured < current.steps
                  ? stepsToEvaluation(0, { ...current, unmeasuredSteps: unmeasured })
                  : null,
            }),
          )}
          ${inSlot('charts', charts({ ...view, model, baseline }))}
        </div>
        ${inSlot(
          'evaluations',
          evaluationsTable({
            ...view,
            evaluations: model.evaluations,
            // Those of stages without evaluations have no value at one.
            losses: model.losses.names.filter((name) =>
              model.evaluations.some(({ losses }) => name in losses),
            ),
            isOpen: view.isTableOpen,
            onToggle: actions.onTable,
          }),
        )}
      </div>
      ${inSlot(
        'settings',
        settingsForm(
          { ...view, pending: pendingSettings(view), state: model.state, data: model.data },
          actions,
        ),
      )}
    </div>
    ${view.isDropOver ? html`<div class="drop">${words.dropTitle}</div>` : nothing}
    ${probes(actions.onThemeChange)}
    <p class="hidden-visually" role="status" aria-live="polite">${view.announcement}</p>
  </div>`;
}
