import assert from "node:assert/strict";
import { File as NodeFile } from "node:buffer";
import { test } from "node:test";
import { check, type Field, fieldsOf, inputsOf, placeErrors, type Value, valueFor } from "../src/form/fields";
import { acceptOf, addAddress, addFiles, type FileRules, type Item, kindOf } from "../src/form/files";
import { attemptOf, bodyOf, type Order } from "../src/form/send";
import { startValues } from "../src/form/values";
import type { InputDescription } from "../src/lib/types";

globalThis.File ??= NodeFile as unknown as typeof File; // of Node 18

function field(type: string, of: Partial<InputDescription> = {}): Field {
  return fieldsOf({
    user_input_form: [{ [type]: { variable: "x", ...of } }],
    system_parameters: { image_file_size_limit: 1, file_size_limit: 2, workflow_file_upload_limit: 4 },
  })[0]!;
}

const sent = (of: Field, value: Value) => inputsOf([of], { [of.id]: value }).inputs;
const wrong = (of: Field, value: Value, isBad = false) => check(of, value, isBad)?.() ?? null;
const file = (name: string, size = 10) => new File([new Uint8Array(size)], name);
const rules = (more: Partial<FileRules> = {}): FileRules =>
  ({ kinds: ["image"], extensions: [], local: true, remote: true, most: 2, megabytes: {}, ...more });
const names = (items: Item[]) => items.map(({ name }) => name);

test("a description without a name is left out, and a type that is not known is a text", () => {
  const fields = fieldsOf({ user_input_form: [{ "text-input": {} as InputDescription }, {}, { slider: { variable: "x" } }] });
  assert.deepEqual(fields.map(({ name, type }) => [name, type]), [["x", "unknown"]]);
  assert.deepEqual(sent(fields[0]!, "7"), { x: "7" });
});

test("defaults are what the field can hold", () => {
  assert.equal(field("number", { default: 3 }).initial, "3");
  assert.equal(field("number", { default: "many" }).initial, "");
  assert.equal(field("checkbox", { default: "True" }).initial, true);
  assert.equal(field("checkbox").initial, false);
  assert.equal(field("select", { options: ["a"], default: "b" }).initial, "");
  assert.equal(field("json_object", { default: { a: 1 } }).initial, "{\n  \"a\": 1\n}");
  assert.deepEqual(field("file", { default: "http://x/y" }).initial, []);
});

test("what is required must be there", () => {
  for (const type of ["text-input", "paragraph", "number", "select", "json_object"]) {
    assert.match(wrong(field(type, { required: true }), " ")!, /Please/);
    assert.equal(wrong(field(type), ""), null);
  }
  assert.match(wrong(field("file-list", { required: true }), [])!, /file/);
  assert.equal(wrong(field("checkbox", { required: true }), false), null, "no is an answer");
});

test("lengths count characters as Dify does", () => {
  const text = field("text-input", { max_length: 3 });
  assert.equal(wrong(text, "😀文字"), null);
  assert.match(wrong(text, "1234")!, /4 characters, at most 3/);
});

test("numbers and objects", () => {
  assert.equal(wrong(field("number"), "-1.5e3"), null);
  assert.match(wrong(field("number"), "1,5")!, /number/);
  assert.match(wrong(field("number"), "", true)!, /number/);
  assert.match(wrong(field("json_object"), "[1]")!, /object/);
  assert.match(wrong(field("json_object"), "{a:1}")!, /not valid JSON: ./);
  assert.deepEqual(sent(field("number"), " 0.5 "), { x: 0.5 });
  assert.deepEqual(sent(field("number"), "12345678901234567890"), { x: "12345678901234567890" });
  assert.deepEqual(sent(field("json_object"), "{\"a\": [1]}"), { x: { a: [1] } });
});

test("what is empty is not sent, unless its default would come back", () => {
  assert.deepEqual(sent(field("text-input"), ""), {});
  assert.deepEqual(sent(field("text-input", { default: "d" }), ""), { x: "" });
  assert.deepEqual(sent(field("number", { default: 3 }), ""), { x: "" });
  assert.deepEqual(sent(field("json_object", { default: { a: 1 } }), " "), { x: {} });
  assert.deepEqual(sent(field("select"), ""), {});
  assert.deepEqual(sent(field("checkbox"), false), { x: false });
});

test("the address comes before the run of before, that before the last values, and these before the default", () => {
  const fields = fieldsOf({ user_input_form: [
    { "text-input": { variable: "a", label: "Food type", default: "default" } },
    { number: { variable: "b", default: 3 } },
    { checkbox: { variable: "c" } },
    { select: { variable: "d", options: ["x", "y"] } },
  ] });
  const start = (address: string | null, again: object | null, last: object | null) => Object.values(startValues(fields, {
    address: address === null ? null : new URLSearchParams(address), again: again as never, last: last as never,
  }));
  assert.deepEqual(start(null, null, null), ["default", "3", false, ""]);
  assert.deepEqual(start(null, null, { a: "last", b: "4", c: true, d: "gone" }), ["last", "4", true, ""]);
  assert.deepEqual(start(null, { a: null, b: 5, c: false, d: "y" }, { a: "last", b: "4", c: true }), ["", "5", false, "y"]);
  assert.deepEqual(start("Food type=address&b=no&c=yes&d=x", { a: "again", b: 5 }, null), ["address", "5", true, "x"]);
});

test("values that do not fit a field are none", () => {
  assert.equal(valueFor(field("number"), "ten"), undefined);
  assert.equal(valueFor(field("checkbox"), "perhaps"), undefined);
  assert.equal(valueFor(field("text-input"), { a: 1 }), "{\"a\":1}");
  assert.equal(valueFor(field("file"), "https://x/y.png"), undefined);
});

