// A run is not lost: not by a reload, a network that goes away, a gateway that dies; and the page
// goes on by itself.

import { createHash } from "node:crypto";

import { assert, axe, main, offline, shot, test, until } from "./kit.mjs";

const at = (run) => `#/runs/${run}`;
const NODES = ["start", "规则查询 Look up the rules", "Each source", "Read", "Judge", "Read", "Judge", "Read", "Judge",
  "Write", "end"];

async function begin(t, options, settings) {
  const gateway = await t.gateway("slow.yaml", settings);
  const run = await gateway.run({ app: "slow", inputs: { topic: "tea" } });
  const page = await t.open(gateway, { path: at(run), ...options });
  // A reload would forget this.
  await page.evaluate(() => { window.isTheSame = true; });
  return { gateway, run, page };
}

/** The run has ended well, as the page says, and each node is there once. */
async function isWhole(page) {
  await page.locator(".run-head .status", { hasText: "Succeeded" }).waitFor({ timeout: 40_000 });
  await row(page, /^end/).waitFor();
  // Of a node that a gap has hidden Dify does not tell in which round it was: it is there, elsewhere.
  const nodes = await page.locator(".tl-row.node .tl-title").allInnerTexts();
  assert.deepEqual(nodes.sort(), [...NODES].sort());
  await page.getByText("About tea.").first().waitFor();
  const facts = await page.locator(".run-facts").innerText();
  assert.match(facts, /10 \/ 10/);
}

const row = (page, name) => page.getByRole("row", { name });

// A run of 27 seconds: two kills and starts fit in, also on a slow machine.
const LONG = { simulator: { speed: 0.3 } };
const LOST = /Connection lost|Connecting again|The gateway cannot be reached/;

test("the gateway is killed twice and started again: the page ends with the complete result", async (t) => {
  const { gateway, run, page } = await begin(t, {}, LONG);
  await row(page, /^Read/).first().waitFor();
  let kills = 0;
  for (const name of [/^Read/, /^Judge/]) {
    await row(page, name).first().waitFor();
    if (await page.locator(".run-head .status", { hasText: "Running" }).count() > 0) kills++;
    await gateway.kill();
    await page.getByText(LOST).first().waitFor();
    assert.ok(await row(page, /^Read/).count() > 0, "what was there is still there");
    if (kills === 1) await shot(page, "run-connection-lost");
    await gateway.start();
    await page.getByText(/Connected again|Ended/).waitFor();
  }
  await isWhole(page);
  console.log(`        the gateway was killed ${kills} times while the run went on`);
  assert.equal(await page.evaluate(() => window.isTheSame), true, "it was not loaded again");
  assert.equal(await page.locator(".notes").getByText("The gateway was restarted").count(), kills);
  const result = await gateway.result(run);
  assert.equal(result.success, true);
  const stats = await gateway.simulator.stats();
  assert.equal(stats.runs_started, 1);
  await axe(page);
  await shot(page, "run-after-two-kills", { fullPage: true });
});

test("a reload in mid-run shows it from its first event on", async (t) => {
  const { page } = await begin(t);
  await row(page, /^Write/).waitFor();
  await page.reload();
  await row(page, /^start/).waitFor();
  await isWhole(page);
});

test("the network goes away and comes back", async (t) => {
  const gateway = await t.gateway("slow.yaml", LONG);
  const proxy = await t.proxy(gateway, "/");
  const run = await gateway.run({ app: "slow", inputs: { topic: "tea" } });
  const page = await t.open(proxy, { path: at(run) });
  await row(page, /^Read/).first().waitFor();
  await offline(page);
  proxy.cut(); // what is under way goes on without a network, in Chromium
  await page.getByText(LOST).first().waitFor();
  await page.getByText(/trying again in \d+ s/).waitFor();
  await offline(page, false);
  await page.getByText(/Connected again|Ended/).waitFor();
  await isWhole(page);
});

test("connections that are cut, again and again", async (t) => {
  const gateway = await t.gateway("slow.yaml");
  const proxy = await t.proxy(gateway, "/tools/");
  const run = await gateway.run({ app: "slow", inputs: { topic: "tea" } });
  const page = await t.open(proxy, { path: at(run) });
  for (const name of [/^Look|规则/, /^Read/, /^Write/]) {
    await row(page, name).first().waitFor();
    proxy.cut();
  }
  await isWhole(page);
});

test("an address that was passed on shows the same to somebody else", async (t) => {
  const { gateway, run, page } = await begin(t);
  await row(page, /^Read/).first().waitFor();
  await page.getByRole("button", { name: "Copy link" }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(link, `${gateway.url}${at(run)}`);
  const other = await t.open(gateway, { path: at(run), width: 390, height: 844 });
  await Promise.all([isWhole(page), isWhole(other)]);
});

test("a run that was stopped while the page was away is told", async (t) => {
  const { gateway, run, page } = await begin(t, {}, LONG);
  await row(page, /^Read/).first().waitFor();
  await offline(page);
  await gateway.ask(`api/runs/${run}/stop`, { method: "POST" });
  await until("it has ended", () => gateway.ask(`api/runs/${run}`), (result) => result.success !== null);
  await offline(page, false);
  await page.locator(".run-head .status", { hasText: "Stopped" }).waitFor();
});

test("a gateway that asks for a token is given one, and the run is followed from there on", async (t) => {
  const token = "a-token-of-the-tests";
  const hash = `sha256:${createHash("sha256").update(token).digest("hex")}`;
  const gateway = await t.gateway("slow.yaml", { tokens: { person: { hash, apps: ["slow"] } } });
  const run = await gateway.run({ app: "slow", inputs: { topic: "tea" } }, token);
  const page = await t.open(gateway, { path: at(run), allow: [/401/] });
  await page.getByLabel("Access token").last().fill(token);
  await page.keyboard.press("Enter");
  await isWhole(page);
  await page.reload(); // it is kept
  await isWhole(page);
});

test("a run that a gateway without a store has lost: what had come of it stays, and it is said", async (t) => {
  const gateway = await t.gateway("slow.yaml", { store: "none", ...LONG });
  const run = await gateway.run({ app: "slow", inputs: { topic: "tea" } });
  const page = await t.open(gateway, { path: at(run), allow: [/404/] });
  await row(page, /^Read/).first().waitFor();
  await gateway.kill();
  await page.getByText(LOST).first().waitFor();
  await gateway.start();
  await page.getByText("The gateway has lost this run").waitFor();
  await page.locator(".run-head .status", { hasText: "End not seen" }).waitFor();
  assert.ok(await row(page, /^规则查询/).count() > 0, "what was there is still there");
  assert.equal(await page.getByRole("button", { name: /^Stop/ }).count(), 0);
  await axe(page);
  await shot(page, "run-lost");
  await page.reload();
  await page.getByRole("heading", { name: "Run not found" }).waitFor();
});

await main();
