/**
 * Whether a worker's script is still on its way. No event tells the page: it asks for the same files itself,
 * which a browser's cache answers once the worker has them. Runs nothing.
 */

/** What a module imports before it runs, by relative addresses, as bundlers and compilers write it. */
const STATIC_IMPORTS =
  /(?:^|[\s;}])(?:import|export)\s*(?:[\w$*{][^"'();]*?from\s*)?["'](\.{0,2}\/[^"']+)["']/g;

/** Addresses of the modules that a script imports before it runs. */
export function staticImportsOf(script: string, url: string): readonly string[] {
  return [...script.matchAll(STATIC_IMPORTS)].map(([, specifier]) => new URL(specifier!, url).href);
}

/**
 * Resolves once the script and everything that it imports can be had; also where one of them cannot, since
 * then there is nothing to wait for. Rejects only where `signal` is aborted.
 */
export async function scriptArrival(url: string, signal: AbortSignal): Promise<void> {
  const asked = new Set<string>();
  const arrive = async (href: string): Promise<void> => {
    if (asked.has(href)) return;
    asked.add(href);
    let script: string;
    try {
      script = await (await fetch(href, { signal, credentials: 'same-origin' })).text();
    } catch (error) {
      if (signal.aborted) throw error;
      return;
    }
    await Promise.all(staticImportsOf(script, href).map(arrive));
  };
  await arrive(url);
}
