/**
 * Colours, type and spacing of the element, from public custom properties with defaults. Light and
 * dark follow the `color-scheme` of the page around it; forced colours replace the palette.
 */

import { css } from 'lit';

export const themeStyles = css`
  :host {
    --_background: var(--sgan-background, light-dark(#ffffff, #101216));
    --_raised: var(--sgan-raised, light-dark(#ffffff, #1a1d23));
    --_sunken: var(--sgan-sunken, light-dark(#f3f4f6, #1a1d23));
    --_text: var(--sgan-text, light-dark(#14171c, #eceef2));
    --_muted: var(--sgan-muted, light-dark(#596170, #9aa3b2));
    --_line: var(--sgan-line, light-dark(#e1e4e9, #2b3038));
    --_grid: var(--_line);
    --_edge: light-dark(#878e9b, #6d7583);
    --_accent: var(--sgan-accent, light-dark(#0a5bd0, #7fb0ff));
    --_on-accent: var(--sgan-on-accent, light-dark(#ffffff, #0b1220));
    --_first: var(--sgan-series-first, var(--_accent));
    --_second: var(--sgan-series-second, light-dark(#b4480a, #f2a65e));
    --_danger: light-dark(#b3261e, #ff9d94);
    --_danger-sunken: light-dark(#fdf1f0, #2a1816);
    --_digits: var(--sgan-digits-background, #08090b);
    --_radius: var(--sgan-radius, 8px);
    --_font: var(--sgan-font, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif);
    /* Heights of controls, and of those that are no more than a word. */
    --_control: 36px;
    --_plain: 24px;

    display: block;
    position: relative;
    color: var(--_text);
    background: var(--_background);
    font: 400 14px / 20px var(--_font);
    -webkit-text-size-adjust: 100%;
    text-align: start;
  }

  :host([hidden]) {
    display: none;
  }

  @media (forced-colors: active) {
    :host {
      --_background: Canvas;
      --_raised: Canvas;
      --_sunken: Canvas;
      --_text: CanvasText;
      --_muted: CanvasText;
      --_line: CanvasText;
      --_grid: color-mix(in srgb, CanvasText 30%, Canvas);
      --_edge: CanvasText;
      --_accent: Highlight;
      --_on-accent: HighlightText;
      --_first: CanvasText;
      --_second: LinkText;
      --_danger: CanvasText;
      --_danger-sunken: Canvas;
    }
  }

  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  h2,
  h3,
  p,
  dl,
  dd,
  ol,
  ul,
  figure {
    margin: 0;
    padding: 0;
  }

  ol,
  ul {
    list-style: none;
  }

  h2,
  h3 {
    font: 600 13px / 20px var(--_font);
  }

  .icon {
    flex: none;
    display: block;
  }

  .number {
    font-variant-numeric: tabular-nums;
  }

  .muted {
    color: var(--_muted);
  }

  .hidden-visually {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  :focus-visible {
    outline: 2px solid var(--_accent);
    outline-offset: 2px;
  }

  @media (prefers-reduced-motion: no-preference) {
    .turning {
      transform-origin: 8px 8px;
      animation: turn 1s linear infinite;
    }
  }

  @keyframes turn {
    to {
      transform: rotate(1turn);
    }
  }
`;
