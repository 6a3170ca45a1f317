// Spans of time and the equal parts that a plot divides them into: whole local minutes, hours or
// days, so that bars begin where people think they do. Days are of 24 hours here: where clocks were
// changed within a span, the days before begin an hour off.

import type { Stats } from "../lib/types";
import type { Filter } from "./filter";

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const STEPS = [
  MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY,
];
const MOST_PARTS = 48; // bars that a phone can still show; the gateway gives up to 100
const LEAST_PARTS = 8;

/** What totals are asked of. */
export interface Plan {
  since: number; // Unix seconds
  until: number;
  step: number;
  parts: number;
}

function midnight(seconds: number): number {
  return new Date(seconds * 1000).setHours(0, 0, 0, 0) / 1000;
}

/** The begin of the local minute, hour, …, or day that a time is in. */
export function floorTo(step: number, seconds: number): number {
  const day = midnight(seconds);
  return step >= DAY ? day : day + Math.floor((seconds - day) / step) * step;
}

function daysAgo(days: number, now: number): number {
  const date = new Date(midnight(now) * 1000);
  return date.setDate(date.getDate() - days) / 1000;
}

/** Where the span begins; null: with the first run. */
export function begins({ span, since }: Filter, now: number): number | null {
  switch (span) {
    case "24h": return floorTo(HOUR, now) - 23 * HOUR;
    case "7d": return daysAgo(6, now);
    case "30d": return daysAgo(29, now);
    case "all": return null;
    case "custom": return since;
  }
}

function upTo(since: number, end: number, step: number): Plan {
  const parts = Math.max(1, Math.ceil((end - since) / step));
  return { since, until: since + parts * step, step, parts };
}

function smallestStep(seconds: number): number {
  return STEPS.find((step) => seconds / step <= MOST_PARTS - 1) ?? Math.ceil(seconds / MOST_PARTS / DAY) * DAY;
}

/** `first`: a time before the first run of all; needed where the span has no begin. */
export function planOf(filter: Filter, now: number, first: number): Plan {
  const since = begins(filter, now);
  const end = filter.until ?? now;
  switch (filter.span) {
    case "24h": return upTo(since!, now, HOUR);
    case "7d": return upTo(since!, daysAgo(-1, now), 6 * HOUR);
    case "30d": return upTo(since!, daysAgo(-1, now), DAY);
    default: {
      const begin = since ?? Math.min(first, end);
      const step = smallestStep(end - begin);
      // The ends that somebody chose hold; the others go to a whole step.
      const from = since ?? floorTo(step, begin);
      const { parts, until } = upTo(from, Math.max(end, from + 1), step);
      return { since: from, until: filter.until === null ? until : Math.max(end, from + 1), step, parts };
    }
  }
}

/** A time before the first run of all, at most about twice as long ago; found by a few questions,
 * whether there are runs before a time. */
export async function findFirst(now: number, isOlder: (until: number) => Promise<boolean>): Promise<number> {
  let low = 0, high = 18; // an hour doubled so often: 30 years
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await isOlder(now - HOUR * 2 ** middle)) low = middle + 1;
    else high = middle;
  }
  return now - HOUR * 2 ** low;
}

/** Without the empty parts before the first run, but for the last few bars. */
export function trim(plan: Plan, stats: Stats): { plan: Plan; stats: Stats } {
  const { buckets = [] } = stats;
  const used = buckets.findIndex(({ runs }) => runs > 0);
  const cut = Math.min(used, buckets.length - LEAST_PARTS);
  if (cut <= 0) return { plan, stats };
  const since = plan.since + cut * plan.step;
  return { plan: { ...plan, since, parts: plan.parts - cut }, stats: { ...stats, buckets: buckets.slice(cut) } };
}

/** Times for the axis: whole local hours or days, at most so many. */
export function ticksOf({ since, until }: Plan, most: number): number[] {
  const least = (until - since) / Math.max(1, most);
  const step = STEPS.find((one) => one >= least) ?? Math.ceil(least / DAY) * DAY;
  const ticks = [];
  if (step < DAY) {
    for (let at = floorTo(step, since); at <= until; at += step) if (at >= since) ticks.push(at);
    return ticks;
  }
  // By date, not by seconds: a day may have 23 or 25 hours.
  const date = new Date(midnight(since) * 1000);
  for (; date.getTime() / 1000 <= until; date.setDate(date.getDate() + step / DAY))
    if (date.getTime() / 1000 >= since) ticks.push(date.getTime() / 1000);
  return ticks;
}
