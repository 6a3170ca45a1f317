// lib/titles.ts: what apps are called.

import assert from "node:assert/strict";
import { test } from "node:test";
import { titlesOf } from "../src/lib/titles";
import type { App } from "../src/lib/types";

const app = (name: string, title: string | null, atDify: string | null = null) =>
  ({ app: name, title, name: atDify }) as App;

test("an app is called by its title, by its name at Dify, by its name here", () => {
  const titles = titlesOf([app("default", "Label check"), app("summary", null, "Summaries"), app("away", null)]);
  assert.deepEqual([...titles.values()], ["Label check", "Summaries", "away"]);
});

test("of apps of the same title the names tell them apart", () => {
  const titles = titlesOf([app("one", "Talk"), app("two", "Talk"), app("Talk", null)]);
  assert.deepEqual([...titles.values()], ["Talk (one)", "Talk (two)", "Talk"]);
});
