/** Buttons, text fields, selects, panels: the controls that the parts share. */

import { css } from 'lit';

export const controlStyles = css`
  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 8px;
    min-height: var(--_control);
    margin: 0;
    padding: 0 14px;
    border: 1px solid var(--_edge);
    border-radius: var(--_radius);
    background: var(--_background);
    color: var(--_text);
    font: 500 14px / 20px var(--_font);
    white-space: nowrap;
    cursor: pointer;
    touch-action: manipulation;
    -webkit-tap-highlight-color: transparent;
  }

  button:hover {
    background: var(--_sunken);
  }

  button:active {
    background: var(--_line);
  }

  button[aria-disabled='true'] {
    border-color: var(--_line);
    background: var(--_background);
    color: var(--_muted);
    cursor: default;
  }

  button.primary {
    border-color: var(--_accent);
    background: var(--_accent);
    color: var(--_on-accent);
    font-weight: 600;
  }

  button.primary:hover {
    background: color-mix(in oklab, var(--_accent) 88%, var(--_text));
  }

  button.emphasised {
    border-color: var(--_accent);
    box-shadow: inset 0 0 0 1px var(--_accent);
    color: var(--_accent);
  }

  button.plain {
    min-width: var(--_plain);
    min-height: var(--_plain);
    padding: 0;
    border: 0;
    background: none;
    color: var(--_accent);
  }

  button.plain:hover {
    text-decoration: underline;
    text-underline-offset: 3px;
  }

  input:not([type='checkbox'], [type='file']),
  select {
    width: 100%;
    min-width: 0;
    min-height: var(--_control);
    margin: 0;
    padding: 0 12px;
    border: 1px solid var(--_edge);
    border-radius: var(--_radius);
    background: var(--_background);
    color: var(--_text);
    font: 400 14px / 20px var(--_font);
    font-variant-numeric: tabular-nums;
    appearance: none;
  }

  select {
    padding-inline-end: 36px;
    text-overflow: ellipsis;
    cursor: pointer;
  }

  .select {
    position: relative;
    display: block;
  }

  .select .icon {
    position: absolute;
    inset-inline-end: 12px;
    top: calc(50% - 8px);
    pointer-events: none;
  }

  input[aria-invalid='true'],
  select[aria-invalid='true'] {
    border-color: var(--_danger);
    box-shadow: inset 0 0 0 1px var(--_danger);
  }

  input[type='checkbox'] {
    flex: none;
    width: 18px;
    height: 18px;
    margin: 0;
    border: 1px solid var(--_edge);
    border-radius: 4px;
    background: var(--_background);
    appearance: none;
    cursor: pointer;
  }

  input[type='checkbox']:checked {
    border-color: var(--_accent);
    background: var(--_accent);
  }

  input[type='checkbox']:checked::before {
    content: '';
    display: block;
    width: 5px;
    height: 9px;
    margin: 2px auto;
    border: solid var(--_on-accent);
    border-width: 0 2px 2px 0;
    transform: rotate(45deg);
  }

  .menu {
    position: relative;
  }

  .panel {
    position: absolute;
    z-index: 2;
    top: calc(100% + 8px);
    inset-inline-end: 0;
    width: max-content;
    max-width: min(320px, 88cqi);
    padding: 16px;
    border: 1px solid var(--_line);
    border-radius: calc(var(--_radius) + 4px);
    background: var(--_raised);
    box-shadow:
      0 1px 2px rgb(0 0 0 / 8%),
      0 12px 32px rgb(0 0 0 / 16%);
  }

  @media (forced-colors: active) {
    button.primary,
    input[type='checkbox']:checked {
      forced-color-adjust: none;
    }

    button.emphasised {
      outline: 1px solid;
    }

    button[aria-disabled='true'] {
      border-color: GrayText;
      color: GrayText;
    }
  }
`;
