/**
 * The colours of the theme for a canvas, which knows no CSS: read from hidden probes that CSS paints.
 * Tells when they change, whatever changed them (a media query, a class far outside).
 */

import { css, html, type TemplateResult } from 'lit';
import type { ChartColours } from './chart.js';

const NAMES = ['first', 'second', 'muted', 'text', 'grid'] as const satisfies readonly (keyof ChartColours)[];

/** To be rendered once, anywhere in the element. */
export function probes(onChange: () => void): TemplateResult {
  return html`<div class="probes" aria-hidden="true" @transitionend=${onChange}>
    ${NAMES.map((name) => html`<i class="probe-${name}"></i>`)}
  </div>`;
}

export function readColours(root: ParentNode): ChartColours {
  const colourOf = (name: string): string => {
    const probe = root.querySelector(`.probe-${name}`);
    return probe === null ? '' : getComputedStyle(probe).color;
  };
  return Object.fromEntries(NAMES.map((name) => [name, colourOf(name)])) as unknown as ChartColours;
}

export const probeStyles = css`
  .probes {
    position: absolute;
    width: 0;
    height: 0;
    overflow: hidden;
    visibility: hidden;
  }
  .probes i {
    /* Not for the eye: its end tells that the colour is another one. */
    transition: color 1ms step-end;
  }
  .probe-first {
    color: var(--_first);
  }
  .probe-second {
    color: var(--_second);
  }
  .probe-muted {
    color: var(--_muted);
  }
  .probe-text {
    color: var(--_muted);
  }
  .probe-grid {
    color: var(--_grid);
    forced-color-adjust: none;
  }
`;
