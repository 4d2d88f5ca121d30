/** The element's layout, and the style sheets of all its parts in their order. */

import { css, type CSSResultGroup } from 'lit';
import { accuracyStyles } from '../parts/accuracy.js';
import { chartsStyles } from '../parts/charts.js';
import { engineMenuStyles } from '../parts/engine-menu.js';
import { evaluationsTableStyles } from '../parts/evaluations-table.js';
import { heroStyles } from '../parts/hero.js';
import { noticeStyles } from '../parts/notice.js';
import { saveMenuStyles } from '../parts/save-menu.js';
import { runStagesStyles } from '../parts/run-stages.js';
import { settingsFormStyles } from '../settings/settings-form.js';
import { statusBarStyles } from '../parts/status-bar.js';
import { controlStyles } from './controls.js';
import { themeStyles } from './theme.js';

const layoutStyles = css`
  .root {
    container-type: inline-size;
  }

  .body {
    display: grid;
    gap: 32px;
  }

  .stage {
    display: grid;
    align-content: start;
    gap: 24px;
  }

  .stage > *,
  .stage > slot > * {
    min-width: 0;
  }

  .results {
    display: flex;
    flex-direction: column;
    gap: 16px;
    min-width: 0;
  }

  .drop {
    position: absolute;
    z-index: 4;
    inset: 0;
    display: grid;
    place-content: center;
    border: 2px dashed var(--_accent);
    border-radius: var(--_radius);
    background: color-mix(in oklab, var(--_background) 88%, var(--_accent));
    font-weight: 600;
    font-size: 16px;
    pointer-events: none;
  }

  @container (min-width: 600px) and (max-width: 899.9px) {
    .stage {
      grid-template-columns: 1fr 1fr;
    }

    /* The figure beside the digits, the charts below both. */
    .results {
      display: contents;
    }

    .charts,
    .evaluations {
      grid-column: 1 / -1;
    }
  }

  @container (min-width: 900px) {
    .stage {
      grid-template-columns: minmax(0, 5fr) minmax(0, 6fr);
      gap: 24px 40px;
    }

    .evaluations {
      grid-column: 1 / -1;
    }
  }

  @container (min-width: 1280px) {
    .body {
      grid-template-columns: minmax(0, 1fr) 280px;
      gap: 40px;
    }

    .settings {
      padding-inline-start: 40px;
      margin-inline-start: -1px;
      border-inline-start: 1px solid var(--_line);
    }

    .body:has(.settings):not(.without-settings) {
      grid-template-columns: minmax(0, 1fr) 320px;
    }

    .fields:not(.three) {
      grid-template-columns: minmax(0, 1fr);
      gap: 12px;
    }
  }

  /* What a host hides leaves no column behind. */
  .stage.single {
    grid-template-columns: minmax(0, 1fr);
  }

  .body.without-settings,
  .body:has(.stage[hidden]) {
    grid-template-columns: minmax(0, 1fr);
  }

  .body:has(.stage[hidden]) .settings {
    padding-inline-start: 0;
    border-inline-start: 0;
  }

  .root [hidden] {
    display: none;
  }

  /* Fingers: as large as WCAG's enhanced target size, however wide the screen. */
  @container (max-width: 599.9px) {
    .root > * {
      --_control: 44px;
      --_plain: 44px;
    }
  }

  @media (pointer: coarse) {
    .root {
      --_control: 44px;
      --_plain: 44px;
    }
  }
`;

export const elementStyles: CSSResultGroup = [
  themeStyles,
  controlStyles,
  statusBarStyles,
  engineMenuStyles,
  saveMenuStyles,
  noticeStyles,
  runStagesStyles,
  heroStyles,
  accuracyStyles,
  ...chartsStyles,
  evaluationsTableStyles,
  settingsFormStyles,
  layoutStyles,
];
