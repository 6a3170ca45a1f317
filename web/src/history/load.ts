// What the gateway is asked for this view: a page of runs, kept up to date while somebody looks, and
// the totals of their span, asked for anew when a run came, ended or was rated.

import { useEffect, useRef, useState } from "preact/hooks";
import { getStats, listRuns } from "../lib/api";
import type { Rows, Stats } from "../lib/types";
import { type Filter, formatFilter, rowsQuery } from "./filter";
import { begins, findFirst, type Plan, planOf, trim } from "./span";

const POLL_MS = 5000;
const KEPT_PAGES = 10;
const REST = 5; // between two askings for totals: so many times what the first took
const LONGEST_REST_MS = 20_000;

const seconds = () => Date.now() / 1000;

export interface Listed {
  key: string; // of the filter
  page: Rows;
  at: number; // when that was so
}

const kept = new Map<string, Listed>(); // so that who comes back finds all in its place

function keep(listed: Listed): void {
  kept.delete(listed.key);
  kept.set(listed.key, listed);
  if (kept.size > KEPT_PAGES) kept.delete(kept.keys().next().value!);
}

/** `listed` may be of the filter before, until there is an answer; with an error it is of this one. */
export function useRows(filter: Filter): { listed: Listed | null; error: unknown; again: () => void } {
  const key = formatFilter(filter).toString();
  const [state, setState] = useState<{ listed: Listed | null; error: unknown }>(
    () => ({ listed: kept.get(key) ?? null, error: null }));
  const again = useRef(() => {});
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    const known = kept.get(key);
    if (known) setState({ listed: known, error: null });
    const ask = async () => {
      if (isAsking) return;
      isAsking = true;
      clearTimeout(timer);
      let isLive = true;
      try {
        const page = await listRuns(rowsQuery(filter, begins(filter, seconds())), signal);
        const listed = { key, page, at: seconds() };
        keep(listed);
        isLive = !filter.cursor || page.data.some(({ success }) => success === null);
        if (!signal.aborted) setState({ listed, error: null });
      } catch (error) {
        if (!signal.aborted)
          setState(({ listed }) => ({ listed: listed?.key === key ? listed : null, error }));
      }
      isAsking = false;
      if (isLive && !signal.aborted) timer = setTimeout(look, POLL_MS);
    };
    const look = () => {
      if (document.visibilityState === "visible") void ask();
    };
    again.current = look;
    addEventListener("online", look);
    document.addEventListener("visibilitychange", look);
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
      removeEventListener("online", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, [key]);
  return { ...state, again: () => again.current() };
}

export interface Summed {
  key: string;
  plan: Plan;
  stats: Stats;
}

const firsts = new Map<string, number>(); // when an app's first run was; it can only become later: runs are forgotten
let lastSummed: Summed | null = null;

async function sum(filter: Filter, key: string, signal: AbortSignal): Promise<Summed> {
  const app = filter.app;
  const now = seconds();
  const isOpen = begins(filter, now) === null;
  if (isOpen && !firsts.has(app)) {
    const isOlder = async (until: number) =>
      (await listRuns({ app, until, limit: 1 }, signal)).data.length > 0;
    firsts.set(app, await findFirst(now, isOlder));
  }
  const plan = planOf(filter, now, firsts.get(app) ?? now);
  const { since, until, parts } = plan;
  const stats = await getStats({ app, since, until, buckets: parts }, signal);
  return { key, ...(isOpen ? trim(plan, stats) : { plan, stats }) };
}

/** What changes with `listed` makes the totals change. */
export function pulseOf(listed: Listed | null): string {
  return listed?.page.data.map((row) => `${row.run_id} ${row.status} ${row.success} ${row.rating}`).join() ?? "";
}

/** `pulse` null: not now. */
export function useTotals(filter: Filter, pulse: string | null): { summed: Summed | null; error: unknown } {
  const key = [filter.app, filter.span, filter.since, filter.until].join();
  const [state, setState] = useState<{ summed: Summed | null; error: unknown }>({ summed: lastSummed, error: null });
  const rests = useRef({ key: "", until: 0 });
  useEffect(() => {
    if (pulse === null) return;
    const stop = new AbortController();
    const { signal } = stop;
    const ask = async () => {
      const begin = Date.now();
      try {
        const summed = await sum(filter, key, signal);
        if (signal.aborted) return;
        lastSummed = summed;
        setState({ summed, error: null });
      } catch (error) {
        if (signal.aborted) return;
        setState(({ summed }) => ({ summed, error }));
        timer = setTimeout(ask, POLL_MS);
        return;
      }
      const rest = Math.min(LONGEST_REST_MS, REST * (Date.now() - begin));
      rests.current = { key, until: Date.now() + rest };
    };
    const rest = rests.current.key === key ? rests.current.until - Date.now() : 0;
    let timer = setTimeout(ask, Math.max(0, rest));
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key, pulse]);
  const isOther = state.summed?.key !== key;
  return { summed: isOther ? null : state.summed, error: state.error };
}
