/** Whether a URL can be a folder: files are found in it by their names alone. */

/**
 * The folder that `given` names, seen from `base`: without query and fragment, ending with a slash. null
 * where it is no URL, or one that no file's name can be resolved against (`data:`, `blob:`, `javascript:`).
 */
export function folderUrl(given: string | URL, base?: string): string | null {
  try {
    const url = new URL(given, base);
    url.search = '';
    url.hash = '';
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    return new URL('./', url).href === url.href ? url.href : null;
  } catch {
    // `new URL` throws for both; `URL.canParse` is too young to be asked.
    return null;
  }
}
