// history/span.ts: whole local hours and days, wherever one is and when clocks are changed.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ANY, type Filter } from "../src/history/filter";
import { begins, findFirst, floorTo, type Plan, planOf, ticksOf, trim } from "../src/history/span";
import type { Stats, Totals } from "../src/lib/types";

const HOUR = 3600, DAY = 86400;
const zone = process.env["TZ"];
afterEach(() => {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

const at = (text: string) => Date.parse(text) / 1000;
const of = (part: Partial<Filter>): Filter => ({ ...ANY, ...part });

function holds(plan: Plan, since: number, now: number): void {
  assert.ok(plan.parts >= 1 && plan.parts <= 100, `${plan.parts} parts`);
  assert.ok(plan.since <= since && plan.until >= now, JSON.stringify(plan));
}

test("steps begin at whole local times", () => {
  process.env["TZ"] = "Asia/Kolkata"; // 5:30 ahead
  assert.equal(floorTo(HOUR, at("2026-08-01T10:47:00+05:30")), at("2026-08-01T10:00:00+05:30"));
  assert.equal(floorTo(6 * HOUR, at("2026-08-01T10:47:00+05:30")), at("2026-08-01T06:00:00+05:30"));
  assert.equal(floorTo(DAY, at("2026-08-01T10:47:00+05:30")), at("2026-08-01T00:00:00+05:30"));
  assert.equal(floorTo(7 * DAY, at("2026-08-01T00:00:00+05:30")), at("2026-08-01T00:00:00+05:30"));
});

test("the spans that have names are of whole hours and days, and reach past now", () => {
  process.env["TZ"] = "Asia/Shanghai";
  const now = at("2026-08-01T10:47:00+08:00");
  const day = planOf(of({ span: "24h" }), now, 0);
  assert.deepEqual(day, { since: at("2026-07-31T11:00:00+08:00"), until: at("2026-08-01T11:00:00+08:00"), step: HOUR, parts: 24 });
  const week = planOf(of({ span: "7d" }), now, 0);
  assert.deepEqual(week, { since: at("2026-07-26T00:00:00+08:00"), until: at("2026-08-02T00:00:00+08:00"), step: 6 * HOUR, parts: 28 });
  const month = planOf(of({ span: "30d" }), now, 0);
  assert.deepEqual(month, { since: at("2026-07-03T00:00:00+08:00"), until: at("2026-08-02T00:00:00+08:00"), step: DAY, parts: 30 });
  for (const span of ["24h", "7d", "30d"] as const)
    assert.equal(begins(of({ span }), now), planOf(of({ span }), now, 0).since, "list and totals begin together");
});

test("a changed clock leaves no run out", () => {
  for (const [name, change] of [["Europe/Berlin", "2026-03-29"], ["Europe/Berlin", "2026-10-25"], ["America/New_York", "2026-11-01"]] as const) {
    process.env["TZ"] = name;
    for (let hour = 0; hour < 24 * 9; hour += 5) {
      const now = at(`${change}T00:30:00Z`) + hour * HOUR;
      for (const span of ["24h", "7d", "30d"] as const)
        holds(planOf(of({ span }), now, 0), begins(of({ span }), now)!, now);
    }
  }
});

test("all runs: from a whole step before the first one, with as many bars as read well", () => {
  process.env["TZ"] = "Asia/Shanghai";
  const now = at("2026-08-01T10:47:20+08:00");
  for (const age of [0, 1, 59, 600, 5000, HOUR, 30 * HOUR, 5 * DAY, 45 * DAY, 400 * DAY, 3000 * DAY, 30000 * DAY]) {
    const plan = planOf(of({}), now, now - age);
    holds(plan, now - age, now);
    assert.ok(plan.parts <= 49, `${plan.parts} parts of ${plan.step} s`);
    assert.equal(plan.since, floorTo(plan.step, now - age));
    assert.equal(plan.until, plan.since + plan.parts * plan.step);
  }
  assert.equal(planOf(of({}), now, now - 45 * DAY).step, DAY);
});

test("the ends that somebody chose hold", () => {
  process.env["TZ"] = "Asia/Shanghai";
  const now = at("2026-08-01T10:47:20+08:00");
  const since = at("2026-07-30T09:10:00+08:00"), until = at("2026-07-31T12:00:00+08:00");
  const both = planOf(of({ span: "custom", since, until }), now, 0);
  assert.equal(both.since, since);
  assert.equal(both.until, until);
  holds(both, since, until);
  holds(planOf(of({ span: "custom", since }), now, 0), since, now);
  const open = planOf(of({ span: "custom", until }), now, since);
  assert.ok(open.since <= since && open.until === until);
  const upsideDown = planOf(of({ span: "custom", since: until, until: since }), now, 0);
  assert.ok(upsideDown.since < upsideDown.until, "no empty axis");
});

test("the first run is found by a few questions", async () => {
  const now = 1785562200;
  for (const age of [0, 10, HOUR, 5 * HOUR, 3 * DAY, 100 * DAY, 4000 * DAY]) {
    let asked = 0;
    const first = await findFirst(now, async (until) => {
      asked++;
      return now - age < until;
    });
    assert.ok(first <= now - age, "it is before");
    assert.ok(now - first <= Math.max(2 * age, HOUR) + 1, `not much before: ${now - first} s for ${age} s`);
    assert.ok(asked <= 5, `${asked} questions`);
  }
});

test("empty bars before the first run are left out, but for a few", () => {
  const plan: Plan = { since: 1000, until: 1000 + 20 * 60, step: 60, parts: 20 };
  const statsOf = (first: number) =>
    ({ runs: 1, buckets: Array.from({ length: 20 }, (_, i) => ({ since: 1000 + i * 60, runs: i >= first ? 1 : 0 }) as Totals) }) as Stats;
  const cut = trim(plan, statsOf(5));
  assert.deepEqual(cut.plan, { since: 1300, until: 2200, step: 60, parts: 15 });
  assert.equal(cut.stats.buckets!.length, 15);
  assert.equal(cut.stats.buckets![0]!.since, 1300);
  assert.equal(trim(plan, statsOf(19)).plan.parts, 8);
  assert.equal(trim(plan, statsOf(0)).plan, plan);
  assert.equal(trim(plan, statsOf(20)).plan, plan); // no run at all
});

test("an axis has whole hours or days, as many as there is room for", () => {
  process.env["TZ"] = "Europe/Berlin";
  const week: Plan = { since: at("2026-03-26T00:00:00+01:00"), until: at("2026-04-02T00:00:00+02:00"), step: 6 * HOUR, parts: 28 };
  const days = ticksOf(week, 8).map((tick) => new Date(tick * 1000));
  assert.deepEqual(days.map((day) => day.getHours()), Array(8).fill(0), "midnights, although a clock was changed");
  assert.equal(days[0]!.getTime() / 1000, week.since);
  for (const most of [1, 2, 3, 5, 13]) {
    const ticks = ticksOf(week, most);
    assert.ok(ticks.length >= 1 && ticks.length <= most + 1, `${ticks.length} for ${most}`);
    assert.ok(ticks.every((tick) => tick >= week.since && tick <= week.until));
  }
  const hours = ticksOf({ since: at("2026-03-26T09:10:00+01:00"), until: at("2026-03-26T15:10:00+01:00"), step: 900, parts: 24 }, 7);
  assert.deepEqual(hours.map((tick) => new Date(tick * 1000).getMinutes()), Array(6).fill(0));
});
