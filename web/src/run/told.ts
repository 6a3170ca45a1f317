// What of a run's notes is shown: the break of a connection and what came of it are one.

import { own } from "../lib/own";
import type { NodeRun, Note, RunState } from "./model";
import type { Moment } from "./clock";

export type ToldKind = "broken" | "resumed" | "restarted" | "polling" | "searching" | "silent" | "waiting" | Note["kind"];

export interface Told {
  key: string;
  kind: ToldKind; // of a connection: how far it is
  reason: string; // the gateway's or Dify's own words
  at: Moment | null;
  node: NodeRun | null;
}

const states: { [state: string]: ToldKind } = {
  broken: "broken", polling: "polling", searching: "searching", suspect: "silent", waiting: "waiting",
};

const AFTER_START = "started"; // the gateway's reason: it had been gone

export function toldOf(notes: readonly Note[]): Told[] {
  const all: Told[] = [];
  let open: Told | null = null; // a connection that was lost, until it is there again
  for (const { key, kind, state, reason, text, at, node } of notes) {
    const words = text || reason;
    if (kind !== "connection") {
      all.push({ key, kind, reason: words, at, node });
    } else if (state === "streaming") {
      if (open && ["broken", "polling", "searching"].includes(open.kind)) open.kind = "resumed";
      if (open?.kind === "resumed" && open.reason === AFTER_START) Object.assign(open, { kind: "restarted", reason: "" });
      open = null;
    } else if (state === "resuming") {
      // Without a break before: the gateway itself was gone.
      if (!open) all.push(open = { key, kind: "restarted", reason: "", at, node });
    } else if (Object.hasOwn(states, state)) {
      if (open) open.kind = states[state]!;
      else all.push(open = { key, kind: states[state]!, reason: words, at, node });
    }
  }
  return all;
}

/** The run's status in the words of ui/status. */
export function statusNow({ phase, status, result }: Pick<RunState, "phase" | "status" | "result">): string {
  if (phase === "paused") return "paused";
  if (phase === "waiting") return "queued";
  if (phase === "running") return "running";
  if (result?.code === "workflow_stopped") return "stopped"; // Dify may say that it failed
  if (result && result.success === false && (status === null || status === "running")) return "failed";
  return status ?? (result?.success ? "succeeded" : "failed");
}

const chars: { [status: string]: string } = {
  queued: "◌", running: "▶", paused: "⏸", succeeded: "✓", failed: "✗", stopped: "■",
};

/** The status as one character, for the window's title. */
export function statusChar(status: string): string {
  return own(chars, status) ?? "!";
}
