// A status in words, with a sign of its own and a colour.

import { own } from "../lib/own";
import { Icon, type IconName, type Tone } from "./icons";
import { t } from "./words";

const signs: { [status: string]: [IconName, Tone] } = {
  queued: ["clock", "busy"],
  running: ["turn", "busy"],
  paused: ["pause", "warn"],
  succeeded: ["check", "good"],
  failed: ["cross", "bad"],
  stopped: ["stop", "none"],
  "partial-succeeded": ["alert", "warn"],
  exception: ["alert", "warn"],
  retry: ["again", "warn"],
  skipped: ["dash", "none"],
  unseen: ["dash", "none"],
};

export function statusTone(status: string | null): Tone {
  return own(signs, status)?.[1] ?? "none";
}

export function statusText(status: string | null): string {
  return status === null ? t.unknown : own(signs, status) ? (t as { [status: string]: string })[status]! : status;
}

/** Of a row or result: one that failed for a reason that Dify does not know has no status, and of one
 * that was stopped Dify may say that it failed. */
export function statusOf(run: { status: string | null; success: boolean | null; code?: string | null }): string {
  if (run.code === "workflow_stopped") return "stopped";
  return run.status ?? (run.success === null ? "running" : run.success ? "succeeded" : "failed");
}

export function StatusIcon({ status }: { status: string }) {
  const [icon] = own(signs, status) ?? ["dash"];
  return <Icon name={icon} turning={status === "running"} />;
}

export function Status({ status, badge }: { status: string; badge?: boolean }) {
  return (
    <span class={`status ${statusTone(status)}${badge ? " badge" : ""}`}>
      <StatusIcon status={status} />
      {statusText(status)}
    </span>
  );
}
