// What the tests of the form share: finding a field, files to give it, and what came of it.

import { Buffer } from "node:buffer";
import { assert, until } from "./kit.mjs";

/** Chromium says it of markup that is only taken apart, too. */
export const INLINE = /Executing inline event handler/;
export const AT_A_RUN = /#\/runs\/[0-9a-f-]{36}$/;
const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGNkYPjPgA0wYRUd" +
  "tBIAW/gBD8ux1w4AAAAASUVORK5CYII=", "base64");
export const file = (name, mimeType, buffer) => ({ name, mimeType, buffer: Buffer.from(buffer) });
export const picture = (name = "label.png", more = 0) =>
  file(name, "image/png", Buffer.concat([PICTURE, Buffer.alloc(more)]));
export const paper = (name = "paper.pdf") => file(name, "application/pdf", "%PDF-1.4\n");

/** What the simulated Dify got: the inputs of its only run. */
export async function received(gateway) {
  const { runs } = await until("a run came", () => gateway.simulator.stats(), (it) => it.runs.length > 0);
  assert.equal(runs.length, 1, JSON.stringify(runs));
  assert.equal(runs[0].posts, 1);
  return runs[0].inputs;
}

export const field = (page, label) =>
  page.locator(".field", { has: page.locator(":is(label, .label)", { hasText: label }) });
export const error = (page, label) => field(page, label).locator(".error");
export const run = (page) => page.getByRole("button", { name: "Run", exact: true });
export const chooser = (page, label) => field(page, label).locator("input[type=file]").first();

export async function fillLeast(page) {
  await page.getByLabel("Topic").fill("tea");
  await page.getByLabel("食品类别").selectOption("饼干");
}

/** Files as a drop or a paste brings them. */
export function carried(page, files) {
  return page.evaluateHandle((list) => {
    const data = new DataTransfer();
    for (const { name, type, text } of list) data.items.add(new File([text], name, { type }));
    return data;
  }, files);
}
