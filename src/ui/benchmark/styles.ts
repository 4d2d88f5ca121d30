/** The benchmark's layout, and the style sheets of all its parts in their order. */

import { css, type CSSResultGroup } from 'lit';
import { controlStyles } from '../styles/controls.js';
import { themeStyles } from '../styles/theme.js';
import { compareStyles } from './compare-view.js';
import { historyStyles } from './history-view.js';
import { machineStyles } from './machine-view.js';
import { operationsStyles } from './operations-view.js';
import { resultsStyles } from './results-view.js';
import { benchmarkSettingsStyles } from './settings-view.js';

const layoutStyles = css`
  .root {
    container-type: inline-size;
    position: relative;
  }

  .body {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 28px;
    padding: 24px 0;
  }

  .body > * {
    min-width: 0;
  }

  h2 {
    font-size: 16px;
    line-height: 24px;
  }

  .bar-of-commands {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 12px 20px;
  }

  .progress {
    flex: 1 1 240px;
    display: grid;
    gap: 4px;
    min-height: 36px;
    align-content: center;
  }

  progress {
    width: 100%;
    height: 4px;
    border: 0;
    border-radius: 2px;
    overflow: hidden;
    appearance: none;
    background: var(--_line);
  }

  progress::-webkit-progress-bar {
    background: var(--_line);
  }

  progress::-webkit-progress-value {
    background: var(--_accent);
  }

  progress::-moz-progress-bar {
    background: var(--_accent);
  }

  .problem-banner {
    display: flex;
    gap: 10px;
    align-items: start;
    padding: 12px 16px;
    border-radius: var(--_radius);
    background: var(--_danger-sunken);
    color: var(--_danger);
  }

  .problem-banner p {
    flex: 1;
    overflow-wrap: anywhere;
  }

  .problem-banner .icon {
    margin-top: 2px;
  }

  .report-head {
    display: flex;
    flex-wrap: wrap;
    justify-content: space-between;
    align-items: end;
    gap: 12px 24px;
  }

  .report-head .field {
    flex: 1 1 260px;
    max-width: 520px;
  }

  .report-head .actions,
  .files {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
  }

  details {
    border-top: 1px solid var(--_line);
    padding-top: 4px;
  }

  details[open] {
    padding-bottom: 8px;
  }

  summary {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: var(--_control);
    font-weight: 600;
    cursor: pointer;
    list-style: none;
  }

  summary::-webkit-details-marker {
    display: none;
  }

  details:not([open]) summary .icon {
    transform: rotate(-90deg);
  }

  .details {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
  }

  textarea {
    width: 100%;
    min-height: 160px;
    border: 1px solid var(--_edge);
    border-radius: var(--_radius);
    background: var(--_background);
    color: var(--_text);
    font:
      400 13px / 18px ui-monospace,
      monospace;
  }

  @media (forced-colors: active) {
    progress {
      forced-color-adjust: none;
    }

    .problem-banner {
      border: 1px solid;
    }
  }

  @container (max-width: 599.9px) {
    .root > * {
      --_control: 44px;
      --_plain: 44px;
    }

    .report-head .actions button,
    .files button {
      flex: 1 1 auto;
    }
  }

  @media (pointer: coarse) {
    .root {
      --_control: 44px;
      --_plain: 44px;
    }
  }
`;

export const benchmarkStyles: CSSResultGroup = [
  themeStyles,
  controlStyles,
  benchmarkSettingsStyles,
  resultsStyles,
  operationsStyles,
  machineStyles,
  compareStyles,
  historyStyles,
  layoutStyles,
];
