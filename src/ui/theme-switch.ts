/** The pages' theme switch: as the system, light, dark. Remembered; static/theme.js sets it before the first paint. */

/** Also in static/theme.js. */
const THEME_KEY = 'sgan-theme';

function rememberTheme(theme: string): void {
  document.documentElement.dataset['theme'] = theme;
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // Storage is blocked: the choice lasts until the page is closed.
  }
}

export function setUpTheme(): void {
  const current = document.documentElement.dataset['theme'] ?? 'system';
  for (const choice of document.querySelectorAll<HTMLInputElement>('input[name="theme"]')) {
    choice.checked = choice.value === current;
    choice.addEventListener('change', () => rememberTheme(choice.value));
  }
}
