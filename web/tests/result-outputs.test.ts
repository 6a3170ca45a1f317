import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setLanguage } from "../src/lib/words";
import type { JsonObject, NodeResult, ResultData } from "../src/lib/types";
import { explain, knownCodes } from "../src/result/codes";
import { failedNodes, incompleteNodes } from "../src/result/failure";
import { columnsOf, fileName, jsonIn, outputsOf, textsOf, toCsv } from "../src/result/outputs";

const data = (more: object) => ({ outputs: {}, workflow_outputs: null, nodes: [], containers: [], metadata: {}, ...more }) as unknown as ResultData;

test("the text that is meant comes first", () => {
  const texts = (more: object) => textsOf(data(more)).map(({ name }) => name);
  assert.deepEqual(texts({ workflow_outputs: { long: "a long text", text: "x", result: "y", n: 1, json: '{"a":1}', empty: " " } }),
    ["text", "result", "long"]);
  assert.deepEqual(texts({ workflow_outputs: { a: "xx", b: "xxxx" } }), ["b", "a"]);
  assert.deepEqual(texts({ answer: "hello", workflow_outputs: { answer: "hello", files: [] } }), [""]);
  assert.deepEqual(texts({ outputs: { text: "so far" } }), ["text"]);
  assert.deepEqual(texts({ outputs: { text: "of a node" }, workflow_outputs: {}, status: "succeeded" }), []);
});

test("a run's own outputs go before those of its nodes", () => {
  assert.deepEqual(outputsOf(data({ outputs: { a: 1, b: 2 }, workflow_outputs: { b: 2 } })), { b: 2 });
  assert.deepEqual(outputsOf(data({ outputs: { a: 1 } })), { a: 1 });
  assert.deepEqual(outputsOf(data({ outputs: { a: 1 }, workflow_outputs: {}, status: "failed" })), { a: 1 });
  assert.deepEqual(outputsOf(data({ outputs: { a: 1 }, workflow_outputs: {}, status: "succeeded" })), {});
});

test("texts that are JSON are known", () => {
  assert.deepEqual(jsonIn(' {"a": [1]} '), { a: [1] });
  for (const text of ["5", '"x"', "[a]", "{", "null", "plain"]) assert.equal(jsonIn(text), undefined, text);
});

test("a list of objects is a table", () => {
  assert.deepEqual(columnsOf([{ a: 1 }, { b: 2, a: 3 }]), ["a", "b"]);
  for (const none of [[], [1], [{ a: 1 }, 2], [[1]], { a: 1 }, [{}], [{ transfer_method: "x", url: "y" }],
    [Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`c${i}`, i]))]])
    assert.equal(columnsOf(none), null, JSON.stringify(none));
});

test("CSV is quoted, and no text of it is a formula", () => {
  assert.equal(toCsv([{ a: 'x"y', b: -1 }, { a: "=1+1", b: null }, { a: "l\nm", b: { c: [1] } }, { a: "+8", b: "@x" }], ["a", "b"]),
    '\uFEFFa,b\r\n"x""y",-1\r\n\'=1+1,\r\n"l\nm","{""c"":[1]}"\r\n\'+8,\'@x\r\n');
});

test("nor is one in full width, or behind a line's end", () => {
  assert.equal(toCsv([{ a: "＝1＋1" }, { a: "\n=1" }], ["a"]), '\uFEFFa\r\n\'＝1＋1\r\n"\'\n=1"\r\n');
});

test("names of files are harmless", () => {
  assert.equal(fileName("../../etc/passwd"), "_.._etc_passwd");
  assert.equal(fileName("报告", "019a"), "报告-019a");
  assert.equal(fileName(".."), "result");
  assert.equal(fileName("a\u202egnp.exe"), "a_gnp.exe");
});

const node = (more: Partial<NodeResult>): NodeResult => ({ id: "1", node_id: "n", title: "N", status: "failed", error: "e", ...more }) as NodeResult;

test("it names the node that failed, once", () => {
  const nodes = [node({}), node({ id: "2" }), node({ id: "3", error: "other" }), node({ id: "4", status: "exception" }), node({ status: "succeeded" })];
  assert.deepEqual(failedNodes(data({ nodes })).map(({ node, times }) => [node.id, times]), [["1", 2], ["3", 1]]);
  assert.deepEqual(failedNodes(data({ nodes: nodes.slice(3), containers: [node({ id: "c" })] })).map(({ node }) => node.id), ["c"]);
  assert.deepEqual(failedNodes(data({ nodes: nodes.slice(3) })).map(({ node }) => node.id), ["4"]);
});

test("nodes of which something is missing are named by their titles", () => {
  const nodes = [node({ id: "1", title: "Read" }), node({ id: null, node_id: "x", title: "Write" })];
  assert.deepEqual(incompleteNodes(data({ nodes, metadata: { incomplete_nodes: ["1", "x", "gone", "1"] } })), ["Read", "Write", "gone"]);
});

test("each code of the documents is in words, in both languages", () => {
  const text = readFileSync(new URL("../../../docs/result.md", import.meta.url), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| ")).join("\n");
  const named = [...rows.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map((found) => found[1]!).filter((code) => code !== "accept_partial");
  for (const code of named) assert.ok(knownCodes.includes(code), code);
  for (const language of ["en", "zh"] as const) {
    setLanguage(language);
    for (const code of [...knownCodes, "workflow_odd", "never_heard_of", null]) assert.ok(explain(code).what, String(code));
    assert.equal(/[\u4e00-\u9fff]/.test(explain("run_lost").what), language === "zh");
  }
  setLanguage("en");
});

test("columns that every object has by nature are empty where a row has none", () => {
  const rows = JSON.parse('[{"constructor": 1, "__proto__": "x"}, {"a": 2}]') as JsonObject[];
  const columns = columnsOf(rows)!;
  assert.deepEqual(columns, ["constructor", "__proto__", "a"]);
  assert.equal(toCsv(rows, columns), "\uFEFFconstructor,__proto__,a\r\n1,x,\r\n,,2\r\n");
});
