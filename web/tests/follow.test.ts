// run/follow.ts: nothing lost and nothing twice, whatever breaks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { followRun, type Connection, type Follow, type FollowOptions, type RunEvent } from "../src/run/follow";
import { Lines, settle, World } from "./world";

interface Scene {
  world: World;
  lines: Lines;
  told: string[]; // events by a letter of theirs, `reset`, `end`
  dates: number[];
  states: Connection[];
  follow: Follow;
}

function letter(event: RunEvent): string {
  if (event.kind === "unreadable" || event.kind === "end") return event.kind;
  return String(event.data.event);
}

async function begin(options: Partial<FollowOptions> = {}): Promise<Scene> {
  const world = new World();
  const lines = new Lines();
  const scene = { world, lines, told: [] as string[], dates: [] as number[], states: [] as Connection[] };
  const follow = followRun({
    url: "api/runs/x/events", headers: () => ({}),
    onEvent: (event) => scene.told.push(letter(event)), onReset: () => scene.told.push("reset"),
    onConnection: (connection) => scene.states.push(connection), onDate: (ms) => scene.dates.push(ms),
    fetch: lines.fetch, random: () => 1, ...world.parts, ...options,
  });
  await settle();
  return { ...scene, follow };
}

const event = (id: string, name: string) => `id: ${id}\ndata: {"event":"${name}"}\n\n`;
const END = `id: 1-9\nevent: end\ndata: {"success":true,"data":{}}\n\n`;
const PAUSE = `event: end\ndata: {"success":null,"data":{"status":"paused"}}\n\n`;
const states = ({ states: all }: Scene) => all.map((one) =>
  one.state + ("reason" in one ? ` ${one.reason}` : ""));

test("straight to the end", async () => {
  const scene = await begin({ headers: () => ({ Authorization: "Bearer t" }) });
  assert.equal(scene.lines.last.authorization, "Bearer t");
  assert.equal(scene.lines.last.lastId, null);
  scene.lines.last.open({ Date: "Mon, 30 Nov 2026 06:43:29 GMT" }).write("retry: 2000\n\n" + event("1-1", "a"))
    .write(`id: 1-2\nevent: follow\ndata: {"event":"f"}\n\n` + END);
  await settle();
  assert.deepEqual(scene.told, ["a", "f", "end"]);
  assert.deepEqual(states(scene), ["connecting", "live", "ended"]);
  assert.deepEqual(scene.dates, [Date.UTC(2026, 10, 30, 6, 43, 29)]);
  assert.equal(scene.world.waiting, 0);
  await scene.world.pass(3_600_000);
  scene.follow.wake();
  scene.follow.resume();
  assert.equal(scene.lines.all.length, 1);
});

test("a break: it comes again with the last id, and drops what repeats", async () => {
  const scene = await begin();
  scene.lines.last.open().write(event("1-1", "a") + event("1-2", "b") + "id: 1-3\ndata: {\"event\":\"lost\"}\n").close();
  await settle();
  assert.deepEqual(scene.states.at(-1), { state: "waiting", reason: "broken", untilMs: scene.world.nowMs + 300, attempt: 1 });
  await scene.world.pass(300);
  assert.equal(scene.lines.last.lastId, "1-2");
  scene.lines.last.open().write(event("1-1", "a") + event("1-2", "b") + event("1-3", "c"));
  await settle();
  scene.lines.last.fail();
  await settle();
  await scene.world.pass(300);
  assert.equal(scene.lines.last.lastId, "1-3");
  scene.lines.last.open().write(event("2-1", "d") + END.replace("1-9", "2-9"));
  await settle();
  assert.deepEqual(scene.told, ["a", "b", "c", "d", "end"]);
});

