// run/reduce.ts: recorded streams of real servers give what tests/recordings has as their results,
// which another program has made.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, NodeResult, Result } from "../src/lib/types";
import { at } from "../src/run/clock";
import { isOpen, type NodeRun, type RunState } from "../src/run/model";
import { plainDecimal } from "../src/run/parts";
import { newRun, reduce, resetRun } from "../src/run/reduce";
import { eventsOf, recordings } from "./recordings";

const ALL = recordings();

function fold(events: JsonObject[], state = newRun()): RunState {
  for (const data of events) reduce(state, { kind: "event", data });
  return state;
}

const open = new Set(["running", "retry", "paused", "pending"]);

// What both tell of an execution. Of one that had no end we have a word of our own, and no figures
// of a pause.
function ofNode(node: NodeRun) {
  const { nodeId, type, title, elapsed, tokens, price, error, retries } = node;
  const status = isOpen(node) || node.status === "unfinished" ? "open" : node.status;
  return { nodeId, type, title, status, elapsed, tokens, price, error, retries };
}

function ofResult(told: NodeResult) {
  return {
    nodeId: told.node_id ?? "", type: told.node_type ?? "", title: told.title ?? "",
    status: told.status === null || open.has(told.status) ? "open" : told.status,
    elapsed: told.status === "paused" ? null : told.elapsed_time,
    tokens: told.total_tokens, price: plainDecimal(told.total_price), error: told.error || null, retries: told.retries,
  };
}

function check(state: RunState, { data, success }: Result): void {
  assert.equal(state.runId, data.workflow_run_id);
  assert.equal(state.taskId, data.task_id);
  assert.equal(state.status === "running" ? null : state.status, data.status ?? (success === false && state.error ? "failed" : null));
  assert.deepEqual(state.nodes.filter((node) => !node.isContainer).map(ofNode), data.nodes.map(ofResult));
  assert.deepEqual(state.nodes.filter((node) => node.isContainer).map(ofNode), data.containers.map(ofResult));
  assert.equal(state.totals.tokens ?? 0, data.metadata.total_tokens);
  assert.equal(Number(state.totals.price ?? 0), data.metadata.total_price);
  assert.equal(state.totals.currency ?? "USD", data.metadata.currency);
  assert.equal(state.totals.steps ?? 0, data.metadata.total_steps);
  assert.equal(state.events, data.event_count);
  assert.equal(state.unknownEvents, data.unknown_events);
  if (data.answer !== undefined) assert.equal(String(state.text), data.answer);
  assert.deepEqual(state.workflowOutputs ?? null, data.workflow_outputs);
  assert.equal(state.totals.nodes, data.nodes.length);
}

function checkCounts(state: RunState): void {
  const nodes = state.nodes.filter((node) => !node.isContainer);
  assert.equal(state.totals.running, nodes.filter(isOpen).length);
  assert.equal(state.totals.done, nodes.filter((node) => !isOpen(node) && node.status !== "unfinished").length);
  if (state.phase === "ended") assert.equal(state.totals.running, 0);
  for (const node of state.nodes) {
    assert.equal(state.byKey.get(node.key), node);
    if (node.ended) assert.ok(at(node.ended) >= at(node.started));
    if (node.container) assert.ok(node.container.children.includes(node));
  }
}

test("there are recordings", () => {
  assert.ok(ALL.length > 100);
});

for (const { name, body, expected } of ALL) {
  test(name, () => {
    const events = eventsOf(body);
    const state = fold(events);
    check(state, expected);
    checkCounts(state);
    // The result says nothing new; and once more, nothing either.
    const before = state.nodes.map(ofNode);
    for (let n = 0; n < 2; n++) {
      reduce(state, { kind: "end", data: expected });
      check(state, expected);
      checkCounts(state);
      assert.deepEqual(state.nodes.map(ofNode), before);
    }
    // Begun anew it is what it was.
    resetRun(state);
    check(fold(events, state), expected);
  });
}

// ---- a text of which a break has hidden a part ----------------------------------------------------

const STREAMS = { text: "Tea is made of leaves and water." };
const data = (event: string, more: object) => ({ event, workflow_run_id: "r", task_id: "t", data: { created_at: 100, ...more } });
const starts = (id: string) => data("node_started", { id, node_id: id, node_type: "llm" });
const ends = (id: string, outputs: object) => data("node_finished", { id, node_id: id, node_type: "llm", status: "succeeded", outputs });
const says = (id: string, text: string) => data("text_chunk", { text, from_variable_selector: [id, "text"] });

function cut(state: RunState): void {
  for (const told of ["broken", "resuming", "streaming"])
    reduce(state, { kind: "follow", data: { event: "follow", state: told } });
}

test("what a break hid of a text is there again once its node has ended", () => {
  const state = fold([starts("a"), says("a", "Tea is "), says("a", "made")]);
  assert.equal(state.hasTextGap, false);
  cut(state);
  assert.equal(state.hasTextGap, true);
  fold([says("a", " and water.")], state);
  cut(state);
  fold([starts("b"), ends("a", STREAMS)], state);
  assert.equal(String(state.text), STREAMS.text);
  assert.equal(state.hasTextGap, false);
});

test("a text whose begin a break hid lacks it until then; one that begins later lacks nothing", () => {
  const state = fold([starts("a")]);
  cut(state);
  fold([says("a", " water.")], state);
  assert.equal(state.hasTextGap, true);
  fold([ends("a", STREAMS)], state);
  assert.equal(String(state.text), STREAMS.text);
  assert.equal(state.hasTextGap, false);
  const other = fold([starts("a")]);
  cut(other);
  fold([starts("b"), says("b", "Tea")], other);
  assert.equal(other.hasTextGap, false);
});

test("a text of several nodes, of each of which a part may be lacking, waits for the result", () => {
  const state = fold([starts("a"), says("a", "Tea is ")]);
  cut(state);
  fold([starts("b"), says("b", "and")], state);
  cut(state);
  fold([ends("b", { text: "and more" }), ends("a", STREAMS)], state);
  assert.equal(state.hasTextGap, true);
});
