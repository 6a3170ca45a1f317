// Files of the page that are loaded when they are first needed.

import { useCallback, useEffect, useState } from "preact/hooks";
import { here } from "./api";

const RELOADED = "difystream.reloaded"; // when, in milliseconds
const RELOAD_MS = 60_000;
const RETRY_MS = 1000;
const there = new Map<() => Promise<unknown>, unknown>();

/** A page that is older than the gateway asks for files that are not there any more. It is loaded
 * anew, but not again and again; false: nothing is done. */
function reload(): boolean {
  try {
    const last = Number(sessionStorage.getItem(RELOADED));
    if (Date.now() - last < RELOAD_MS) return false;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    return false;
  }
  location.reload();
  return true;
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch(here("./"), { method: "HEAD", cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

/** What a file has, as soon as there is a gateway that hands it out. */
async function fetched<T>(load: () => Promise<T>): Promise<T> {
  for (let hasAnswered = false; ;) {
    try {
      const loaded = await load();
      there.set(load, loaded);
      return loaded;
    } catch (error) {
      if (hasAnswered && !reload()) throw error;
      hasAnswered = await answers();
      if (!hasAnswered) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Has a file there before it is shown. Where it does not come, whoever shows it sees to that. */
export async function ready(load: () => Promise<object>): Promise<void> {
  await fetched(load).catch(() => {});
}

/** What a file has (null while it is not there), why it does not come, and a further try. */
export function useLater<T extends object>(load: () => Promise<T>): [T | null, unknown, () => void] {
  const [value, setValue] = useState<T | null>(() => (there.get(load) as T | undefined) ?? null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    if (value === null && error === null) fetched(load).then((loaded) => setValue(() => loaded), setError);
  }, [value, error]);
  return [value, error, useCallback(() => setError(null), [])];
}
