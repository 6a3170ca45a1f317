// A run, from its first event to its result. From top to bottom: what it is and how it is; what it
// waits for; what it says or has said; its timeline.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getRow } from "../lib/api";
import { formatRoute } from "../lib/route";
import { useAppTitle } from "../lib/titles";
import type { Row } from "../lib/types";
import { useMarkdown } from "../result/markdown";
import { ResultView } from "../result/view";
import { Later } from "../ui/later";
import { Loading } from "../ui/load";
import { statusText } from "../ui/status";
import { Detail } from "./detail";
import { RunHeader } from "./header";
import { type LiveRun, useRev, useRun } from "./live";
import type { NodeRun, RunState } from "./model";
import { Notes } from "./notes";
import { LiveText, Thoughts } from "./text";
import { Timeline } from "./timeline";
import { statusChar, statusNow } from "./told";
import { t } from "./words";

const asking = () => import("./ask");

const CATCH_UP_MS = 400; // a run that is over is shown when it is there as a whole
const CATCH_UP_MOST_MS = 3000;

/** What the list of runs knows of it: asked for at first (while it is not known with each return to
 * the gateway), and when it is over (rating, figures).
 * undefined: not asked yet; null: it knows nothing. */
function useRow(live: LiveRun): Row | null | undefined {
  const [row, setRow] = useState<Row | null>();
  const isOver = live.state.result !== null && live.state.phase === "ended";
  useEffect(() => {
    let isHere = true;
    const set = (value: Row | null) => {
      if (!isHere) return;
      if (value?.finished_at != null) live.finishedMs = value.finished_at * 1000;
      setRow((before) => value ?? before ?? null);
    };
    getRow(live.id).then(set, () => set(null));
    return () => { isHere = false; };
  }, [live, isOver, row ? 0 : live.returns]);
  return row;
}

/** False while what was before is still coming: what would only jump is not shown yet. */
function useCaughtUp(live: LiveRun, row: Row | null | undefined): boolean {
  const { state, connection } = live;
  const [isLate, setLate] = useState(false);
  const isComing = state.phase !== "waiting" || connection.state !== "connecting";
  const isPast = row?.success != null;
  const mayTake = isComing && !isPast ? CATCH_UP_MS : CATCH_UP_MOST_MS;
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), mayTake);
    return () => clearTimeout(timer);
  }, [mayTake]);
  const seen = useRef(false);
  const isWhole = state.phase === "ended" ? state.result !== null : state.phase === "paused";
  seen.current ||= isLate || (isWhole && row !== undefined);
  return seen.current;
}

function useTitle(live: LiveRun, app: string): void {
  const status = statusNow(live.state);
  useEffect(() => {
    document.title = `${statusChar(status)} ${app} · difystream`;
  }, [status, app]);
}

/** Says politely what has changed: the status, and nodes that failed. */
function Announcer({ live }: { live: LiveRun }) {
  const { state } = live;
  useRev(live, () => state.revs.head);
  const said = useRef({ status: "", failed: 0, text: "" });
  const status = statusNow(state);
  const { failed } = state.totals;
  const parts: string[] = [];
  if (failed > said.current.failed && state.phase !== "ended") parts.push(t.nodesFailed(failed));
  if (status !== said.current.status) parts.push(t.runIs(statusText(status)));
  // A counter alone is no news: what was said last stays.
  said.current = { status, failed, text: parts.length > 0 ? parts.join(" ") : said.current.text };
  return <div class="hidden-text" role="status">{said.current.text}</div>;
}

function Unknown() {
  return (
    <div class="empty">
      <h1>{t.unknownTitle}</h1>
      <p>{t.unknownText}</p>
      <a class="button" href={formatRoute({ at: "runs", filter: new URLSearchParams() })}>{t.toRuns}</a>
    </div>
  );
}

