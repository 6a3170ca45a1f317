// Files of the page that are loaded when they are first needed.

import { useCallback, useEffect, useState } from "preact/hooks";

const RELOADED = "difystream.reloaded"; // when, in milliseconds
const RELOAD_MS = 60_000;
const there = new Map<() => Promise<unknown>, unknown>();

/** A page that is older than the gateway asks for files that are not there any more. It is loaded
 * anew, but not again and again; false: nothing is done. */
function reload(): boolean {
  try {
    const last = Number(sessionStorage.getItem(RELOADED));
    if (!navigator.onLine || Date.now() - last < RELOAD_MS) return false;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    return false;
  }
  location.reload();
  return true;
}

/** Has a file there before it is shown. Where it does not come, whoever shows it sees to that. */
export async function ready(load: () => Promise<object>): Promise<void> {
  await load().then((loaded) => there.set(load, loaded), () => {});
}

/** What a file has (null while it is not there), why it does not come, and a further try. */
export function useLater<T extends object>(load: () => Promise<T>): [T | null, unknown, () => void] {
  const [value, setValue] = useState<T | null>(() => (there.get(load) as T | undefined) ?? null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    if (value !== null || error !== null) return;
    load().then(
      (loaded) => {
        there.set(load, loaded);
        setValue(() => loaded);
      },
      (reason: unknown) => { if (!reload()) setError(reason); });
  }, [value, error]);
  return [value, error, useCallback(() => setError(null), [])];
}
