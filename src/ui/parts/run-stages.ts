/**
 * The stages of a run: how far each is, what the present one does, and what is known of the labels that were spread.
 * Nothing for recipes of one stage that has nothing to tell. Paints nothing itself.
 */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { SpreadReport } from '../../protocol/reports.js';
import type { RunModel } from '../element/run-model.js';
import { CONFIDENT_SHARE, spanAt, type StagePlan, type StageSpan } from '../element/stage-progress.js';
import { fill } from '../words/strings.js';
import type { Speech } from '../words/words.js';
import { icons } from './icons.js';
import { countClasses } from './feature-map-canvas.js';

export interface RunStagesView extends Speech {
  readonly model: RunModel;
  /** Of the run, or of the one to come. */
  readonly plan: StagePlan;
  readonly spans: readonly StageSpan[];
}

/** Whether the plan has labels that are spread, and with them a map. */
export function hasMap({ stages }: StagePlan): boolean {
  return stages.some(({ spreadsLabels }) => spreadsLabels);
}

function item(view: RunStagesView, span: StageSpan, index: number): TemplateResult {
  const { strings, words, formats, model, spans } = view;
  const { key, first, end } = span;
  const isDone = model.step >= end;
  const isCurrent = !isDone && model.state !== 'idle' && span === spanAt(spans, model.step);
  const done = Math.min(end, Math.max(first, model.step)) - first;
  const name = strings.runStages[key]?.name ?? key;
  const steps = fill(words.stepOf, { step: formats.count(done), total: formats.count(end - first) });
  const spoken = isDone ? words.stageDone : isCurrent ? words.stageCurrent : '';
  return html`<li
    class=${isDone ? 'is-done' : isCurrent ? 'is-current' : ''}
    aria-current=${isCurrent ? 'step' : nothing}
  >
    <p>
      ${isDone ? icons.done : nothing}<span class="name">${index + 1}. ${name}</span>
      <span class="number muted">${steps}</span><span class="hidden-visually"> ${spoken}</span>
    </p>
    <progress max=${end - first} value=${done} aria-label=${name}></progress>
  </li>`;
}

/** How the spread labels were checked, and which of them serve. */
export function describeTrust({ words, formats }: Speech, spread: SpreadReport): string {
  const { leftOut, leftOutRight, trust, usedShare } = spread;
  const outcome = {
    all: words.trustAll,
    surest: fill(words.trustSurest, { share: formats.roundPercent(usedShare) }),
    none: words.trustNone,
  }[trust];
  if (leftOut === 0) return fill(words.trustUnchecked, { outcome });
  return fill(words.trustChecked, {
    leftOut: formats.count(leftOut),
    right: formats.count(leftOutRight),
    outcome,
  });
}

function present({ strings, words, model, spans }: RunStagesView): string {
  if (model.isSpreading) return words.spreadingText;
  const key = spanAt(spans, model.step)?.key ?? '';
  return strings.runStages[key]?.description ?? '';
}

function figures(view: RunStagesView): readonly string[] {
  const { words, formats, model, plan } = view;
  const lines: string[] = [];
  if (model.spread !== null) lines.push(describeTrust(view, model.spread));
  if (plan.metrics.includes(CONFIDENT_SHARE) && model.confidentShare !== null) {
    const share = formats.roundPercent(model.confidentShare);
    const agreement = model.evaluations.at(-1)?.pseudoLabels?.spreadAgreement ?? null;
    lines.push(
      agreement === null
        ? fill(words.confidentShare, { share })
        : fill(words.confidentAgreeing, { share, agreement: formats.percent(agreement) }),
    );
  }
  return lines;
}

function describeMap({ words, formats, model }: RunStagesView): string {
  const { map, data } = model;
  if (map === null) return words.mapNone;
  const names = data?.classNames ?? [];
  const { counts, without } = countClasses(map, names.length);
  const parts = names.map((name, index) => `${name}: ${formats.count(counts[index]!)}`);
  if (without > 0) parts.push(fill(words.mapWithout, { count: formats.count(without) }));
  return fill(words.mapLabel, {
    count: formats.count(map.classes.length),
    step: formats.count(map.step),
    classes: parts.join(', '),
  });
}

export function runStages(view: RunStagesView): TemplateResult | typeof nothing {
  const { words, formats, model, plan, spans } = view;
  const isStaged = spans.length > 1;
  if (!isStaged && !plan.metrics.includes(CONFIDENT_SHARE)) return nothing;
  const { map } = model;
  const caption = map === null ? words.mapNone : fill(words.mapAt, { step: formats.count(map.step) });
  return html`<section class="run-stages" part="stages" aria-label=${words.runStages}>
    ${
      isStaged
        ? html`<ol>
            ${spans.map((span, index) => item(view, span, index))}
          </ol>`
        : nothing
    }
    <div class="present">
      <div class="present-words">
        <p data-stage=${model.isSpreading ? 'spreading' : (spanAt(spans, model.step)?.key ?? nothing)}>
          ${present(view)}
        </p>
        ${figures(view).map((line) => html`<p class="muted number">${line}</p>`)}
      </div>
      ${
        hasMap(plan)
          ? html`<p class="map-text muted">${words.mapText}</p>
              <figure class="feature-map" part="feature-map">
                <div class="map-sheet">
                  <canvas id="feature-map" role="img" aria-label=${describeMap(view)}></canvas>
                </div>
                <figcaption class="muted number">${caption}</figcaption>
              </figure>`
          : nothing
      }
    </div>
  </section>`;
}

export const runStagesStyles = css`
  .run-stages {
    display: grid;
    gap: 16px;
    grid-column: 1 / -1;
  }

  .run-stages ol {
    display: grid;
    grid-auto-flow: column;
    grid-auto-columns: minmax(0, 1fr);
    gap: 8px 16px;
  }

  .run-stages li p {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0 6px;
    min-height: 24px;
    margin-bottom: 4px;
    color: var(--_muted);
  }

  .run-stages li .number {
    font-size: 13px;
  }

  .run-stages li .icon {
    color: var(--_accent);
  }

  .run-stages .is-current .name {
    color: var(--_text);
    font-weight: 600;
  }

  .present {
    display: grid;
    grid-template: 'words map' auto 'text map' 1fr / minmax(0, 1fr) auto;
    gap: 8px 24px;
  }

  .map-text {
    grid-area: text;
    align-self: end;
    font-size: 13px;
  }

  .present-words {
    grid-area: words;
    display: grid;
    align-content: start;
    gap: 8px;
    max-width: 640px;
  }

  .feature-map {
    grid-area: map;
    width: 168px;
  }

  .map-sheet {
    aspect-ratio: 1;
    overflow: hidden;
    border-radius: var(--_radius);
    background: var(--_digits);
  }

  .map-sheet canvas {
    display: block;
    width: 100%;
    height: 100%;
  }

  .feature-map figcaption {
    min-height: 20px;
    font-size: 13px;
  }

  @container (max-width: 599.9px) {
    .present {
      grid-template: 'words map' 1fr 'text text' auto / minmax(0, 1fr) auto;
      gap: 8px 16px;
      /* The longest words, beside the map, so that nothing below them moves. */
      min-height: 304px;
    }

    .run-stages ol {
      gap: 8px;
    }

    .run-stages li p {
      gap: 0 4px;
      font-size: 13px;
    }

    .run-stages li .number {
      flex-basis: 100%;
    }

    .feature-map {
      width: 128px;
    }
  }

  @media (forced-colors: active) {
    .map-sheet {
      border: 1px solid;
    }
  }
`;
