// What may use what in src: what is general knows no view, and what is pure knows no browser.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const MAY_USE: { [folder: string]: string[] } = {
  lib: [],
  ui: ["lib"],
  result: ["lib", "ui"],
  history: ["lib", "ui"],
  form: ["lib", "ui", "result"],
  run: ["lib", "ui", "result", "form"],
  shell: ["lib", "ui", "form", "history", "run"],
};

// Use nothing but each other and these.
const PURE = ["clock", "end", "follow", "layout", "model", "nodes", "parts", "pieces", "place", "reduce",
  "texts", "told", "window", "wire"]
  .map((name) => `run/${name}`);
const PURE_MAY_USE = [...PURE, "lib/exact", "lib/own", "lib/sse", "lib/types"];

// web/build/tests is where this runs.
const SRC = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "src");

function usesOf(file: string): string[] {
  const source = readFileSync(join(SRC, file), "utf8");
  return [...source.matchAll(/(?:from|import|import\()\s*"([^"]+)"/g)].map(([, name]) =>
    name!.startsWith(".") ? posix.join(posix.dirname(file), name!) : name!);
}

const files = Object.keys(MAY_USE).flatMap((folder) =>
  readdirSync(join(SRC, folder)).filter((name) => /\.tsx?$/.test(name)).map((name) => `${folder}/${name}`));

test("folders use each other in one direction", () => {
  assert.ok(files.length > 80);
  const wrong = files.flatMap((file) => usesOf(file).filter((used) => {
    const [from, to] = [file.split("/")[0]!, used.split("/")[0]!];
    return to in MAY_USE && to !== from && !MAY_USE[from]!.includes(to);
  }).map((used) => `${file} uses ${used}`));
  assert.deepEqual(wrong, []);
});

test("the model of a run knows no browser and no view", () => {
  const wrong = PURE.flatMap((name) => usesOf(`${name}.ts`).filter((used) => !PURE_MAY_USE.includes(used))
    .map((used) => `${name} uses ${used}`));
  assert.deepEqual(wrong, []);
});