test("no answer: longer and longer, then at once when woken", async () => {
  const scene = await begin();
  const waits: number[] = [];
  for (let n = 0; n < 8; n++) {
    scene.lines.last.fail();
    await settle();
    const last = scene.states.at(-1)!;
    assert.ok(last.state === "waiting" && last.reason === "unreachable" && last.attempt === n + 1);
    waits.push(last.untilMs - scene.world.nowMs);
    await scene.world.pass(waits.at(-1)!);
  }
  assert.deepEqual(waits, [300, 600, 1200, 2400, 4800, 9600, 10000, 10000]);
  scene.lines.last.fail();
  await settle();
  const before = scene.lines.all.length;
  scene.follow.wake();
  await settle();
  assert.equal(scene.lines.all.length, before + 1);
  assert.equal(scene.world.waiting, 1); // silence alone: the wait is over
  scene.lines.last.open().write(event("1-1", "a"));
  await settle();
  scene.lines.last.close();
  await settle();
  assert.equal((scene.states.at(-1) as { untilMs: number }).untilMs - scene.world.nowMs, 300);
});

test("jitter: at least a half", async () => {
  const scene = await begin({ random: () => 0 });
  scene.lines.last.fail();
  await settle();
  assert.equal((scene.states.at(-1) as { untilMs: number }).untilMs - scene.world.nowMs, 150);
});

test("silence of 40 s is an end; a comment is life", async () => {
  const scene = await begin();
  scene.lines.last.open().write(event("1-1", "a"));
  await settle();
  for (let n = 0; n < 10; n++) {
    await scene.world.pass(15_000);
    scene.lines.last.write(":\n\n");
    await settle();
  }
  assert.equal(scene.lines.all.length, 1);
  await scene.world.pass(39_999);
  assert.equal(scene.lines.all.length, 1);
  await scene.world.pass(1);
  assert.ok(scene.lines.all[0]!.isLeft);
  assert.equal(states(scene).at(-1), "waiting silent");
  await scene.world.pass(300);
  assert.equal(scene.lines.last.lastId, "1-1");
});

test("an answer that does not come is waited for as long", async () => {
  const scene = await begin();
  await scene.world.pass(40_000);
  assert.equal(states(scene).at(-1), "waiting silent");
});

test("after sleep a connection that may be dead is opened anew, a fresh one is not", async () => {
  const scene = await begin();
  scene.lines.last.open().write(event("1-1", "a"));
  await settle();
  scene.world.sleep(19_000);
  scene.follow.wake();
  await settle();
  assert.equal(scene.lines.all.length, 1);
  scene.world.sleep(3_600_000);
  scene.follow.wake();
  await settle();
  assert.equal(scene.lines.all.length, 2);
  assert.ok(scene.lines.all[0]!.isLeft);
  assert.equal(scene.lines.last.lastId, "1-1");
});

test("reset: the state begins anew, lower ids are new", async () => {
  const scene = await begin();
  scene.lines.last.open().write(event("1-1", "a") + event("1-7", "b") +
    `event: reset\ndata: {"event":"reset","reason":"unknown","next":1}\n\n` + event("1-2", "c")).close();
  await settle();
  await scene.world.pass(300);
  assert.equal(scene.lines.last.lastId, "1-2");
  assert.deepEqual(scene.told, ["a", "b", "reset", "c"]);
});

test("a pause: looked at quietly now and then, at once when the form was submitted", async () => {
  const scene = await begin();
  scene.lines.last.open().write(event("1-1", "a") + PAUSE).close();
  await settle();
  assert.deepEqual(scene.told, ["a", "end"]);
  assert.deepEqual(states(scene), ["connecting", "live", "paused"]);
  for (let n = 0; n < 3; n++) {
    await scene.world.pass(10_000);
    assert.equal(scene.lines.last.lastId, "1-1");
    scene.lines.last.open().write(PAUSE).close();
    await settle();
  }
  await scene.world.pass(10_000);
  scene.lines.last.fail();
  await settle();
  assert.equal(scene.lines.all.length, 5);
  assert.deepEqual(scene.told, ["a", "end"]);
  assert.deepEqual(states(scene), ["connecting", "live", "paused"]);
  scene.follow.resume();
  await settle();
  scene.lines.last.open().write(event("1-2", "b"));
  await settle();
  assert.deepEqual(states(scene).slice(3), ["connecting", "live"]);
  scene.lines.last.write(PAUSE).close();
  await settle();
  assert.equal(states(scene).at(-1), "paused");
  await scene.world.pass(10_000); // somebody else submits it
  scene.lines.last.open().write(event("1-3", "c") + END);
  await settle();
  assert.deepEqual(scene.told.slice(-2), ["c", "end"]);
  assert.deepEqual(states(scene).slice(-2), ["live", "ended"]);
});

