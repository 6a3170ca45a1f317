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
    assert.equal(await page.evaluate(() => sessionStorage.getItem("difystream.token")), null);
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

await main();
