// A recorded run through the gateway's log, run/follow.ts and run/reduce.ts: the same state in the
// end however often the connection broke, whatever was told twice, and after a reset.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Result } from "../src/lib/types";
import { at, type Moment } from "../src/run/clock";
import { followRun } from "../src/run/follow";
import type { NodeRun, RunState } from "../src/run/model";
import { newRun, reduce, resetRun } from "../src/run/reduce";
import { eventsOf, newSeed, read, seeded } from "./recordings";
import { Lines, settle, World } from "./world";

// All that a view can see but the counters.
function picture(state: RunState): unknown {
  const { revs, clock, internal, byKey, ...seen } = state;
  void [revs, internal, byKey, clock];
  return JSON.parse(JSON.stringify(seen, (name, value) => {
    if (name === "rev" || name === "result") return undefined;
    if (name === "started" || name === "ended" || name === "at") return value && at(value as Moment);
    if (name === "container" || name === "node") return (value as NodeRun | null)?.key ?? null;
    if (name === "children") return (value as NodeRun[]).map((node) => node.key);
    if (name === "logs") return [...(value as NodeRun["logs"]).values()];
    if (name === "text" || name === "reasoning") return value && String(value);
    return value as unknown;
  }));
}

// As the gateway writes them: records, the last of which is the end.
function wrap(body: Uint8Array, end: Result, epoch: number): string[] {
  const records = [`event: follow\ndata: {"event":"follow","state":"streaming","stream":0}`,
    ...eventsOf(body).map((event) => `data: ${JSON.stringify(event)}`),
    `event: end\ndata: ${JSON.stringify(end)}`];
  return records.map((record, place) => `id: ${epoch}-${place + 1}\n${record}\n\n`);
}

// With a break in the middle, and a snapshot after it.
function wrapBroken(first: Uint8Array, second: Uint8Array, end: Result): string[] {
  const data = (body: Uint8Array) => eventsOf(body).map((event) => `data: ${JSON.stringify(event)}`);
  const follow = (more: object) => `event: follow\ndata: ${JSON.stringify({ event: "follow", ...more })}`;
  const records = [
    follow({ state: "streaming", stream: 0 }), ...data(first),
    follow({ state: "broken", reason: "reset", message: "the connection was reset", wait_ms: 82 }),
    follow({ state: "resuming", reason: "retry", message: "", wait_ms: 0 }),
    follow({ state: "streaming", stream: 1 }), ...data(second),
    `event: end\ndata: ${JSON.stringify(end)}`];
  return records.map((record, place) => `id: 1-${place + 1}\n${record}\n\n`);
}

function straight(records: string[]): RunState {
  const state = newRun();
  for (const record of records) {
    const data = JSON.parse(record.slice(record.indexOf("data: ") + 6));
    reduce(state, { kind: record.includes("event: end\n") ? "end" : record.includes("event: follow\n") ? "follow" : "event", data });
  }
  return state;
}

// `before`: records of an epoch that is forgotten in the midst.
async function broken(records: string[], before: string[], random: () => number): Promise<RunState> {
  const world = new World();
  const lines = new Lines();
  const state = newRun();
  let hasEnded = false;
  const follow = followRun({
    url: "", headers: () => ({}), fetch: lines.fetch, random, ...world.parts,
    onEvent: (event) => reduce(state, event), onReset: () => resetRun(state),
    onConnection: (connection) => { hasEnded = connection.state === "ended"; },
  });
  await settle();
  const epoch = before.length > 0 ? before[0]!.slice(4, 5) : "";
  for (let turn = 0; !hasEnded; turn++) {
    assert.ok(turn < 200);
    const line = lines.last;
    const [of, place] = (line.lastId ?? "0-0").split("-").map(Number) as [number, number];
    const isOld = before.length > 0 && turn < 2 && (of === 0 || String(of) === epoch);
    const known = isOld ? before : records;
    const isForgotten = !isOld && String(of) === epoch;
    const from = isForgotten ? 0 : Math.max(0, place - Math.floor(random() * 4)); // some of them again
    const text = `retry: 2000\n\n${isForgotten ? "event: reset\ndata: {\"event\":\"reset\",\"reason\":\"unknown\"}\n\n" : ""}${known.slice(from).join("")}`;
    const bytes = new TextEncoder().encode(text);
    const isLast = !isOld && (turn > 8 || random() < 0.2);
    const length = isLast ? bytes.length : Math.floor(random() * bytes.length * 0.8);
    line.open();
    for (let sent = 0; sent < length;) {
      const size = 1 + Math.floor(random() * 5000);
      line.write(bytes.subarray(sent, Math.min(length, sent + size)));
      sent += size;
    }
    await settle();
    if (hasEnded) break;
    if (random() < 0.5) line.close();
    else line.fail();
    await settle();
    await world.pass(10_000);
  }
  follow.close();
  return state;
}

const NAMES = [
  "label-check/streaming", "http-retry-ok/streaming", "llm-retry/midfail-streaming", "iter-par-cont/good-streaming",
  "iter-par-term/bad-streaming", "v1.15.0/loop-in-iter/streaming", "agent-node/streaming", "agent-chat/streaming",
  "chat-llm/streaming", "basic-chat-tts/streaming", "human-input/approve/events-resume-snapshot-continue",
  "v1.16.1/llm-think-separated/streaming", "v1.16.1/new-agent/streaming", "basic-chat/fail-streaming", "code-unicode/streaming",
];
const BROKEN = [
  ["label-check/reconnect-streaming-cut", "label-check/reconnect-events-snapshot"],
  ["disconnect/reconnect-snapshot-in-iteration/streaming-cut", "disconnect/reconnect-snapshot-in-iteration/events"],
  ["chat-llm/reconnect-streaming-cut", "chat-llm/reconnect-events-snapshot"],
] as const;

const seed = newSeed();

for (const name of NAMES) {
  test(name, async () => {
    const { body, expected } = read(name);
    const records = wrap(body, expected, 2);
    const whole = picture(straight(records));
    for (let round = 0; round < 6; round++) {
      const before = round < 3 ? [] : wrap(body, expected, 1).slice(0, -1);
      assert.deepEqual(picture(await broken(records, before, seeded(seed + round))), whole, `SEED=${seed}, round ${round}`);
    }
  });
}

for (const [first, second] of BROKEN) {
  test(`${first}, taken up again`, async () => {
    const cut = read(first);
    const rest = read(second);
    const records = wrapBroken(cut.body, rest.body, rest.expected);
    const state = straight(records);
    assert.equal(state.resumed, 1);
    // Nothing twice, nothing that was known lost.
    const ids = state.nodes.map((node) => node.id).filter((id) => id !== null);
    assert.equal(new Set(ids).size, ids.length);
    const known = straight(wrap(cut.body, cut.expected, 1).slice(0, -1));
    for (const node of known.nodes) {
      const after = state.byKey.get(node.key)!;
      assert.deepEqual(after.started && at(after.started) - at(state.started!), at(node.started) - at(known.started!));
      for (const part of ["outputs", "inputs", "metadata", "tokens", "price"] as const)
        if (node[part] != null) assert.deepEqual(after[part], node[part]);
    }
    assert.deepEqual(state.notes.filter((note) => note.kind === "connection").map((note) => note.state),
      ["broken", "resuming", "streaming"]);
    const whole = picture(state);
    for (let round = 0; round < 4; round++)
      assert.deepEqual(picture(await broken(records, [], seeded(seed + round))), whole, `SEED=${seed}, round ${round}`);
  });
}
