// Which runs are shown, as the address has it:
//
//     #/runs?app=summary&status=failed&user=line-3&q=tea&span=7d&cursor=…
//     #/runs?span=custom&since=2026-08-01T05:30Z&until=2026-08-01T06:00Z
//
// What an address does not say is not filtered, so that #/runs alone shows every run.

import type { RunFilter } from "../lib/api";

export const SPANS = ["24h", "7d", "30d", "all", "custom"] as const;
export type Span = (typeof SPANS)[number];

export interface Filter {
  app: string; // these are empty: any
  status: string;
  user: string;
  q: string;
  span: Span;
  since: number | null; // Unix seconds; of the span "custom" alone
  until: number | null;
  cursor: string; // of an older page
}

export const ANY: Filter =
  { app: "", status: "", user: "", q: "", span: "all", since: null, until: null, cursor: "" };

const TEXTS = ["app", "status", "user", "q"] as const;

const LATEST = 253402300799; // the end of the year 9999

/** Unix seconds of "2026-08-01T05:30Z", or of Unix seconds; null: it is neither. */
export function parseTime(text: string | null): number | null {
  if (text === null || text === "") return null;
  const isDate = /^\d{4}-\d\d-\d\d/.test(text); // a browser's own parser takes nearly anything
  const seconds = isDate ? Date.parse(text) / 1000 : /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  return seconds >= 0 && seconds <= LATEST ? seconds : null;
}

/** To the minute, which is what is chosen in the form. */
export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/:\d\d\.\d+Z$/, "Z");
}

/** What cannot be understood counts as not said. */
export function parseFilter(query: URLSearchParams): Filter {
  const filter = { ...ANY };
  for (const name of TEXTS) filter[name] = query.get(name) ?? "";
  if (filter.status === "queued") filter.status = "running"; // the gateway has them under one name
  filter.cursor = query.get("cursor") ?? "";
  const since = parseTime(query.get("since"));
  const until = parseTime(query.get("until"));
  const span = SPANS.find((name) => name === query.get("span"));
  filter.span = span ?? (since !== null || until !== null ? "custom" : "all");
  if (filter.span === "custom") Object.assign(filter, { since, until });
  return filter;
}

/** The shortest query that means the same, always in one order. */
export function formatFilter(filter: Filter): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of TEXTS) if (filter[name]) query.set(name, filter[name]);
  if (filter.span !== "all") query.set("span", filter.span);
  if (filter.span === "custom" && filter.since !== null) query.set("since", formatTime(filter.since));
  if (filter.span === "custom" && filter.until !== null) query.set("until", formatTime(filter.until));
  if (filter.cursor) query.set("cursor", filter.cursor);
  return query;
}

/** How many filters are set; a page is none. */
export function countFilters(filter: Filter): number {
  return TEXTS.filter((name) => filter[name]).length + (filter.span === "all" ? 0 : 1);
}

/** Whether there are filters that totals do not know. */
export function isBeyondTotals(filter: Filter): boolean {
  return Boolean(filter.status || filter.user || filter.q);
}

/** What is asked of the gateway; `since`: where the span begins (see span.ts). */
export function rowsQuery(filter: Filter, since: number | null): RunFilter {
  return {
    ...(filter.app && { app: filter.app }),
    ...(filter.status && { status: filter.status }),
    ...(filter.user && { user: filter.user }),
    ...(filter.q && { q: filter.q }),
    ...(since !== null && { since }),
    ...(filter.until !== null && { until: filter.until }),
    ...(filter.cursor && { cursor: filter.cursor }),
  };
}
