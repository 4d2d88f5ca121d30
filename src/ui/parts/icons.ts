/** The element's icons, 16 px, drawn in the colour of the text around them. Decoration only. */

import { svg, html, type TemplateResult, type SVGTemplateResult } from 'lit';

const icon = (shapes: SVGTemplateResult): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    ${shapes}
  </svg>`;

const line = (path: string): SVGTemplateResult =>
  svg`<path d=${path} fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" />`;

const solid = (path: string): SVGTemplateResult => svg`<path d=${path} fill="currentColor" />`;

export const icons = {
  play: icon(solid('M4.5 2.8v10.4c0 .5.6.9 1 .6l8-5.2c.4-.3.4-.9 0-1.2l-8-5.2c-.4-.3-1 .1-1 .6Z')),
  pause: icon(solid('M4 2.5h2.6v11H4zM9.4 2.5H12v11H9.4z')),
  step: icon(
    svg`${solid('M3 3.4v9.2c0 .5.6.8 1 .5l6.3-4.6a.6.6 0 0 0 0-1L4 2.9c-.4-.3-1 0-1 .5Z')}${solid('M11.2 2.6h2v10.8h-2z')}`,
  ),
  reset: icon(svg`${line('M3.2 8.6a4.9 4.9 0 1 0 1.3-4')}${line('M3 2.6v3h3')}`),
  save: icon(
    svg`${line('M8 2.4v7.4M4.9 6.9 8 10l3.1-3.1')}${line('M2.8 10.8v1.6c0 .7.5 1.2 1.2 1.2h8c.7 0 1.2-.5 1.2-1.2v-1.6')}`,
  ),
  open: icon(
    svg`${line('M8 10V2.6M4.9 5.5 8 2.4l3.1 3.1')}${line('M2.8 10.8v1.6c0 .7.5 1.2 1.2 1.2h8c.7 0 1.2-.5 1.2-1.2v-1.6')}`,
  ),
  done: icon(line('m3.2 8.4 3.1 3.2 6.5-7')),
  alert: icon(
    svg`${line('M8 4.6v4.2')}${solid('M8 10.6a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z')}<circle cx="8" cy="8" r="6.6" fill="none" stroke="currentColor" stroke-width="1.5" />`,
  ),
  info: icon(
    svg`${line('M8 7.6v3.8')}${solid('M8 3.9a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z')}<circle cx="8" cy="8" r="6.6" fill="none" stroke="currentColor" stroke-width="1.5" />`,
  ),
  idle: icon(svg`<circle cx="8" cy="8" r="4.4" fill="none" stroke="currentColor" stroke-width="1.75" />`),
  ready: icon(
    svg`<circle cx="8" cy="8" r="4.4" fill="none" stroke="currentColor" stroke-width="1.75" /><circle cx="8" cy="8" r="1.8" fill="currentColor" />`,
  ),
  busy: icon(svg`<g class="turning">${line('M8 2.6A5.4 5.4 0 1 1 2.6 8')}</g>`),
  chevron: icon(line('m4 6.2 4 4 4-4')),
  dice: icon(
    svg`<rect x="2.4" y="2.4" width="11.2" height="11.2" rx="2.6" fill="none" stroke="currentColor" stroke-width="1.5" />${solid('M5.6 4.6a1 1 0 1 0 0 2 1 1 0 0 0 0-2ZM8 7a1 1 0 1 0 0 2 1 1 0 0 0 0-2Zm2.4 2.4a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z')}`,
  ),
} as const;
