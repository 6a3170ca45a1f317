// What people call the apps: the title that one has at Dify, or its name in the gateway's
// configuration. Asked for once; who may not see the list of apps sees the names.

import { useEffect, useState } from "preact/hooks";
import { listApps } from "./api";
import type { App } from "./types";

const PATIENCE_MS = 500;

export function titleOf(app: App): string {
  return app.title || app.name || app.app;
}

/** By name. Of apps of the same title the names are told, too. */
export function titlesOf(apps: App[]): Map<string, string> {
  const times = new Map<string, number>();
  for (const app of apps) times.set(titleOf(app), (times.get(titleOf(app)) ?? 0) + 1);
  return new Map(apps.map((app) => {
    const title = titleOf(app);
    return [app.app, times.get(title)! > 1 && title !== app.app ? `${title} (${app.app})` : title];
  }));
}

let known: Promise<unknown> | null = null;
let titles: Map<string, string> | null = null;

export function learnTitles(apps: App[]): void {
  titles = titlesOf(apps);
}

/** An app's title, as far as it is known by now. */
export function appTitle(name: string): string {
  return titles?.get(name) ?? name;
}

/** null for so short a time as it mostly takes to know it: one name after the other would flicker. */
export function useAppTitle(name: string | null): string | null {
  const [isDue, setDue] = useState(0);
  useEffect(() => {
    if (titles) return undefined;
    const again = () => setDue((times) => times + 1);
    const timer = setTimeout(again, PATIENCE_MS);
    known ??= listApps().then(learnTitles, () => { known = null; });
    known.then(again);
    return () => clearTimeout(timer);
  }, []);
  return name !== null && (titles || isDue) ? appTitle(name) : null;
}