/** The node that is looked at, by its key. */
function useChoice(live: LiveRun) {
  const [chosen, setChosen] = useState<{ key: string; how: "key" | "pointer" } | null>(null);
  const node = chosen ? live.state.byKey.get(chosen.key) ?? null : null;
  const back = useRef<HTMLElement | null>(null);
  const choose = useCallback((to: NodeRun, how: "key" | "pointer" = "key") => {
    const { activeElement } = document;
    if (activeElement instanceof HTMLElement && !activeElement.closest(".detail")) back.current = activeElement;
    setChosen({ key: to.key, how });
  }, []);
  const close = useCallback(() => {
    setChosen(null);
    back.current?.focus();
  }, []);
  const step = useCallback((by: 1 | -1) => setChosen((now) => {
    const nodes = live.layout.rows.filter((row) => row.kind === "node");
    const next = nodes[nodes.findIndex((row) => row.node.key === now?.key) + by];
    return next ? { key: next.node.key, how: "pointer" } : now;
  }), [live]);
  return { node, how: chosen?.how, choose, close, step };
}

/** What answers without a workflow has no nodes. */
function hasTimeline({ nodes, phase, isChat, workflowId }: RunState): boolean {
  return nodes.length > 0 || (phase !== "ended" && (!isChat || workflowId !== null));
}

// An error is told by the result.
function hasNews({ notes }: RunState): boolean {
  return notes.some(({ kind }) => kind !== "error");
}

function Body({ live, row }: { live: LiveRun; row: Row | null }) {
  const { state } = live;
  const isTimed = hasTimeline(state);
  useRev(live, () => `${state.revs.result} ${state.phase} ${hasTimeline(state)} ${hasNews(state)}`);
  const { node, how, choose, close, step } = useChoice(live);
  const isOver = state.phase === "ended" && state.result !== null;
  const conversation = row?.conversation_id ?? state.result?.data.conversation_id ?? state.conversationId;
  const showNode = useCallback((id: string) => {
    const found = state.nodes.find((one) => one.id === id) ?? state.nodes.find((one) => one.nodeId === id);
    if (found) choose(found);
  }, [live]);
  const notes = <Notes live={live} open={choose} />;
  const escape = useMemo(() => (event: KeyboardEvent) => { if (event.key === "Escape") close(); }, [close]);
  return (
    <>
      {state.phase === "paused" && <Later load={asking} show={({ Pause }) => <Pause live={live} />} />}
      {isOver
        ? <ResultView runId={live.id} result={state.result!} row={row} onShowNode={showNode} />
        : <LiveText live={live} />}
      <Thoughts live={live} />
      {isOver && row?.user && conversation && (
        <section class="card">
          <Later load={asking} show={({ FollowUp }) => (
            <FollowUp row={{ ...row, conversation_id: conversation }} inputs={state.inputs} />
          )} />
        </section>
      )}
      <div class={`run-where${node ? " with-detail" : ""}`} onKeyDown={node ? escape : undefined}>
        {isTimed
          ? <Timeline live={live} chosen={node?.key ?? null} choose={choose} notes={notes} />
          : hasNews(state) && <section class="card flush">{notes}</section>}
        {node && <Detail live={live} node={node} takeFocus={how === "key"} close={close} step={step} />}
      </div>
    </>
  );
}

export function RunView({ id }: { id: string }) {
  const live = useRun(id);
  const { state } = live;
  useRev(live, () => `${live.connection.state} ${state.phase} ${state.result !== null}`);
  const asked = useRow(live);
  const canFormat = useMarkdown();
  const isThere = useCaughtUp(live, asked) && canFormat;
  const row = asked ?? null;
  const title = useAppTitle(row?.app ?? null) ?? t.run;
  useTitle(live, title);
  const { connection } = live;
  if (connection.state === "refused" && connection.reason === "unknown" && state.events === 0) return <Unknown />;
  return (
    <div class="stack run">
      <RunHeader live={live} row={row} title={title} canStop={isThere && row?.success == null} />
      <Announcer live={live} />
      {isThere ? <Body live={live} row={row} /> : <Loading />}
    </div>
  );
}
