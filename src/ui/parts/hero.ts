/** What the generator draws, large, and real images to compare it with. Paints nothing itself. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { RunModel } from '../element/run-model.js';
import { section, type SectionName } from '../element/sections.js';
import { fill } from '../words/strings.js';
import type { Speech } from '../words/words.js';

export interface HeroView extends Speech {
  readonly model: RunModel;
  /** Whether the recipe, of the run or of the one to come, draws anything. */
  readonly hasGenerator: boolean;
  /** Whether the recipe learns from the labels alone. */
  readonly isBaseline: boolean;
  /** Whether the generator has made no update so far, though the run has. */
  readonly isUntrained: boolean;
  /** Whether a picture of real images stands in before the first run. */
  readonly hasPoster: boolean;
  readonly shown: ReadonlySet<SectionName>;
}

type Shows = 'generated' | 'poster' | 'nothing' | 'noGenerator';

/** What stands in the large square. */
export function heroShows({
  model,
  hasGenerator,
  hasPoster,
}: Pick<HeroView, 'model' | 'hasGenerator' | 'hasPoster'>): Shows {
  if (!hasGenerator) return 'noGenerator';
  if (model.generated !== null) return 'generated';
  return hasPoster && model.state === 'idle' ? 'poster' : 'nothing';
}

function heading(view: HeroView, shows: Shows): readonly [string, string] {
  const { words, formats, model, isUntrained } = view;
  if (shows === 'generated' && isUntrained) return [words.images, words.imagesUntrained];
  if (shows === 'generated') {
    return [words.images, fill(words.imagesAt, { step: formats.count(model.generated!.step) })];
  }
  if (shows === 'poster') return [words.imagesRealTitle, words.imagesPoster];
  return [words.images, shows === 'nothing' ? words.imagesNone : ''];
}

function describe({ words, formats, model }: HeroView, shows: Shows): string {
  if (shows === 'generated') {
    const { step, grid } = model.generated!;
    return fill(words.imagesLabel, {
      count: formats.count(grid.columns * grid.rows),
      step: formats.count(step),
    });
  }
  return shows === 'poster' ? words.imagesPoster : words.imagesNone;
}

export function hero(view: HeroView): TemplateResult {
  const { words, formats, model, hasPoster, shown } = view;
  const shows = heroShows(view);
  const [title, note] = heading(view, shows);
  const cells = model.real === null ? 8 : model.real.grid.columns * model.real.grid.rows;
  const realCount = Math.min(cells, model.data?.testCount ?? cells);
  const hasReal = model.real !== null || hasPoster;
  const generated = html`<section aria-label=${words.images}>
    <div class="heading">
      <h2>${title}</h2>
      <span class="muted number" part="digits-caption">${note}</span>
    </div>
    <div class="sheet" part="digits">
      <canvas
        id="digits"
        role="img"
        aria-label=${describe(view, shows)}
        ?hidden=${shows === 'noGenerator'}
      ></canvas>
      ${
        shows === 'noGenerator'
          ? html`<div class="no-generator">
              <p><strong>${words.noGeneratorTitle}</strong></p>
              <p>${view.isBaseline ? words.noGeneratorText : words.noGeneratorTaughtText}</p>
            </div>`
          : nothing
      }
    </div>
  </section>`;
  const real = html`<section aria-label=${words.realImages}>
    <div class="heading">
      <h3 class="muted">${words.realImages}</h3>
    </div>
    <div class="strip" part="real-digits">
      <canvas
        id="real-digits"
        role="img"
        aria-label=${hasReal ? fill(words.realImagesLabel, { count: formats.count(realCount) }) : words.imagesNone}
      ></canvas>
    </div>
  </section>`;
  return html`<div class="hero" ?hidden=${!shown.has('digits') && !shown.has('real-digits')}>
    ${section('digits', shown, generated)} ${section('real-digits', shown, real)}
  </div>`;
}

export const heroStyles = css`
  .hero {
    display: grid;
    align-content: start;
    gap: 16px;
  }

  .heading {
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    gap: 8px 16px;
    min-height: 24px;
    margin-bottom: 8px;
  }

  .heading .muted:not(h3) {
    font-size: 13px;
    text-align: end;
  }

  .sheet,
  .strip {
    position: relative;
    overflow: hidden;
    border-radius: var(--_radius);
    background: var(--_digits);
  }

  .sheet {
    aspect-ratio: 1;
    /* Empty cells, until there are images; their own proportions then (digits-canvas.ts). */
    background:
      linear-gradient(#1c1f24 1px, transparent 1px) 0 -0.5px / 12.5% 12.5%,
      linear-gradient(90deg, #1c1f24 1px, transparent 1px) -0.5px 0 / 12.5% 12.5%,
      var(--_digits);
  }

  .strip {
    aspect-ratio: 8 / 1;
    border-radius: calc(var(--_radius) / 2);
    background:
      linear-gradient(90deg, #1c1f24 1px, transparent 1px) -0.5px 0 / 12.5% 100%,
      var(--_digits);
  }

  .sheet canvas,
  .strip canvas {
    position: absolute;
    inset: 0;
    display: block;
    width: 100%;
    height: 100%;
  }

  .no-generator {
    position: absolute;
    inset: 0;
    display: grid;
    place-content: center;
    gap: 8px;
    padding: 32px;
    background: var(--_digits);
    color: #b3bac6;
    text-align: center;
  }

  .no-generator strong {
    color: #eceef2;
    font-weight: 600;
  }

  @media (forced-colors: active) {
    .sheet,
    .strip {
      border: 1px solid;
    }

    .no-generator,
    .no-generator strong {
      background: Canvas;
      color: CanvasText;
    }
  }
`;
