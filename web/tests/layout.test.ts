// run/layout.ts: rows, axis and bars, of recorded runs and of made-up ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../src/lib/types";
import { at } from "../src/run/clock";
import { axisOf, barOf, Layout, roundKey, type Row } from "../src/run/layout";
import { newRun, reduce } from "../src/run/reduce";
import type { RunState } from "../src/run/model";
import { eventsOf, newSeed, read, recordings, seeded } from "./recordings";

function fold(events: JsonObject[], state = newRun()): RunState {
  for (const data of events) reduce(state, { kind: "event", data });
  return state;
}

const NONE: ReadonlySet<string> = new Set();

function rowsOf(state: RunState, collapsed = NONE): readonly Row[] {
  const layout = new Layout(state);
  layout.update(collapsed);
  return layout.rows;
}

const drawn = (rows: readonly Row[]) => rows.map(({ kind, node, round, depth, count }) =>
  `${"  ".repeat(depth)}${kind === "round" ? `#${round}` : kind === "branch" ? `/${node.branch!.start}` : node.nodeId}${count ? ` (${count})` : ""}`);

const started = (id: string, more: object = {}): JsonObject => ({
  event: "node_started", workflow_run_id: "r", task_id: "t",
  data: { id, node_id: id, node_type: "code", title: id, created_at: 100, ...more },
});
const finished = (id: string, more: object = {}): JsonObject => ({
  event: "node_finished", workflow_run_id: "r", task_id: "t",
  data: { id, node_id: id, node_type: "code", status: "succeeded", created_at: 100, finished_at: 100, elapsed_time: 0, ...more },
});
const begun: JsonObject = { event: "workflow_started", workflow_run_id: "r", task_id: "t", data: { id: "r", created_at: 100 } };

test("a loop in an iteration, folded and unfolded", () => {
  const state = fold(eventsOf(read("v1.15.0/loop-in-iter/streaming").body));
  const all = [
    "start", "mk", "it (12)",
    "  #0 (5)", "    lp (4)", "      #0 (1)", "        asg", "      #1 (1)", "        asg", "    itt",
    "  #1 (5)", "    lp (4)", "      #0 (1)", "        asg", "      #1 (1)", "        asg", "    itt",
    "end",
  ].map((line) => line.replace("it (12)", "it (14)").replace(/^ {2}#(\d) \(5\)/, "  #$1 (6)"));
  assert.deepEqual(drawn(rowsOf(state)), all);
  const it = state.nodes.find((node) => node.nodeId === "it")!;
  assert.deepEqual(drawn(rowsOf(state, new Set([it.key]))), ["start", "mk", "it (14)", "end"]);
  assert.deepEqual(drawn(rowsOf(state, new Set([roundKey(it, 0)]))),
    [...all.slice(0, 4), ...all.slice(10)]);
  const inner = state.nodes.findLast((node) => node.nodeId === "asg")!;
  const layout = new Layout(state);
  assert.deepEqual(layout.keysAround(inner), [it.key, roundKey(it, 1), inner.container!.key, roundKey(inner.container!, 1)]);
  layout.update(new Set(layout.keysAround(inner)));
  assert.equal(layout.indexOf(inner.key), -1);
  layout.update(NONE);
  assert.equal(layout.rows[layout.indexOf(inner.key)]!.node, inner);
});

test("parallel rounds: which one is told at the end", () => {
  const events = eventsOf(read("iter-par-cont/good-streaming").body);
  const state = fold(events.slice(0, events.findIndex((event) => event.event === "node_started" &&
    (event.data as { node_id: string }).node_id === "ic") + 1));
  assert.deepEqual(drawn(rowsOf(state)), ["start", "mk", "it (1)", "  ic"]);
  fold(events.slice(state.events), state);
  assert.deepEqual(drawn(rowsOf(state)),
    ["start", "mk", "it (6)", "  #0 (1)", "    ic", "  #1 (1)", "    ic", "  #2 (1)", "    ic", "end"]);
});

test("parallel rounds lie beside each other, each as long as it took, within their container", () => {
  const state = fold(eventsOf(read("iter-http-par/streaming").body));
  const it = state.nodes.find((node) => node.isContainer)!;
  assert.ok(it.isParallel);
  for (const node of it.children) {
    assert.ok(Math.abs(at(node.ended!) - at(node.started) - node.elapsed! * 1000) < 1, `${node.nodeId} ${node.round}`);
    assert.ok(at(node.started) >= at(it.started) && at(node.ended!) <= at(it.ended!), `${node.nodeId} ${node.round}`);
  }
  for (const mates of it.byRound.values()) assert.ok(at(mates[1]!.started) >= at(mates[0]!.ended!));
  const { startMs, endMs } = axisOf(state, 0);
  assert.ok(Math.abs(endMs - startMs - state.elapsed! * 1000) < 50);
});

test("rounds that a gap has hidden: as nodes come again; none where they may be parallel", () => {
  const next = (index: number) => ({ event: "iteration_next", workflow_run_id: "r", task_id: "t",
    data: { id: "it", node_id: "it", node_type: "iteration", index, created_at: 100 } });
  const begin = { ...next(0), event: "iteration_started" };
  const inner = (id: string, nodeId: string) => ({ ...started(id, { node_id: nodeId, iteration_id: "it" }), task_id: "r" });
  const gap = (state: RunState) => {
    for (const told of ["broken", "resuming", "streaming"])
      reduce(state, { kind: "follow", data: { event: "follow", state: told } });
  };
  const state = fold([begun, begin, next(0), inner("a0", "a"), inner("b0", "b"), next(1), inner("a1", "a")]);
  gap(state);
  fold([inner("b1", "b"), inner("a2", "a"), inner("b2", "b"), next(3), inner("a3", "a")], state);
  assert.deepEqual(state.nodes.slice(1).map((node) => `${node.id} ${node.round}`), ["a0 0", "b0 0", "a1 1", "b1 1", "a2 2", "b2 2", "a3 3"]);
  assert.equal(state.resumed, 1);
  const other = fold([begun, begin, next(0), inner("a0", "a")]);
  gap(other);
  fold([inner("b0", "b"), inner("a1", "a")], other);
  assert.deepEqual(other.nodes.slice(1).map((node) => node.round), [0, null, null]);
});

test("branches, where a release tells of them", () => {
  const branch = (start: string, more: object = {}) => ({ parallel_id: "p", parallel_start_node_id: start, ...more });
  const inner = { parallel_id: "q", parallel_start_node_id: "c", parent_parallel_id: "p", parent_parallel_start_node_id: "b" };
  const state = fold([begun, started("s"), started("a", branch("a")), started("b", branch("b")), started("a2", branch("a")),
    started("c", inner), started("e")]);
  assert.deepEqual(drawn(rowsOf(state)),
    ["s", "/a (2)", "  a", "  a2", "/b (3)", "  b", "  /c (1)", "    c", "e"]);
});

test("rows are the same objects as long as they do not change", () => {
  const state = fold([begun, started("a"), started("b")]);
  const layout = new Layout(state);
  assert.ok(layout.update(NONE));
  const [a, b] = layout.rows;
  assert.ok(!layout.update(NONE));
  fold([finished("a")], state);
  assert.ok(!layout.update(NONE));
  fold([started("c")], state);
  assert.ok(layout.update(NONE));
  assert.equal(layout.rows[0], a);
  assert.equal(layout.rows[1], b);
  assert.equal(layout.rows.length, 3);
});

test("containers that say they are in each other are not", () => {
  const container = (id: string, around: string) => started(`${id}-run`, { node_id: id, node_type: "iteration", iteration_id: around });
  const state = fold([begun, container("a", "b"), container("b", "a"), container("a", "b"),
    started("n", { iteration_id: "a", loop_id: "b" }), started("m", { iteration_id: "m" })]);
  assert.equal(rowsOf(state).length, state.nodes.length);
});

test("the axis: ticks that people count in, and it ends at one while the run goes on", () => {
  const random = seeded(newSeed());
  for (let round = 0; round < 2000; round++) {
    const state = fold([begun]);
    const span = 10 ** (random() * 8 - 1); // a tenth of a second to months
    const axis = axisOf(state, 100_000 + span * 1000, null, 8);
    assert.equal(axis.startMs, 100_000);
    assert.ok(axis.endMs >= 100_000 + span * 1000 && axis.ticks.length >= 2 && axis.ticks.length <= 10, String(span));
    assert.ok(Math.abs(axis.ticks.at(-1)!.at - 1) < 1e-9);
    const step = axis.ticks[1]!.seconds;
    axis.ticks.forEach((tick, place) => assert.ok(Math.abs(tick.seconds - place * step) < 1e-6 * step * (place + 1)));
    assert.equal(axisOf(state, 100_000 + span * 1000, axis, 8), axis);
  }
  const steps = [0.3, 3, 7, 50, 100, 400, 3000, 20_000, 200_000].map((span) =>
    axisOf(fold([begun]), 100_000 + span * 1000).ticks[1]!.seconds);
  assert.deepEqual(steps, [0.05, 0.5, 1, 10, 20, 60, 600, 3600, 43_200]);
});

test("the axis of a run that has ended ends with it", () => {
  const state = fold(eventsOf(read("parallel-3/streaming").body));
  const axis = axisOf(state, Number.MAX_SAFE_INTEGER);
  assert.ok(!axis.isOpen);
  assert.equal(axis.endMs, at(state.ended!));
  assert.ok(Math.abs(axis.endMs - axis.startMs - 2319) < 60);
  assert.deepEqual(axis.ticks.map((tick) => tick.seconds), [0, 0.5, 1, 1.5, 2]);
});

test("bars: what runs grows, branches lie beside each other", () => {
  const events = eventsOf(read("parallel-3/streaming").body);
  const state = fold(events.slice(0, 7)); // three run, the second has ended
  const presentMs = at(state.started!) + 1000;
  const axis = axisOf(state, presentMs);
  const [, ha, hb] = rowsOf(state);
  const one = barOf(ha!, axis, presentMs);
  assert.ok(one.isGrowing && one.end === 1000 / (axis.endMs - axis.startMs));
  const two = barOf(hb!, axis, presentMs);
  assert.ok(!two.isGrowing && two.start < 0.1 && Math.abs((two.end - two.start) * (axis.endMs - axis.startMs) - 808) < 2);
});

test("a node without an end goes to that of what is around it", () => {
  const state = fold([begun, started("a"), { event: "workflow_finished", workflow_run_id: "r", task_id: "t",
    data: { status: "stopped", elapsed_time: 2, finished_at: 102 } }]);
  assert.equal(state.nodes[0]!.status, "unfinished");
  const bar = barOf(rowsOf(state)[0]!, axisOf(state, 0), 0);
  assert.deepEqual([bar.start, bar.end, bar.isGrowing], [0, 1, false]);
});

test("attempts", () => {
  const state = fold(eventsOf(read("http-retry-ok/streaming").body));
  const axis = axisOf(state, 0);
  const row = rowsOf(state).find(({ node }) => node.nodeId === "h")!;
  const bar = barOf(row, axis, 0);
  assert.deepEqual(bar.attempts.map(({ number }) => number), [1, 2]);
  assert.equal(bar.attempts[0]!.start, bar.start);
  assert.equal(bar.attempts[1]!.start, bar.attempts[0]!.end);
  assert.ok(bar.attempts[1]!.end < bar.end);
});

test("all recorded runs can be drawn, at every event", () => {
  for (const { name, body } of recordings()) {
    const state = newRun();
    const layout = new Layout(state);
    for (const data of eventsOf(body)) {
      reduce(state, { kind: "event", data });
      layout.update(NONE);
    }
    assert.equal(layout.rows.filter((row) => row.kind === "node").length, state.nodes.length, name);
    const axis = axisOf(state, 0);
    for (const row of layout.rows) {
      const { start, end } = barOf(row, axis, 0);
      assert.ok(start >= 0 && start <= end && end <= 1, name);
    }
  }
});

test("times that nobody can mean make no axis without an end", () => {
  for (const wrong of [1e300, 1e17, -5, 1e999]) {
    const state = fold([
      { event: "workflow_started", workflow_run_id: "r", task_id: "t", data: { id: "r", created_at: wrong } },
      started("a", { created_at: wrong }),
      finished("a", { created_at: wrong, finished_at: wrong, elapsed_time: wrong }),
      started("b", { created_at: 100 }),
    ]);
    const axis = axisOf(state, 101_000);
    assert.ok(axis.ticks.length < 50 && Number.isFinite(axis.endMs), String(wrong));
    for (const row of rowsOf(state)) assert.ok(barOf(row, axis, 101_000).end <= 1);
  }
});
