// All that is known of a node: beside the timeline where there is room, else in a sheet over it.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { clock, count, duration, price, time } from "../lib/format";
import type { Json } from "../lib/types";
import { JsonView } from "../result/json";
import { Markdown } from "../result/markdown";
import { Icon, Notice } from "../ui/icons";
import { Status } from "../ui/status";
import { at } from "./clock";
import { KindIcon, kindText } from "./kinds";
import { type LiveRun, useRev, useTick } from "./live";
import type { AgentLog, NodeRun } from "./model";
import { secondsOf, shownStatus } from "./row";
import { t } from "./words";

const WIDE = matchMedia("(min-width: 64rem)");

function useWide(): boolean {
  const [wide, set] = useState(WIDE.matches);
  useEffect(() => {
    const changed = () => set(WIDE.matches);
    WIDE.addEventListener("change", changed);
    return () => WIDE.removeEventListener("change", changed);
  }, []);
  return wide;
}

/** A part that is made when it is opened: values may be large. */
function Part({ title, open, children }: { title: string; open?: boolean; children: () => ComponentChildren }) {
  const [isOpen, set] = useState(open === true);
  return (
    <details class="part" open={isOpen} onToggle={(event) => set(event.currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen && <div class="part-body">{children()}</div>}
    </details>
  );
}

function JsonPart({ title, value, name, open }: { title: string; value: unknown; name: string; open?: boolean }) {
  if (value == null || (typeof value === "object" && Object.keys(value).length === 0)) return null;
  return <Part title={title} open={open === true}>{() => <JsonView value={value as Json} name={name} />}</Part>;
}

function Logs({ logs, parent }: { logs: AgentLog[]; parent: string | null }) {
  const here = logs.filter((log) => log.parent === parent ||
    (parent === null && !logs.some(({ id }) => id === log.parent)));
  if (here.length === 0) return null;
  return (
    <ul class="logs">
      {here.map((log) => (
        <li key={log.id}>
          <div class="row"><span class="grow">{log.label}</span>
            <Status status={log.status === "start" ? "running" : log.status === "error" ? "failed" : "succeeded"} /></div>
          {log.error && <p class="small">{log.error}</p>}
          <JsonPart title={t.data} value={log.data} name={log.label} />
          {log.id !== parent && <Logs logs={logs} parent={log.id} />}
        </li>
      ))}
    </ul>
  );
}

function Facts({ node, live }: { node: NodeRun; live: LiveRun }) {
  const grows = !node.ended && live.state.phase === "running";
  useTick(grows ? 1000 : 0);
  const seconds = secondsOf(node, grows ? live.presentMs() : null);
  const start = live.state.started;
  const facts: [string, string | null][] = [
    [t.kind, kindText(node.type)],
    [t.duration, seconds === null ? null : grows ? clock(seconds) : duration(seconds)],
    [t.started, start && `+${duration((at(node.started) - at(start)) / 1000)} · ${time(at(node.started) / 1000)}`],
    [t.rounds, node.isContainer ? `${count(node.rounds)}${node.length === null ? "" : ` / ${count(node.length)}`}` : null],
    [t.inside, node.container && `${node.container.title}${node.round === null ? "" : ` · ${t.round(node.round)}`}`],
    [t.tokens, node.tokens === null ? null : count(node.tokens)],
    [t.price, node.price === null ? null : price(node.price, node.currency)],
    [t.retries, node.retries > 0 ? count(node.retries) : null],
  ];
  return (
    <dl class="detail-facts">
      {facts.map(([name, value]) => value !== null && <div key={name}><dt>{name}</dt><dd class="num">{value}</dd></div>)}
    </dl>
  );
}

function Content({ node, live }: { node: NodeRun; live: LiveRun }) {
  useRev(live, () => node.rev);
  const { reasoning, text } = node;
  return (
    <div class="stack detail-content">
      <Status status={shownStatus(node.status)} badge />
      {node.error && <Notice tone={node.status === "exception" ? "warn" : "bad"}><p class="error-text">{node.error}</p></Notice>}
      {node.isIncomplete && <Notice tone="warn">{t.incomplete}</Notice>}
      <Facts node={node} live={live} />
      {node.attempts.length > 0 && (
        <Part title={t.attempts(node.attempts.length)} open>{() => (
          <ol class="attempts">
            {node.attempts.map(({ number, error, elapsed }) => (
              <li key={number}>
                <strong>{t.attempt(number)}</strong> <span class="num muted">{duration(elapsed)}</span>
                <p class="error-text small">{error}</p>
              </li>
            ))}
          </ol>
        )}</Part>
      )}
      {text && text.length > 0 && <Part title={t.textSoFar} open>{() => <Markdown text={String(text)} growing />}</Part>}
      {reasoning && reasoning.length > 0 && <Part title={t.thoughts}>{() => <Markdown text={String(reasoning)} />}</Part>}
      <JsonPart title={t.outputs} value={node.outputs} name="outputs" open />
      <JsonPart title={t.inputs} value={node.inputs} name="inputs" />
      <JsonPart title={t.processData} value={node.processData} name="process_data" />
      {node.logs.size > 0 && <Part title={t.logs}>{() => <Logs logs={[...node.logs.values()]} parent={null} />}</Part>}
      <JsonPart title={t.metadata} value={node.metadata} name="execution_metadata" />
    </div>
  );
}

export interface DetailProps {
  live: LiveRun;
  node: NodeRun;
  takeFocus: boolean;
  close: () => void;
  step: (by: 1 | -1) => void;
}

/** Where the reader is taken to, as the node was opened by key. */
function Panel({ live, node, takeFocus, close, step, name }: DetailProps & { name: string }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => { if (takeFocus) title.current?.focus(); }, [node, takeFocus]);
  return (
    <>
      <div class="detail-head">
        <KindIcon type={node.type} />
        <h2 id={name} class="grow" tabIndex={-1} ref={title}>{node.title || node.nodeId}</h2>
        <button type="button" class="plain icon small" aria-label={t.previous} title={t.previous} onClick={() => step(-1)}><Icon name="up" /></button>
        <button type="button" class="plain icon small" aria-label={t.next} title={t.next} onClick={() => step(1)}><Icon name="down" /></button>
        <button type="button" class="plain icon small" aria-label={t.close} title={t.close} onClick={close}><Icon name="cross" /></button>
      </div>
      <Content key={node.key} node={node} live={live} />
    </>
  );
}

function Sheet(props: DetailProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const name = useId();
  const { close } = props;
  useEffect(() => { dialog.current?.showModal(); }, []);
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby={name} onCancel={(event) => { event.preventDefault(); close(); }}
      onClick={(event) => { if (event.target === dialog.current) close(); }}>
      <div class="detail"><Panel {...props} name={name} /></div>
    </dialog>
  );
}

export function Detail(props: DetailProps) {
  const name = useId();
  const wide = useWide();
  if (!wide) return <Sheet {...props} takeFocus />;
  return (
    <aside class="card detail side" aria-labelledby={name}
      onKeyDown={(event) => { if (event.key === "Escape") props.close(); }}>
      <Panel {...props} name={name} />
    </aside>
  );
}
