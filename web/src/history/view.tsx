// Every run again: filters, the totals of their span, and the runs, newest first.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { listApps } from "../lib/api";
import { shortTime } from "../lib/format";
import { formatRoute, go, parseRoute } from "../lib/route";
import { learnTitles } from "../lib/titles";
import { Icon, Notice } from "../ui/icons";
import { errorText, Failed, Loading } from "../ui/load";
import { t as ui } from "../ui/words";
import { ANY, countFilters, type Filter, formatFilter, isBeyondTotals, parseFilter } from "./filter";
import { Filters } from "./filters";
import { RunList } from "./list";
import { type Listed, pulseOf, useRows, useTotals } from "./load";
import { usePlace } from "./place";
import { TotalsCard } from "./totals";
import { t } from "./words";

const address = (filter: Filter) => formatRoute({ at: "runs", filter: formatFilter(filter) });

/** By the address as it is now, whatever was on the screen when somebody began to type. */
function change(part: Partial<Filter>): void {
  const route = parseRoute(location.hash);
  if (route.at !== "runs") return;
  const filter = { ...parseFilter(route.filter), ...part, cursor: "" };
  go({ at: "runs", filter: formatFilter(filter) }, "replace");
}

let knownApps: string[] | null = null; // until they are asked for again

/** null: not known yet. */
function useApps(): string[] | null {
  const [apps, setApps] = useState(knownApps);
  useEffect(() => {
    const stop = new AbortController();
    listApps(stop.signal).then(
      (found) => {
        learnTitles(found);
        setApps(knownApps = found.map(({ app }) => app));
      },
      () => setApps(knownApps ?? [])); // without them one cannot choose by app, no more
    return () => stop.abort();
  }, []);
  return apps;
}

function Empty({ filter, clear }: { filter: Filter; clear: () => void }) {
  if (filter.cursor) return <div class="empty"><p>{t.noOlder}</p></div>;
  if (countFilters(filter) > 0) {
    return (
      <div class="empty">
        <h2>{t.nothingFits}</h2>
        <button type="button" onClick={clear}>{t.clear}</button>
      </div>
    );
  }
  return (
    <div class="empty">
      <h2>{t.nothingYet}</h2>
      <p>{t.nothingYetHint}</p>
      <a class="button primary" href="#/">{t.newRun}</a>
    </div>
  );
}

function Pages({ filter, next }: { filter: Filter; next: string | null }) {
  if (!filter.cursor && next === null) return null;
  return (
    <nav class="row history-pages" aria-label={t.pages}>
      {filter.cursor && <a class="button" href={address({ ...filter, cursor: "" })}><Icon name="left" />{t.newest}</a>}
      {next !== null && <a class="button older" href={address({ ...filter, cursor: next })}>{t.older}<Icon name="right" /></a>}
    </nav>
  );
}

/** At the lower edge of the window, where it moves nothing. */
function Stale({ listed, error, again }: { listed: Listed; error: unknown; again: () => void }) {
  return (
    <div class="history-problem">
      <Notice tone="bad" role="alert">
        <div class="row wrap">
          <span class="grow">{errorText(error)} {t.asOf(shortTime(listed.at))}</span>
          <button type="button" class="small" onClick={again}><Icon name="again" />{ui.tryAgain}</button>
        </div>
      </Notice>
    </div>
  );
}

export function HistoryView({ filter: query }: { filter: URLSearchParams }) {
  const filter = parseFilter(query);
  const key = formatFilter(filter).toString();
  const apps = useApps();
  const { listed, error, again } = useRows(filter);
  const { summed, error: sumError } = useTotals(filter, error === null && listed?.key === key ? pulseOf(listed) : null);
  const [isOpen, setOpen] = useState(false);
  const form = useId();
  const list = useRef<HTMLElement>(null);
  usePlace(key, listed?.key === key, () => {
    if (!filter.cursor) return;
    list.current?.scrollIntoView();
    list.current?.focus({ preventScroll: true });
  });
  const set = countFilters(filter);
  const clear = () => change(ANY);
  const rows = listed?.page.data ?? [];
  const isVirgin = listed?.key === "" && rows.length === 0; // there is nothing to filter or to sum up
  const hasApp = !filter.app && ((apps?.length ?? 0) > 1 || rows.some(({ app }) => app !== rows[0]!.app));
  return (
    <div class="stack history">
      <div class="row wrap history-head">
        <h1 class="grow">{t.title}</h1>
        {set > 0 && (
          <button type="button" class="plain history-clear" onClick={clear} aria-label={t.clear} title={t.clear}>
            <Icon name="cross" /><span>{t.clear}</span>
          </button>
        )}
        {!isVirgin && (
          <button type="button" class="history-fold" aria-expanded={isOpen} aria-controls={form} onClick={() => setOpen(!isOpen)}>
            {t.filters(set)}<Icon name="down" />
          </button>
        )}
      </div>
      {!isVirgin && <Filters id={form} filter={filter} change={change} apps={apps} isOpen={isOpen} />}
      {!isVirgin && (
        <TotalsCard summed={summed} isPartial={isBeyondTotals(filter)}
          problem={sumError && error === null && !summed ? <Failed error={sumError} /> : null} />
      )}
      <p class="hidden-text" role="status">{listed?.key === key ? t.listed(rows.length, listed.page.has_more) : ""}</p>
      <section ref={list} tabIndex={-1} class="history-runs" aria-label={t.title}>
        {listed && rows.length === 0 && listed.key === key && <Empty filter={filter} clear={clear} />}
        {rows.length > 0 && <RunList rows={rows} hasApp={hasApp} isStale={listed?.key !== key} />}
        {!listed && (error === null ? <Loading /> : <Failed error={error} again={again} />)}
      </section>
      {listed?.key === key && <Pages filter={filter} next={listed.page.next_cursor} />}
      {listed && error !== null && <Stale listed={listed} error={error} again={again} />}
    </div>
  );
}
