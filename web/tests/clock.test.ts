// run/clock.ts: times made up from whole seconds, held against the recorder's clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { at, Clock, Present } from "../src/run/clock";
import { newRun, reduce } from "../src/run/reduce";
import { arrivals, newSeed, recordings, seeded } from "./recordings";

test("a run moves within its first second until all its events fit", () => {
  const clock = new Clock();
  const run = clock.start(100);
  const one = clock.start(100, run);
  const oneEnd = clock.end(one, 0.2, 100);
  assert.equal(at(oneEnd), 100_200);
  const two = clock.start(101, run); // so all of it was later
  assert.equal(at(two), 101_000);
  assert.equal(at(oneEnd), 101_000);
  assert.equal(at(run), 100_800);
  assert.equal(clock.rev, 1);
  const twoEnd = clock.end(two, 0.5, 101);
  assert.equal(at(clock.start(103, run)), 103_000); // no more than a second: a true pause
  assert.equal(at(twoEnd), 101_500);
  assert.equal(at(run), 100_800);
});

test("an end that is told a second later moves the run, too", () => {
  const clock = new Clock();
  const node = clock.start(100);
  assert.equal(at(clock.end(node, 0.3, 101)), 101_000);
  assert.equal(at(node), 100_700);
});

test("what is told late is where it belongs, and the clock does not go back", () => {
  const clock = new Clock();
  const run = clock.start(100);
  const outer = clock.start(100, run);
  const one = clock.start(100, outer);
  const oneEnd = clock.end(one, 3, 103);
  const two = clock.start(100, outer); // of another round, told in a burst
  const twoEnd = clock.end(two, 1.5, 101);
  const three = clock.start(101, outer);
  const threeEnd = clock.end(three, 1, 102);
  assert.equal(at(two), at(outer));
  assert.equal(at(twoEnd) - at(two), 1500);
  assert.equal(at(three), at(twoEnd));
  assert.equal(at(threeEnd) - at(three), 1000);
  assert.equal(clock.now, oneEnd);
});

test("without times things happen when the event before did", () => {
  const clock = new Clock();
  assert.equal(at(clock.start(null)), 0);
  const other = new Clock();
  const run = other.start(50);
  assert.equal(at(other.start(null)), 50_000);
  assert.equal(at(other.end(run, 0.25, null)), 50_250);
  assert.equal(at(other.end(run, null, null)), 50_250);
});

// Streams without a snapshot, and without what is told in a burst.
test("recorded runs: as the recorder's clock had them", () => {
  const wrong: number[] = [];
  let runs = 0;
  for (const { name } of recordings()) {
    if (name.includes("events")) continue;
    const came = arrivals(name);
    const state = newRun();
    const told = new Map<string, number>();
    let first: number | null = null;
    for (const { event, ms } of came) {
      const before = state.clock.now && at(state.clock.now);
      const { rev } = state.clock;
      reduce(state, { kind: "event", data: event });
      if (before !== null && state.clock.rev === rev) assert.ok(at(state.clock.now!) >= before, name);
      const { id } = (event.data ?? {}) as { id?: string };
      if (event.event === "workflow_started") first ??= ms;
      if (event.event === "node_started" && id) told.set(id, ms);
    }
    if (first === null || state.nodes.some((node) => node.isParallel)) continue;
    runs++;
    for (const node of state.nodes) {
      const ms = node.id === null ? undefined : told.get(node.id);
      if (ms !== undefined) wrong.push(Math.abs(at(node.started) - at(state.started!) - (ms - first)));
    }
  }
  wrong.sort((one, other) => one - other);
  assert.ok(runs > 200 && wrong.length > 600);
  assert.ok(wrong[Math.floor(wrong.length * 0.5)]! < 25, "half of them within 25 ms");
  assert.ok(wrong[Math.floor(wrong.length * 0.95)]! < 250, "nearly all within a quarter of a second");
  assert.ok(wrong.at(-1)! < 1000, "all within the second that was told");
});

test("the present: of events as they come, never backwards", () => {
  const random = seeded(newSeed());
  for (const skewMs of [-3_600_000, 0, 5_000]) {
    const present = new Present();
    let before = -Infinity;
    let eventMs = 1_000_000;
    for (let local = 1_000_000; local < 1_060_000; local += 50) {
      if (random() < 0.1) {
        eventMs = local - Math.floor(random() * 300); // told a little later than it was
        present.told(eventMs, local + skewMs);
      }
      const now = present.at(local + skewMs);
      assert.ok(now >= before && (eventMs === 1_000_000 || now >= eventMs));
      before = now;
    }
    assert.ok(Math.abs(before - 1_060_000) < 400);
  }
});

test("the present of a page that was loaded in the midst of a long node: by the gateway's clock", () => {
  const present = new Present();
  present.answered(1_060_000, 5_060_500);
  present.told(1_000_000, 5_060_520); // of a minute ago, from the log
  assert.equal(present.at(5_060_500), 1_059_000);
  assert.equal(present.at(5_070_500), 1_069_000);
  present.told(1_070_000, 5_070_500); // news
  assert.equal(present.at(5_070_600), 1_070_100);
});

test("the present where the gateway's clock is not Dify's: news set it right", () => {
  const present = new Present();
  present.answered(1_090_000, 5_000_000); // 90 s ahead
  present.told(1_000_000, 5_000_000);
  const early = present.at(5_001_000);
  present.told(1_003_000, 5_003_000);
  assert.equal(present.at(5_004_000), Math.max(early, 1_004_000)); // waits, rather than go back
  assert.equal(present.at(5_200_000), 1_200_000);
});
