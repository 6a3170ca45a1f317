// What should be mentioned of a run, in words, in the order in which it happened.

import { duration } from "../lib/format";
import { Icon, type IconName } from "../ui/icons";
import { at } from "./clock";
import { type LiveRun, useRev } from "./live";
import type { NodeRun } from "./model";
import { type Told, toldOf } from "./told";
import { t } from "./words";

const AT_ONCE = 6; // more of them are folded

const signs: { [kind in Told["kind"]]: [IconName, string] } = {
  broken: ["alert", "warn"], resumed: ["again", "warn"], restarted: ["again", "warn"],
  polling: ["clock", "warn"], searching: ["search", "warn"],
  silent: ["clock", "warn"], waiting: ["clock", "warn"], connection: ["info", "none"], retry: ["again", "warn"],
  warning: ["alert", "warn"], error: ["cross", "bad"], paused: ["pause", "warn"], continued: ["play", "none"],
  replaced: ["info", "none"],
};

export function toldIcon({ kind }: Told): IconName {
  return signs[kind][0];
}

export function toldText({ kind, node, reason }: Told): string {
  const words = t.note(kind, node?.title ?? "");
  return reason && kind !== "paused" ? t.because(words, reason) : words;
}

function List({ told, startMs, open }: { told: Told[]; startMs: number | null; open: (node: NodeRun) => void }) {
  return (
    <ol class="notes">
      {told.map((one) => (
        <li key={one.key} class={signs[one.kind][1]}>
          <Icon name={toldIcon(one)} />
          <span class="num muted">{one.at && startMs !== null ? duration((at(one.at) - startMs) / 1000) : ""}</span>
          {one.node
            ? <button type="button" class="link" onClick={() => open(one.node!)}>{toldText(one)}</button>
            : <span>{toldText(one)}</span>}
        </li>
      ))}
    </ol>
  );
}

export function Notes({ live, open }: { live: LiveRun; open: (node: NodeRun) => void }) {
  const { state } = live;
  useRev(live, () => state.revs.notes);
  const told = toldOf(state.notes);
  if (told.length === 0) return null;
  const startMs = state.started ? at(state.started) : null;
  const list = <List told={told} startMs={startMs} open={open} />;
  if (told.length <= AT_ONCE) return <div class="tl-notes">{list}</div>;
  return <details class="tl-notes"><summary>{t.notes(told.length)}</summary>{list}</details>;
}
