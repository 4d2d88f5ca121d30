/**
 * Defines `<sgan-trainer>`; that is its only effect. Where there are no custom elements (Node) or the
 * name is taken (a second copy of this module) it has none. The element is loaded only if it is needed.
 */

if (typeof customElements !== 'undefined' && customElements.get('sgan-trainer') === undefined) {
  const { SganTrainer } = await import('./sgan-trainer.js');
  if (customElements.get('sgan-trainer') === undefined) customElements.define('sgan-trainer', SganTrainer);
}

export {};
