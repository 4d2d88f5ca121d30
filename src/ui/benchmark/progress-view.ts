/** How far a benchmark is: what it is at, what it is about, the time that is left. */

import { html, type TemplateResult } from 'lit';
import { contenderLabel, type Contender } from '../../protocol/benchmark/contenders.js';
import type { Progress } from '../../protocol/benchmark/orders.js';
import { STAGE_WORDS } from './words.js';

export interface ProgressView {
  /** null before the first. */
  readonly progress: Progress | null;
  readonly contenders: readonly Contender[];
  /** When that progress was told, and now, in milliseconds of one clock. */
  readonly toldAt: number;
  readonly now: number;
  readonly begunAt: number;
}

/** Milliseconds that are left by now; null where nobody knows. */
export function leftMsOf({ progress, toldAt, now }: ProgressView): number | null {
  const leftMs = progress?.leftMs ?? null;
  return leftMs === null ? null : Math.max(0, leftMs - (now - toldAt));
}

export function leftText(leftMs: number | null): string {
  if (leftMs === null) return 'time left not known';
  const seconds = Math.ceil(leftMs / 1000);
  if (seconds <= 1) return 'any moment now';
  return seconds < 100 ? `about ${seconds} s left` : `about ${Math.ceil(seconds / 60)} min left`;
}

/** What it is at, in words. */
export function stageText({ progress, contenders }: Pick<ProgressView, 'progress' | 'contenders'>): string {
  if (progress === null) return 'Beginning';
  const contender = progress.contender === null ? undefined : contenders[progress.contender];
  return STAGE_WORDS[progress.stage] + (contender === undefined ? '' : `: ${contenderLabel(contender)}`);
}

export function progressView(view: ProgressView): TemplateResult {
  const leftMs = leftMsOf(view);
  const elapsed = view.now - view.begunAt;
  const share = leftMs === null ? null : elapsed / Math.max(1, elapsed + leftMs);
  const text = `${stageText(view)} · ${leftText(leftMs)}`;
  return html`<div class="progress">
    <span class="number">${text}</span>
    ${
      share === null
        ? html`<progress aria-label="Progress" max="1"></progress>`
        : html`<progress aria-label="Progress" max="1" .value=${share}></progress>`
    }
  </div>`;
}
