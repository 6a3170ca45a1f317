// What run this is, how it is, and what can be done with it. Its height does not depend on what is
// known of the run so far.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { runAgain } from "../form/again";
import { stopRun } from "../lib/api";
import { clock, count, duration, NONE, price, shortTime } from "../lib/format";
import type { Row } from "../lib/types";
import { shownUser } from "../lib/user";
import { Copy } from "../ui/copy";
import { Icon } from "../ui/icons";
import { errorText } from "../ui/load";
import { Status } from "../ui/status";
import { at } from "./clock";
import { ConnectionLine } from "./connection";
import { type LiveRun, useRev, useTick } from "./live";
import { statusNow } from "./told";
import { t } from "./words";

function Elapsed({ live, row }: { live: LiveRun; row: Row | null }) {
  const { state } = live;
  const grows = state.phase === "running";
  useTick(grows ? 1000 : 0);
  if (state.phase === "ended") {
    const { metadata } = state.result?.data ?? {};
    return <>{duration(metadata?.workflow_elapsed_time ?? state.elapsed ?? row?.elapsed ?? (metadata?.elapsed_time || null))}</>;
  }
  return <>{state.started ? clock((live.presentMs() - at(state.started)) / 1000) : clock(0)}</>;
}

/** Asks once more, in its place. */
function Stop({ live }: { live: LiveRun }) {
  const [step, setStep] = useState<"idle" | "asked" | "stopping">("idle");
  const [error, setError] = useState<unknown>(null);
  const yes = useRef<HTMLButtonElement>(null);
  const first = useRef<HTMLButtonElement>(null);
  const before = useRef(step);
  useLayoutEffect(() => {
    if (step === "asked") yes.current?.focus();
    if (step === "idle" && before.current === "asked") first.current?.focus();
    before.current = step;
  }, [step]);
  const stop = async () => {
    setStep("stopping");
    setError(null);
    try {
      await stopRun(live.id);
    } catch (problem) {
      setError(problem);
      setStep("idle");
    }
  };
  if (step === "stopping")
    return <button type="button" class="small" aria-disabled="true"><Icon name="turn" turning />{t.stopping}</button>;
  if (step === "asked") {
    return (
      <span class="row run-ask" role="group" aria-label={t.stopAsk}
        onKeyDown={(event) => { if (event.key === "Escape") setStep("idle"); }}>
        <span class="small">{t.stopAsk}</span>
        <button type="button" class="small danger" ref={yes} onClick={stop}>{t.stopYes}</button>
        <button type="button" class="small plain" onClick={() => setStep("idle")}>{t.stopNo}</button>
      </span>
    );
  }
  return (
    <>
      {error !== null && <span class="small run-error" role="alert">{errorText(error)}</span>}
      <button type="button" class="small" ref={first} onClick={() => setStep("asked")}><Icon name="stop" />{t.stop}</button>
    </>
  );
}

function Fact({ name, children, title }: { name: string; children: ComponentChildren; title?: string | undefined }) {
  return <div><dt>{name}</dt><dd class="num" title={title}>{children}</dd></div>;
}

export function RunHeader({ live, row, title, canStop }: {
  live: LiveRun; row: Row | null; title: string; canStop: boolean;
}) {
  const { state } = live;
  useRev(live, () => state.revs.head + state.revs.result + state.revs.times);
  const { totals } = state;
  const isOver = state.phase === "ended";
  const startedMs = state.started ? at(state.started) : (row?.created_at ?? 0) * 1000;
  const inputs = state.inputs;
  const user = shownUser(row?.user);
  return (
    <header class="card run-head">
      <div class="run-name">
        <h1>{title}</h1>
        <Status status={statusNow(state)} badge />
      </div>
      <div class="run-acts">
        {canStop && (state.phase === "running" || state.phase === "waiting") && <Stop live={live} />}
        {(inputs || !isOver) && (
          <button type="button" class="small plain" disabled={!row || !inputs}
            onClick={() => { if (row && inputs) runAgain(row.app, inputs); }}>
            <Icon name="again" />{t.again}
          </button>
        )}
        <Copy text={() => location.href.replace(/\?[^#]*/, "")} label={t.copyLink} icon="link" />
      </div>
      <dl class="run-facts">
        <Fact name={t.elapsed}><Elapsed live={live} row={row} /></Fact>
        <Fact name={t.nodes} title={t.nodesMeaning}>{totals.nodes === 0 ? NONE : `${count(totals.done)} / ${count(totals.nodes)}`}</Fact>
        <Fact name={t.tokens}>{count(totals.tokens)}</Fact>
        <Fact name={t.price}>{price(totals.price, totals.currency)}</Fact>
      </dl>
      <div class="run-meta">
        <span class="num">{t.startedAt(startedMs > 0 ? shortTime(startedMs / 1000) : NONE)}</span>
        <ConnectionLine live={live} />
        {state.resumed > 0 && <span title={t.resumedMeaning}>{t.resumed(state.resumed)}</span>}
        {user && <span class="cut" title={user}>{user}</span>}
      </div>
    </header>
  );
}
