import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, ResultData } from "../src/lib/types";
import { filesOf, isFile, showAs } from "../src/result/files";
import { shownFiles } from "../src/result/outputs";

const file = (filename: string, more: object = {}): Json => ({
  dify_model_identity: "__dify__file__", type: "image", transfer_method: "tool_file", filename, mime_type: "image/png", size: 10,
  url: `https://dify.example/files/tools/${filename}?sign=1`, ...more,
});

test("files are what the gateway takes for files", () => {
  assert.ok(isFile({ dify_model_identity: "__dify__file__" }));
  assert.ok(isFile({ transfer_method: null, url: "" }));
  assert.ok(!isFile({ url: "https://example.org/files/x" }));
  assert.ok(!isFile({ transfer_method: "tool_file", url: null }));
  assert.ok(!isFile({ dify_model_identity: "other" }));
  assert.ok(!isFile([file("a")]));
});

test("they are numbered as they stand, also within, and a file holds none", () => {
  const outputs = { x: [file("0"), { deep: [file("1", { inner: file("no") })] }], y: "text", z: file("2") };
  assert.deepEqual(filesOf(outputs).map(({ number, name, path }) => [number, name, path]),
    [[0, "0", ["x", 0]], [1, "1", ["x", 1, "deep", 0]], [2, "2", ["z"]]]);
});

test("of a run's own outputs those are shown, under the gateway's numbers", () => {
  const data = { outputs: { given: [file("in")], made: file("out") }, workflow_outputs: { made: file("out") } } as unknown as ResultData;
  assert.deepEqual(shownFiles(data).map(({ number, name }) => [number, name]), [[1, "out"]]);
  assert.equal(shownFiles({ ...data, workflow_outputs: null }).length, 2);
});

test("what lies elsewhere is known before it is asked for", () => {
  const elsewhere = (more: object) => filesOf([file("a", more)])[0]!.isElsewhere;
  assert.equal(elsewhere({}), false);
  assert.equal(elsewhere({ transfer_method: "remote_url" }), true);
  assert.equal(elsewhere({ url: "https://other.example/a.png?x=/files/" }), true);
  assert.equal(elsewhere({ url: "/files/tools/a.png" }), false);
});

test("only pictures, sound and films are shown; SVG and HTML never", () => {
  assert.deepEqual(showAs({ type: "image/png", name: "" }), { how: "picture", type: "image/png" });
  assert.deepEqual(showAs({ type: "", name: "A.JPG" }), { how: "picture", type: "image/jpeg" });
  assert.deepEqual(showAs({ type: "audio/mpeg; x=1", name: "" }), { how: "audio", type: "audio/mpeg" });
  assert.deepEqual(showAs({ type: "video/mp4", name: "" }), { how: "video", type: "video/mp4" });
  for (const type of ["image/svg+xml", "text/html", "application/pdf", "application/xhtml+xml"])
    assert.equal(showAs({ type, name: "a.png" }), null, type);
});

test("a name cannot turn its writing around", () => {
  assert.equal(filesOf([file("a", { filename: "report\u202egnp.exe" })])[0]!.name, "reportgnp.exe");
});
