/** The remembered theme, before anything is painted. The switch itself is in src/ui/page.ts. */
try {
  const theme = localStorage.getItem('sgan-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's theme it is.
}
