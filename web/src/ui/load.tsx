// What is asked of the gateway once, and shown when it is there.

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { ApiError } from "../lib/api";
import { Icon, Notice } from "./icons";
import { t } from "./words";

export type Loaded<T> =
  | { state: "loading"; value: T | null } // the value of before, while a new one is asked for
  | { state: "there"; value: T }
  | { state: "failed"; error: unknown; value: T | null };

/** Asks when `key` changes, and again by `again`. The value of another key is not shown; that of the
 * same one is, while it is asked for anew. */
export function useLoad<T>(key: string, ask: (signal: AbortSignal) => Promise<T>):
  [Loaded<T>, () => void] {
  const [turn, setTurn] = useState(0);
  const [loaded, setLoaded] = useState<{ key: string; what: Loaded<T> }>({ key, what: { state: "loading", value: null } });
  useEffect(() => {
    const stop = new AbortController();
    const set = (what: (before: T | null) => Loaded<T>) => {
      if (!stop.signal.aborted)
        setLoaded((old) => ({ key, what: what(old.key === key ? old.what.value : null) }));
    };
    set((value) => ({ state: "loading", value }));
    ask(stop.signal).then(
      (value) => set(() => ({ state: "there", value })),
      (error: unknown) => set((value) => ({ state: "failed", error, value })));
    return () => stop.abort();
  }, [key, turn]);
  const what: Loaded<T> = loaded.key === key ? loaded.what : { state: "loading", value: null };
  return [what, useCallback(() => setTurn((value) => value + 1), [])];
}

/** An error in words: the gateway's own, and that it did not answer. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError && error.status === 0)
    return error.code === "not_the_gateway" ? t.notTheGateway : t.unreachable;
  return error instanceof Error ? error.message : String(error);
}

export function Failed({ error, again, children }: {
  error: unknown; again?: () => void; children?: ComponentChildren;
}) {
  return (
    <Notice tone="bad" role="alert">
      <div class="stack">
        <div>{children}{children ? " " : ""}{errorText(error)}</div>
        {again && (
          <div>
            <button type="button" class="small" onClick={again}><Icon name="again" />{t.tryAgain}</button>
          </div>
        )}
      </div>
    </Notice>
  );
}

export function Loading() {
  return <div class="loading" role="status"><Icon name="turn" turning />{t.loading}</div>;
}