test("refusals: told, and tried again only when asked to", async () => {
  for (const [status, reason] of [[401, "token"], [403, "forbidden"], [404, "unknown"], [400, "error"]] as const) {
    const scene = await begin();
    scene.lines.last.status(status);
    await settle();
    assert.deepEqual(scene.states.at(-1), { state: "refused", reason, status });
    await scene.world.pass(3_600_000);
    scene.follow.wake();
    await settle();
    assert.equal(scene.lines.all.length, 1);
    scene.follow.resume();
    await settle();
    scene.lines.last.open().write(END);
    await settle();
    assert.deepEqual(states(scene).slice(-3), ["connecting", "live", "ended"]);
  }
});

test("503 and 429: when the gateway says; 502 and what is no stream: as if it were broken", async () => {
  const scene = await begin();
  const wait = () => (scene.states.at(-1) as { untilMs: number }).untilMs - scene.world.nowMs;
  scene.lines.last.status(503, { "Retry-After": "7" });
  await settle();
  assert.equal(states(scene).at(-1), "waiting busy");
  assert.equal(wait(), 7000);
  await scene.world.pass(7000);
  scene.lines.last.status(429, { "Retry-After": new Date(scene.world.nowMs + 20_000).toUTCString() });
  await settle();
  assert.equal(wait(), 20_000);
  await scene.world.pass(20_000);
  scene.lines.last.status(503);
  await settle();
  assert.equal(wait(), 1200);
  await scene.world.pass(1200);
  scene.lines.last.status(502);
  await settle();
  assert.equal(states(scene).at(-1), "waiting failing");
  await scene.world.pass(2400);
  scene.lines.last.status(200, { "Content-Type": "text/html" });
  await settle();
  assert.equal(states(scene).at(-1), "waiting failing");
});

test("404 of who stands before a gateway that is away: the run is not lost", async () => {
  const scene = await begin();
  scene.lines.last.status(404, { "Content-Type": "text/plain" });
  await settle();
  assert.equal(states(scene).at(-1), "waiting failing");
  await scene.world.pass(300);
  scene.lines.last.open().write(event("1-1", "a") + END);
  await settle();
  assert.deepEqual(scene.told, ["a", "end"]);
});

test("204: there is nothing more", async () => {
  const scene = await begin();
  scene.lines.last.status(204);
  await settle();
  assert.equal(states(scene).at(-1), "ended");
  assert.equal(scene.world.waiting, 0);
});

test("what cannot be read is told as such, and not asked for again", async () => {
  const scene = await begin();
  scene.lines.last.open().write("id: 1-1\ndata: {\"event\":\n\nid: 1-2\ndata: [1]\n\n" + event("1-3", "a")).close();
  await settle();
  await scene.world.pass(300);
  assert.equal(scene.lines.last.lastId, "1-3");
  assert.deepEqual(scene.told, ["unreadable", "unreadable", "a"]);
});

test("closed: nothing is told, nothing is left", async () => {
  const scene = await begin();
  scene.lines.last.open().write(event("1-1", "a"));
  await settle();
  scene.follow.close();
  await settle();
  assert.ok(scene.lines.last.isLeft);
  assert.equal(scene.world.waiting, 0);
  assert.deepEqual(states(scene), ["connecting", "live"]);
  scene.follow.wake();
  scene.follow.resume();
  await scene.world.pass(60_000);
  assert.equal(scene.lines.all.length, 1);
  const other = await begin();
  other.lines.last.fail();
  await settle();
  other.follow.close();
  other.follow.wake();
  await other.world.pass(60_000);
  assert.equal(other.lines.all.length, 1);
});

test("an id that no header can hold does not keep it from coming again", async () => {
  const scene = await begin();
  scene.lines.last.open().write(event("1-1", "a") + event("第-二", "b")).close();
  await settle();
  await scene.world.pass(300);
  assert.equal(scene.lines.last.lastId, "1-1");
  assert.deepEqual(scene.told, ["a", "b"]);
});
