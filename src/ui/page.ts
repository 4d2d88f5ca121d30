/**
 * The page around the element: theme switch, settings in the address, a question before a run is left,
 * progress in the tab's title. The element itself knows nothing of all this.
 */

import './define.js';
import type { EvaluationReport, TrainerState } from '../protocol/reports.js';
import type { SganTrainerElement } from './trainer-element.js';
import { settingsFromUrl, settingsToUrl } from './settings/url-settings.js';
import { replaceQuery } from './replace-query.js';
import { setUpTheme } from './theme-switch.js';

/** States in which leaving the page loses something. */
const UNDER_WAY: readonly TrainerState[] = ['running', 'paused'];

function setUpAddress(trainer: SganTrainerElement): void {
  trainer.settings = settingsFromUrl(new URLSearchParams(location.search));
  trainer.addEventListener('sgan-settings', ({ detail }) => {
    const parameters = settingsToUrl(detail, new URLSearchParams(location.search), trainer.refused);
    // `autostart=` would be read back alike, but is not what anyone types.
    const query = parameters.toString().replaceAll(/=(?=&|$)/g, '');
    replaceQuery(query);
  });
}

function askBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

function setUpLeaving(trainer: SganTrainerElement): void {
  trainer.addEventListener('sgan-state', ({ detail }) => {
    // Only while it is needed: a page that listens may be kept from the back-forward cache.
    if (UNDER_WAY.includes(detail.state)) addEventListener('beforeunload', askBeforeLeaving);
    else removeEventListener('beforeunload', askBeforeLeaving);
  });
}

function setUpTitle(trainer: SganTrainerElement): void {
  const { title } = document;
  const percent = new Intl.NumberFormat('en', { style: 'percent', minimumFractionDigits: 1 });
  trainer.addEventListener('sgan-evaluation', ({ detail }: CustomEvent<EvaluationReport>) => {
    document.title = `${percent.format(detail.testAccuracy)} – ${title}`;
  });
  trainer.addEventListener('sgan-state', ({ detail }) => {
    if (detail.state === 'idle' || detail.state === 'loading') document.title = title;
  });
}

setUpTheme();
const trainer = document.querySelector('sgan-trainer');
if (trainer !== null) {
  setUpLeaving(trainer);
  setUpTitle(trainer);
  setUpAddress(trainer);
  // Not in the markup: the settings of the address have to come first.
  trainer.autostart = new URLSearchParams(location.search).has('autostart');
}
