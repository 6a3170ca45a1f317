import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../src/lib/types";
import { firstOpen, formatPath, isLarge, openFor, rowKey, rowsOf, search } from "../src/result/tree";

const seen = (value: Json, open: Iterable<string>) =>
  rowsOf(value, new Set(open)).map(({ path, range }) => formatPath("o", path) + (range ? `{${range}}` : ""));

test("only open branches have rows", () => {
  const value = { a: { b: [1, { c: 2 }] }, d: "x" };
  assert.deepEqual(seen(value, []), ["o"]);
  assert.deepEqual(seen(value, [rowKey([])]), ["o", "o.a", "o.d"]);
  assert.deepEqual(seen(value, firstOpen(value)), ["o", "o.a", "o.a.b", "o.a.b[0]", "o.a.b[1]", "o.a.b[1].c", "o.d"]);
});

test("rows know their place", () => {
  const rows = rowsOf({ a: 1, b: [] }, new Set([rowKey([])]));
  assert.deepEqual(rows.map(({ depth, place, siblings }) => [depth, place, siblings]), [[0, 1, 1], [1, 1, 2], [1, 2, 2]]);
  assert.deepEqual(rows.map(({ canOpen }) => canOpen), [true, false, false]);
});

test("many members are in ranges, never in thousands of rows", () => {
  const value = Array.from({ length: 25_000 }, (_, i) => i);
  const open = firstOpen(value);
  assert.deepEqual(seen(value, open), ["o", "o{0,10000}", "o{10000,20000}", "o{20000,25000}"]);
  const keys = openFor(value, [12_345]);
  const rows = rowsOf(value, new Set(keys));
  assert.ok(rows.some(({ key }) => key === rowKey([12_345])));
  assert.ok(rows.length < 310, `${rows.length} rows`);
});

test("each path can be revealed, in objects of any size", () => {
  for (const size of [1, 100, 101, 10_000, 10_001]) {
    const value = Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, { deep: [i] }]));
    for (const at of [0, Math.floor(size / 2), size - 1]) {
      const path = [`k${at}`, "deep", 0];
      const rows = rowsOf(value, new Set(openFor(value, path)));
      assert.ok(rows.some(({ key }) => key === rowKey(path)), `${size} ${at}`);
    }
  }
});

test("it finds names and values, in the order of the rows", () => {
  const value = { Tea: [{ kind: "green TEA" }, { kind: "coffee" }], n: 42, no: null, yes: true };
  assert.deepEqual(search(value, "tea").hits, [["Tea"], ["Tea", 0, "kind"]]);
  assert.deepEqual(search(value, "42").hits, [["n"]]);
  assert.deepEqual(search(value, "null").hits, [["no"]]);
  assert.deepEqual(search(value, "absent").hits, []);
  assert.deepEqual(search(Array(2000).fill("x"), "x"), { hits: Array.from({ length: 1000 }, (_, i) => [i]), more: true });
});

test("values nested deeply do not break it", () => {
  let value: Json = "end";
  for (let i = 0; i < 2000; i++) value = [value];
  assert.equal(search(value, "end").hits.length, 1);
  assert.equal(rowsOf(value, firstOpen(value)).length, 24);
});

test("paths are written as in a program", () => {
  assert.equal(formatPath("data", ["a", 3, "odd name", "中文", 'q"']), 'data.a[3]["odd name"].中文["q\\""]');
});

test("small values are told from large ones", () => {
  assert.equal(isLarge({ a: 1, b: [1, 2] }), false);
  assert.equal(isLarge(Array(100).fill(0)), true);
  assert.equal(isLarge("x".repeat(10_000)), true);
});