test("what the gateway refuses goes beside its field", () => {
  const fields = ["text", "num", "user", "a.b"].map((name, at) => ({ ...field("text-input"), name, id: `f${at}` }));
  const { problems, rest } = placeErrors("text in input form must be less than 48 characters; " +
    "(type 'text-input') num in input form must be a string; \"user\" must have 1 to 255 characters; " +
    "the app takes no text; a.b takes one file, and more than one was given", fields);
  assert.deepEqual(Object.keys(problems), ["f0", "f1", "f2", "f3"]);
  assert.equal(problems["f1"]!(), "(type 'text-input') num in input form must be a string");
  assert.equal(rest, "the app takes no text");
});

test("kinds of files are Dify's", () => {
  assert.deepEqual(["A.JPG", "b.heic", "c.tar.gz", "d", "e.pdf", "f.mp3", "g.webm"].map(kindOf),
    ["image", "custom", "custom", "custom", "document", "audio", "video"]);
  assert.equal(acceptOf(rules({ kinds: ["custom"], extensions: ["dwg"] })), ".dwg");
  assert.match(acceptOf(rules()), /^image\/jpeg,image\/png/);
  assert.equal(acceptOf(rules({ kinds: [] })), "");
});

test("files are taken in their order, and refused by type, size and number", () => {
  const taken = addFiles(rules({ megabytes: { image: 1 } }), [],
    [file("b.png"), file("x.exe"), file("big.png", 1024 * 1024 + 1), file("a.jpg")]);
  assert.deepEqual(names(taken.items), ["b.png", "a.jpg"]);
  assert.match(taken.problem!(), /“x\.exe” is of a type .* “big\.png” is larger than 1 MB/);
  const more = addFiles(rules(), taken.items, [file("c.png")]);
  assert.deepEqual(names(more.items), ["b.png", "a.jpg"]);
  assert.match(more.problem!(), /at most 2/);
  const custom = rules({ kinds: ["custom"], extensions: ["dwg"] });
  assert.equal(addFiles(custom, [], [file("plan.DWG")]).problem, null);
  assert.match(addFiles(custom, [], [file("plan.png")]).problem!(), /only DWG/);
});

test("a field of one file takes another in place of it", () => {
  const one = rules({ most: 1 });
  const first = addFiles(one, [], [file("a.png")]).items;
  assert.deepEqual(names(addFiles(one, first, [file("b.png")]).items), ["b.png"]);
  const two = addFiles(one, [], [file("a.png"), file("b.png")]);
  assert.deepEqual(names(two.items), ["a.png"]);
  assert.match(two.problem!(), /one file/);
});

test("files by their address", () => {
  const taken = addAddress(rules(), [], " https://example.org/a%20b/pic%C3%A9.png?x=1 ");
  assert.equal(taken.problem, null);
  assert.deepEqual(names(taken.items), ["picé.png"]);
  assert.match(addAddress(rules(), [], "javascript:alert(1)").problem!(), /not the URL/);
  assert.match(addAddress(rules(), [], "https://example.org/a.pdf").problem!(), /type/);
  assert.equal(addAddress(rules(), [], "https://example.org/download?id=7").problem, null);
  assert.equal(addAddress(rules(), [], "https://example.org/100%").problem, null);
  assert.match(addAddress(rules(), addFiles(rules(), [], [file("a.png")]).items, "https://example.org/b.png").problem!(), /mixed/);
  const list = field("file-list", { allowed_file_types: ["image"], allowed_file_upload_methods: ["remote_url"] });
  assert.deepEqual(sent(list, taken.items),
    { x: [{ type: "image", transfer_method: "remote_url", url: "https://example.org/a%20b/pic%C3%A9.png?x=1" }] });
});

test("a list without a number of its own takes as many files as a workflow may have", () => {
  assert.equal(field("file-list").files!.most, 4);
  assert.equal(field("file-list", { max_length: 3 }).files!.most, 3);
  assert.equal(field("file").files!.most, 1);
});

test("the same order is the same attempt; another one is not", () => {
  const picture = file("a.png");
  const order: Order = { app: "a", inputs: { x: 1 }, files: [["p", picture]] };
  const first = attemptOf(order, null);
  assert.equal(attemptOf({ app: "a", inputs: { x: 1 }, files: [["p", picture]] }, first), first);
  const others: Order[] = [{ ...order, inputs: { x: 2 } }, { ...order, user: "u" }, { ...order, files: [] },
    { ...order, files: [["q", picture]] }, { ...order, files: [["p", file("a.png")]] }];
  for (const other of others) assert.notEqual(attemptOf(other, first).key, first.key);
  assert.match(first.key, /^[0-9a-f]{32}$/);
});

test("inputs of any name go as one part, files as parts of their own", () => {
  const order: Order = { app: "a", inputs: { user: "x", app: "y", inputs: "z" }, files: [] };
  assert.deepEqual(JSON.parse(bodyOf(order) as string), { app: "a", inputs: order.inputs });
  const body = bodyOf({ ...order, user: "me", files: [["user", file("1.png")], ["user", file("2.png")]] }) as FormData;
  assert.deepEqual([...body.keys()], ["app", "user", "inputs", "user", "user"]);
  assert.deepEqual(JSON.parse(body.get("inputs") as string), order.inputs);
  assert.deepEqual(body.getAll("user").map((one) => typeof one === "string" ? one : one.name), ["me", "1.png", "2.png"]);
});
