/**
 * The sections of the element that a host shows, hides, or replaces by content of its own in the slot of the
 * same name.
 */

import { html, type TemplateResult } from 'lit';

export const SECTIONS = [
  'status-bar',
  'notice',
  'stages',
  'digits',
  'real-digits',
  'accuracy',
  'charts',
  'evaluations',
  'settings',
] as const;

export type SectionName = (typeof SECTIONS)[number];

/** Names as an attribute has them, by white space or commas; empty where there are none. */
function namesIn(text: string | null | undefined): readonly string[] {
  return (text ?? '').split(/[\s,]+/).filter((name) => name !== '');
}

/** All that `show` names, without those that `hide` names; without `show`, all. */
export function shownSections(
  show: string | null | undefined,
  hide: string | null | undefined,
): ReadonlySet<SectionName> {
  const wanted = namesIn(show);
  const unwanted = namesIn(hide);
  return new Set(
    SECTIONS.filter((name) => (wanted.length === 0 || wanted.includes(name)) && !unwanted.includes(name)),
  );
}

/** What is wrong with the value of the attribute `attribute`; null where nothing is. */
export function sectionsProblem(attribute: 'show' | 'hide', text: string | null | undefined): string | null {
  const unknown = namesIn(text).find((name) => !SECTIONS.some((known) => known === name));
  if (unknown === undefined) return null;
  return `"${attribute}" names "${unknown}"; allowed: ${SECTIONS.join(', ')}.`;
}

/** A section in its slot: what a host puts there stands in place of it. */
export function section(
  name: SectionName,
  shown: ReadonlySet<SectionName>,
  content: TemplateResult,
): TemplateResult {
  return html`<slot name=${name} ?hidden=${!shown.has(name)}>${content}</slot>`;
}
