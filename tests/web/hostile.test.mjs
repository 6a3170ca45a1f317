// What whoever has the page before him, or stands between it and the gateway, may do to it.

import { createHash } from "node:crypto";

import { assert, main, test, until } from "./kit.mjs";

const TOKEN = "a-token-of-the-tests";
const tokens = { page: { hash: `sha256:${createHash("sha256").update(TOKEN).digest("hex")}` } };
const TURNED_AWAY = /401/; // the browser notes each

test("a token that no header can hold is not sent, nor kept", async (t) => {
  const gateway = await t.gateway("inputs.yaml", { tokens });
  const page = await t.open(gateway, { allow: [TURNED_AWAY] });
  const field = page.getByRole("textbox", { name: "Access token" });
  for (const wrong of ["ключ-который-не-войдёт", "a\u0001b", "two words of it all", "x".repeat(100_000)]) {
    await field.fill(wrong);
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  }
  await field.fill(`  ${TOKEN} `);
  await page.keyboard.press("Enter");
  await page.locator(".form, .apps").waitFor();
});

test("the question for a token stays until it is answered", async (t) => {
  const gateway = await t.gateway("inputs.yaml", { tokens });
  const page = await t.open(gateway, { allow: [TURNED_AWAY] });
  const field = page.getByRole("textbox", { name: "Access token" });
  await field.waitFor();
  for (let times = 0; times < 4; times++) await page.keyboard.press("Escape");
  await until("it is asked for again", () => page.evaluate(() => document.querySelector("dialog")?.open));
  await field.fill(TOKEN);
  await page.keyboard.press("Enter");
  await page.locator(".form, .apps").waitFor();
});

test("where a browser keeps nothing a token is asked for once all the same", async (t) => {
  const gateway = await t.gateway("inputs.yaml", { tokens });
  for (const refused of ["setItem", "getItem"]) {
    const page = await t.open(gateway, { allow: [TURNED_AWAY] });
    await page.addInitScript((name) => {
      Storage.prototype[name] = () => { throw new DOMException("full", "QuotaExceededError"); };
    }, refused);
    await page.reload();
    await page.getByRole("textbox", { name: "Access token" }).fill(TOKEN);
    await page.keyboard.press("Enter");
    await page.locator(".form, .apps").waitFor();
    await page.getByRole("link", { name: "Runs" }).click();
    await page.locator(".history .empty").waitFor();
    await page.getByRole("link", { name: "New run" }).first().click();
    await page.locator(".form, .apps").waitFor();
    assert.equal(await page.locator("dialog").count(), 0, refused);
  }
});

test("a login page in place of the gateway is called so, and starts nothing twice", async (t) => {
  const gateway = await t.gateway("slow.yaml");
  const page = await t.open(gateway, { path: "?topic=tea" });
  const button = page.getByRole("button", { name: "Run", exact: true });
  await button.waitFor();
  const keys = new Set();
  await page.route("**/api/**", (route) => {
    const { "idempotency-key": key } = route.request().headers();
    if (key) keys.add(key);
    route.fulfill(key && keys.size === 1 ? { status: 204 }
      : { status: 200, contentType: "text/html", body: "<!doctype html><title>Log in</title>" });
  });
  await button.click();
  await page.getByRole("alert").filter({ hasText: "does not start it twice" }).waitFor();
  await page.getByRole("link", { name: "Runs" }).click();
  await page.getByRole("alert").filter({ hasText: "log in" }).first().waitFor();
  assert.equal(keys.size, 1);
});

test("it works from an address with a name and a password in it", async (t) => {
  const gateway = await t.gateway("slow.yaml");
  const page = await t.open(gateway);
  await page.goto(gateway.url.replace("//", "//name:password@"));
  await page.getByLabel("Topic").fill("tea");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.locator(".run-head").waitFor();
  await page.locator(".tl-scroll.has-rows").waitFor();
});

const METADATA = { total_tokens: 0, total_price: 0, currency: "USD", elapsed_time: 1, total_steps: 1, workflow_elapsed_time: 1, complete: true };
const BEGUN = ["message", { event: "workflow_started", workflow_run_id: "w", data: { id: "w", created_at: 100 } }];

/** The page of a run whose events are these, whatever a gateway would say of them. */
async function follow(t, gateway, events) {
  const page = await t.open(gateway);
  const text = events.map(([event, data], at) => `id: 1-${at + 1}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join("");
  await page.route("**/api/runs/r/events", (route) => route.fulfill({ contentType: "text/event-stream", body: text }));
  await page.evaluate(() => { location.hash = "#/runs/r"; });
  return page;
}

const endOf = (outputs) => ["end", { success: true, run_id: "r", data: { workflow_run_id: "w", status: "succeeded", outputs,
  workflow_outputs: outputs, metadata: METADATA, created_at: 100, finished_at: 101, nodes: [], containers: [] } }];

test("what is very large is shown in part", async (t) => {
  const gateway = await t.gateway("slow.yaml");
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`output${i}`, `value ${i}`]));
  let page = await follow(t, gateway, [BEGUN, endOf({ ...many, text: "words of it ".repeat(100_000) })]);
  await page.locator(".result pre").waitFor();
  assert.equal((await page.locator(".result pre").textContent()).length, 400_000);
  await page.getByRole("tab", { name: "Outputs" }).click();
  assert.equal(await page.locator(".result-outputs dt").count(), 100);
  await page.getByRole("button", { name: "19,901 more" }).click();
  assert.equal(await page.locator(".result-outputs dt").count(), 200);
  const piece = ["message", { event: "text_chunk", data: { text: "words of it ".repeat(400), from_variable_selector: ["a", "text"] } }];
  page = await follow(t, gateway, [BEGUN, ...Array(200).fill(piece)]);
  await page.locator(".run-text pre").waitFor();
  assert.ok((await page.locator(".run-text pre").textContent()).length <= 20_000);
});

await main();
