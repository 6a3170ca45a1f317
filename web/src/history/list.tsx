// The runs: a table where there is room, cards where there is not; the same elements.

import { useEffect, useState } from "preact/hooks";
import { clock, count, duration, NONE, price, shortTime, time } from "../lib/format";
import { formatRoute } from "../lib/route";
import { appTitle } from "../lib/titles";
import type { Row } from "../lib/types";
import { shownUser } from "../lib/user";
import { Icon } from "../ui/icons";
import { Status, statusOf } from "../ui/status";
import { t } from "./words";

/** The time, each second, while something goes on. */
function useNow(isTicking: boolean): number {
  const [now, setNow] = useState(Date.now() / 1000);
  useEffect(() => {
    if (!isTicking) return;
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [isTicking]);
  return now;
}

function Rating({ rating }: { rating: Row["rating"] }) {
  if (rating === null) return <>{NONE}</>;
  const name = rating === "like" ? t.liked : t.disliked;
  return <span title={name}><Icon name={rating} /><span class="hidden-text">{name}</span></span>;
}

function Took({ row }: { row: Row }) {
  const now = useNow(row.success === null);
  return <>{row.success === null ? clock(now - row.created_at) : duration(row.elapsed)}</>;
}

/** A click beside the link is one on it, but not the end of a selection. */
function open(event: MouseEvent): void {
  if ((event.target as Element).closest("a, button") || String(getSelection())) return;
  const { ctrlKey, metaKey, shiftKey } = event;
  const link = (event.currentTarget as Element).querySelector("a");
  link?.dispatchEvent(new MouseEvent("click", { ctrlKey, metaKey, shiftKey, bubbles: true, cancelable: true }));
}

// Codes that say no more than the status does.
const PLAIN = new Set(["workflow_failed", "workflow_stopped", "workflow_partial_succeeded"]);

function moreThanStatus({ success, code }: Row): string | null {
  return success === false && code !== null && !PLAIN.has(code) ? code : null;
}

const blank = (value: unknown) => (value === null ? "blank" : "");

function RunRow({ row, hasApp }: { row: Row; hasApp: boolean }) {
  const { created_at, run_id, total_price, total_tokens } = row;
  const user = shownUser(row.user);
  const code = moreThanStatus(row);
  return (
    <tr role="row" data-run={run_id} onClick={open}>
      <td role="cell" class="status-cell">
        <Status status={statusOf(row)} />
        {code && <code class="cut" title={code}>{code}</code>}
      </td>
      <td role="cell" class="time num">
        <a href={formatRoute({ at: "run", id: run_id })} aria-label={`${t.run} ${shortTime(created_at)}`}>
          <time dateTime={new Date(created_at * 1000).toISOString()} title={time(created_at)}>{shortTime(created_at)}</time>
        </a>
      </td>
      {hasApp && <td role="cell" class="app cut" title={appTitle(row.app)}>{appTitle(row.app)}</td>}
      <td role="cell" class={`user cut ${blank(user)}`} title={user ?? undefined}>{user ?? NONE}</td>
      <td role="cell" class="number num"><Took row={row} /></td>
      <td role="cell" class={`number num ${blank(total_tokens)}`}>
        {count(total_tokens)}<span class="unit" aria-hidden="true">{t.tokensUnit}</span>
      </td>
      <td role="cell" class={`number num ${blank(total_price)}`}>{price(total_price, row.currency)}</td>
      <td role="cell" class={`rated ${blank(row.rating)}`}><Rating rating={row.rating} /></td>
    </tr>
  );
}

export function RunList({ rows, hasApp, isStale }: { rows: Row[]; hasApp: boolean; isStale: boolean }) {
  const columns: [name: string, title: string][] = [
    ["status-cell", t.status], ["time", t.started], ...(hasApp ? [["app", t.app] as [string, string]] : []),
    ["user", t.user], ["number", t.duration], ["number", t.tokens], ["number", t.price], ["rated", t.rating],
  ];
  return (
    <table class={`history-list ${isStale ? "stale" : ""}`} role="table" aria-label={t.title} aria-busy={isStale}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(([name, title]) => <th key={title} role="columnheader" scope="col" class={name}>{title}</th>)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => <RunRow key={row.run_id} row={row} hasApp={hasApp} />)}
      </tbody>
    </table>
  );
}
