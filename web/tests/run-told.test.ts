import assert from "node:assert/strict";
import { test } from "node:test";
import type { Note } from "../src/run/model";
import { statusNow, toldOf } from "../src/run/told";

function note(kind: Note["kind"], state = "", reason = ""): Note {
  return { key: `${kind}${state}${reason}`, kind, state, reason, text: "", waitMs: 0, at: null, node: null };
}
const kinds = (notes: Note[]) => toldOf(notes).map(({ kind, reason }) => `${kind} ${reason}`.trim());

test("a break and that it was taken up again are one", () => {
  assert.deepEqual(kinds([
    note("connection", "broken", "reset"), note("connection", "resuming"), note("connection", "streaming"),
    note("connection", "broken", "eof"), note("connection", "polling"),
  ]), ["resumed reset", "polling eof"]);
});

test("what happened between stays in order", () => {
  assert.deepEqual(kinds([
    note("retry", "", "503"), note("connection", "broken", "reset"), note("warning", "", "w"),
    note("connection", "streaming"), note("paused"),
  ]), ["retry 503", "resumed reset", "warning w", "paused"]);
});

test("a gateway that was started again took the run up", () => {
  assert.deepEqual(kinds([
    note("connection", "resuming", "started"), note("connection", "streaming"),
    note("connection", "resuming", "started"), note("connection", "streaming"),
  ]), ["restarted", "restarted"]);
  assert.deepEqual(kinds([note("connection", "searching", "started"), note("connection", "streaming")]), ["restarted"]);
});

test("silence that ended is told as silence", () => {
  assert.deepEqual(kinds([note("connection", "suspect"), note("connection", "streaming")]), ["silent"]);
});

test("a run that Dify has no word for has one", () => {
  const failed = { success: false } as never;
  assert.equal(statusNow({ phase: "ended", status: null, result: failed }), "failed");
  assert.equal(statusNow({ phase: "ended", status: "running", result: failed }), "failed");
  const stopped = { success: false, code: "workflow_stopped" } as never;
  assert.equal(statusNow({ phase: "ended", status: "failed", result: stopped }), "stopped");
  assert.equal(statusNow({ phase: "ended", status: "partial-succeeded", result: null }), "partial-succeeded");
  assert.equal(statusNow({ phase: "paused", status: "paused", result: null }), "paused");
  assert.equal(statusNow({ phase: "waiting", status: null, result: null }), "queued");
});
