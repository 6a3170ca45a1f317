// history/filter.ts: what an address says, and what the gateway is asked for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ANY, countFilters, type Filter, formatFilter, isBeyondTotals, parseFilter, parseTime, rowsQuery } from "../src/history/filter";

const parse = (query: string) => parseFilter(new URLSearchParams(query));

test("an address that says nothing filters nothing, and so the other way round", () => {
  assert.deepEqual(parse(""), ANY);
  assert.equal(formatFilter(ANY).toString(), "");
  assert.equal(countFilters(ANY), 0);
});

test("what is formatted is parsed to the same", () => {
  const filters: Partial<Filter>[] = [
    { app: "summary", status: "failed", user: "line 3&x=1", q: "茶 #1?" },
    { span: "24h" }, { span: "7d", cursor: "000000000000004f" }, { span: "30d" },
    { span: "custom" },
    { span: "custom", since: 1785562200 },
    { span: "custom", since: 1785562200, until: 1785565800, status: "running" },
  ];
  for (const part of filters) {
    const filter = { ...ANY, ...part };
    assert.deepEqual(parse(formatFilter(filter).toString()), filter);
  }
});

test("times are written in UTC, to the minute; Unix seconds are read as well", () => {
  const filter = { ...ANY, span: "custom" as const, since: 1785562200, until: 1785565800 };
  assert.equal(formatFilter(filter).get("since"), "2026-08-01T05:30Z");
  assert.equal(parseTime("2026-08-01T05:30Z"), 1785562200);
  assert.equal(parseTime("2026-08-01T13:30+08:00"), 1785562200);
  assert.equal(parseTime("1785562200.5"), 1785562200.5);
  for (const text of ["", "soon", "-5", "1960-01-01T00:00Z", "99999999999999", "9".repeat(400)]) assert.equal(parseTime(text), null, text);
  assert.equal(parseTime(null), null);
});

test("what is not understood counts as not said", () => {
  assert.equal(parse("span=year").span, "all");
  assert.equal(parse("span=7d&since=1785562200").since, null); // that span has its own
  assert.deepEqual(parse("since=1785562200"), { ...ANY, span: "custom", since: 1785562200 });
  assert.deepEqual(parse("span=custom&since=x"), { ...ANY, span: "custom" });
  assert.equal(parse("status=queued").status, "running");
  assert.equal(parse("status=toString").status, "toString"); // Dify's words are not ours to know
  assert.deepEqual(parse("colour=red"), ANY);
});

test("the gateway is asked for what is said, no more", () => {
  assert.deepEqual(rowsQuery(ANY, null), {});
  assert.deepEqual(rowsQuery(parse("app=a&status=failed&user=u&q=x&span=7d&cursor=c"), 5),
    { app: "a", status: "failed", user: "u", q: "x", since: 5, cursor: "c" });
  assert.deepEqual(rowsQuery(parse("until=1785562200"), null), { until: 1785562200 });
});

test("totals know apps and spans", () => {
  assert.equal(isBeyondTotals(parse("app=a&span=7d&cursor=c")), false);
  for (const query of ["status=failed", "user=u", "q=x"]) assert.equal(isBeyondTotals(parse(query)), true, query);
  assert.equal(countFilters(parse("app=a&status=failed&user=u&q=x&span=7d&cursor=c")), 5);
});
