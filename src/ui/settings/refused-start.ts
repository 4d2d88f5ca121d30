/**
 * Whether a start by hand is refused: a run with another value than the one that stands in the form is not what anyone
 * meant. Owns which settings count, what is said and where the focus goes; starts nothing.
 */

import type { SettingName } from '../../protocol/check-settings.js';
import { shorten } from '../../protocol/wording.js';
import type { RunModel } from '../element/run-model.js';
import { fill } from '../words/strings.js';
import { draftProblem, type DraftView } from './draft-problem.js';

export interface RefusedStart {
  readonly message: string;
  /** Puts the focus on the field. */
  readonly focus: () => void;
}

/** Whether the next step reads a setting: a run that has made steps has all of its own but their number. */
function isRead(name: SettingName, { settings, step, state }: RunModel): boolean {
  return settings === null || step === 0 || state === 'failed' || name === 'steps';
}

function focusOn(field: HTMLElement): void {
  const control = field.matches('fieldset') ? field.querySelector<HTMLElement>('input') : field;
  const closed = field.closest('details');
  if (closed !== null) closed.open = true;
  control?.focus();
}

/**
 * The first field of the form in `root` that shows one of `drafts` which a start would read; null where there is none, or
 * where the form is not on the page, so that nobody could mend it there.
 */
export function refusedStart(
  root: ParentNode,
  view: DraftView,
  model: RunModel,
  drafts: ReadonlyMap<SettingName, string>,
): RefusedStart | null {
  const form = root.querySelector('form.settings');
  if (form === null || form.getClientRects().length === 0) return null;
  for (const field of form.querySelectorAll<HTMLElement>('[id]')) {
    const name = field.id as SettingName;
    const draft = drafts.get(name);
    if (draft === undefined || !isRead(name, model)) continue;
    const { label } = view.strings.fields[name];
    // Both networks have a learning rate.
    const group = field.parentElement?.closest('fieldset')?.querySelector('legend')?.textContent.trim();
    const message = fill(view.words.startRefused, {
      field: group === undefined ? label : `${group}, ${label}`,
      value: shorten(draft),
      problem: draftProblem(view, name, draft),
    });
    return { message, focus: () => focusOn(field) };
  }
  return null;
}
