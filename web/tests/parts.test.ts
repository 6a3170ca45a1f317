// run/parts.ts: exact sums, and texts of pieces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Decimal, plainDecimal, Text } from "../src/run/parts";
import { newSeed, seeded } from "./recordings";

test("decimals as Dify sends them", () => {
  for (const [value, plain] of [
    ["0E-7", "0"], ["0.0000123", "0.0000123"], [1e-7, "0.0000001"], [0.1, "0.1"], ["1.500", "1.5"], [12, "12"],
    ["1e3", "1000"], ["-0.50", "-0.5"], ["1.5E+2", "150"], ["0.0", "0"],
    ["", null], ["abc", null], [".5", null], ["5.", null], [null, null], [{}, null], [NaN, null], [Infinity, null],
    ["1".repeat(41), null], ["0x10", null], [" 1", null],
  ] as const)
    assert.equal(plainDecimal(value), plain, String(value));
});

test("sums are exact", () => {
  const sum = new Decimal();
  for (const part of ["0.1", "0.2", "1e-7", "1000000000000000000"]) assert.ok(sum.add(part));
  assert.equal(sum.toString(), "1000000000000000000.3000001");
  assert.ok(!sum.add("x"));
  assert.ok(sum.add("0.3000001", -1));
  assert.equal(sum.toString(), "1000000000000000000");

  const random = seeded(newSeed());
  const cents = Array.from({ length: 2000 }, () => Math.floor(random() * 1e6));
  const total = new Decimal();
  for (const cent of cents) total.add(`${Math.floor(cent / 100)}.${String(cent % 100).padStart(2, "0")}`);
  assert.equal(Math.round(Number(total.toString()) * 100), cents.reduce((one, other) => one + other));
  assert.match(total.toString(), /^\d+(\.\d{1,2})?$/);
});

test("a text of pieces, joined when it is read", () => {
  const text = new Text();
  assert.equal(String(text), "");
  text.push("Echo", "llm");
  text.push(": ", "llm");
  assert.equal(String(text), "Echo: ");
  text.push("", "llm");
  assert.equal(text.rev, 2);
  text.push("!", "end");
  text.push("a", "llm");
  assert.equal(text.length, 8);
  text.drop("llm");
  assert.equal(String(text), "!");
  assert.equal(text.length, 1);
  text.replace("whole");
  text.push(".");
  assert.equal(String(text), "whole.");
  text.replace("");
  assert.equal(String(text), "");
  assert.equal(text.length, 0);
});

test("a text of very many bits", () => {
  const text = new Text();
  let told = "";
  for (let n = 0; n < 2000; n++) {
    const bit = `${n} `;
    text.push(bit, n % 700 < 650 ? "a" : "b");
    told += bit;
    if (n % 97 === 0) assert.equal(String(text), told);
  }
  assert.equal(text.length, told.length);
  assert.equal(String(text), told);
  text.drop("a");
  assert.equal(String(text), told.match(/\d+ /g)!.filter((bit) => parseInt(bit) % 700 >= 650).join(""));
});

test("of what was lost of a text, its source's own word is taken", () => {
  const text = new Text();
  text.push("Before. ", "a");
  for (const piece of ["To", "morrow", " not"]) text.push(piece, "b");
  assert.equal(text.source, "b");
  assert.ok(!text.mend("b", "Today it rains."), "it says something else");
  assert.ok(!text.mend("c", "Today it rains."), "nothing is known of it");
  assert.ok(text.mend("b", "Tomorrow, the sun will not shine."));
  assert.equal(String(text), "Before. Tomorrow, the sun will not shine.");
  text.push("After.", "a");
  assert.ok(!text.mend("a", "Before. After."), "where it was lost is not known");
});
