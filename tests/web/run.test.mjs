// A run, seen live: its timeline, its nodes, its end; stopping it, a person's form, thousands of nodes.

import { assert, axe, frames, LOOKS, main, shot, steady, test, until } from "./kit.mjs";

// 27 seconds: what is to be seen while it goes on is seen on a slow machine, too.
const LONG = { simulator: { speed: 0.3 } };

const at = (run) => `#/runs/${run}`;
const row = (page, name) => page.getByRole("row", { name });
const grid = (page) => page.getByRole("treegrid");

/** Waits until the page says that the run has this status. */
async function isSaid(page, status, seconds = 20) {
  await page.locator(".run-head .status", { hasText: status }).waitFor({ timeout: seconds * 1000 });
}

async function openRun(t, scenario, order, options = {}, settings = {}) {
  const gateway = await t.gateway(scenario, settings);
  const run = await gateway.run(order);
  return { gateway, run, page: await t.open(gateway, { path: at(run), ...options }) };
}

test("a run is seen as it goes on, nested under its iteration, and ends with its result", async (t) => {
  const { page } = await openRun(t, "slow.yaml", { app: "slow", inputs: { topic: "tea" } }, {}, LONG);
  await isSaid(page, "Running");
  await page.getByText("Live", { exact: true }).waitFor();
  await row(page, /^Write/).waitFor();
  await page.getByRole("heading", { name: "About tea" }).waitFor(); // Markdown, as it grows
  assert.match(await page.title(), /^▶ slow/);
  assert.equal(await row(page, /^Each source/).getAttribute("aria-level"), "1");
  assert.equal(await row(page, /^Round 2/).getAttribute("aria-level"), "2");
  assert.equal(await row(page, /^Read/).first().getAttribute("aria-level"), "3");
  await axe(page);
  await shot(page, "run-live");
  await isSaid(page, "Succeeded", 40);
  await page.getByRole("heading", { name: "Result" }).waitFor();
  assert.match(await page.title(), /^✓ slow/);
  const facts = await page.locator(".run-facts").innerText();
  for (const fact of ["10 / 10", "4,351", "$0.0434"]) assert.ok(facts.includes(fact), `${fact} in ${facts}`);
  assert.equal(await grid(page).getAttribute("aria-rowcount"), "14");
  await axe(page);
  await shot(page, "run-ended", { fullPage: true });
});

test("a run that is over is there at once, and nothing jumps, in every look", async (t) => {
  const gateway = await t.gateway("slow.yaml", { simulator: { speed: 20 } });
  const run = await gateway.run({ app: "slow", inputs: { topic: "tea" } });
  await gateway.result(run);
  for (const look of LOOKS) {
    const page = await t.open(gateway, { path: at(run), ...look });
    await isSaid(page, look.lang === "zh" ? "成功" : "Succeeded");
    await grid(page).waitFor();
    const [all, seen] = await grid(page).evaluate((element) => [element.scrollHeight, element.clientHeight]);
    if (look.touch) assert.equal(all, seen, "on a phone no part scrolls by itself");
    await steady(page);
    await axe(page);
    await shot(page, "run", { fullPage: true });
  }
});

test("a picture is checked, as a real Dify did it", async (t) => {
  const gateway = await t.gateway("label-check.yaml");
  const form = new FormData();
  form.append("TagImage", new Blob([new Uint8Array([0x89, 0x50, 0x4e, 0x47])], { type: "image/png" }), "label.png");
  form.append("Foodtype", "饼干");
  const { run_id: run } = await gateway.ask("api/runs",
    { method: "POST", headers: { Prefer: "respond-async" }, body: form });
  const page = await t.open(gateway, { path: at(run), lang: "zh", scheme: "dark", width: 390, height: 844, touch: true });
  await isSaid(page, "成功");
  await row(page, /^逐图检测/).waitFor();
  assert.equal(await row(page, /^识别/).count(), 2);
  await page.getByRole("button", { name: "全部折叠" }).tap();
  assert.equal(await row(page, /^识别/).count(), 0);
  await row(page, /^规则查询/).tap();
  const sheet = page.getByRole("dialog", { name: "规则查询" });
  await sheet.getByText("HTTP 请求").waitFor();
  const low = await page.locator("button:visible").evaluateAll((all) =>
    all.filter((one) => one.offsetHeight < 36).map((one) => one.outerHTML.slice(0, 80)));
  assert.deepEqual(low, [], "a finger hits all buttons");
  await axe(page);
  await shot(page, "run-node");
  await sheet.getByRole("button", { name: "关闭" }).tap();
  await sheet.waitFor({ state: "detached" });
});

test("by keys alone one goes through the nodes, folds, looks into one and comes back", async (t) => {
  const { page } = await openRun(t, "slow.yaml", { app: "slow", inputs: { topic: "tea" } },
    {}, { simulator: { speed: 20 } });
  await isSaid(page, "Succeeded");
  const { keyboard } = page;
  await grid(page).focus();
  const active = async () => page.evaluate(() =>
    document.getElementById(document.activeElement.getAttribute("aria-activedescendant"))?.innerText.split("\n")[0]);
  await keyboard.press("Home");
  await keyboard.press("ArrowDown");
  await keyboard.press("ArrowDown");
  assert.match(await active(), /^Each source/);
  await keyboard.press("ArrowLeft");
  assert.equal(await row(page, /^Each source/).getAttribute("aria-expanded"), "false");
  assert.equal(await grid(page).getAttribute("aria-rowcount"), "5");
  await keyboard.press("ArrowDown");
  assert.match(await active(), /^Write/);
  await keyboard.press("Enter");
  const panel = page.getByRole("complementary", { name: "Write" });
  await panel.getByText("$0.0431").waitFor();
  assert.ok(await panel.evaluate((element) => element.contains(document.activeElement)), "it has the focus");
  await axe(page);
  await shot(page, "run-detail");
  await panel.getByRole("button", { name: "Previous node" }).click();
  await page.getByRole("complementary", { name: "Each source" }).waitFor();
  await keyboard.press("Escape");
  await page.getByRole("complementary").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "treegrid");
  await keyboard.press("End");
  assert.match(await active(), /^end/);
});

test("a run is stopped, after a question", async (t) => {
  const { page } = await openRun(t, "slow.yaml", { app: "slow", inputs: { topic: "tea" } }, {}, LONG);
  await isSaid(page, "Running");
  const stop = page.getByRole("button", { name: "Stop", exact: true });
  await stop.focus();
  await page.keyboard.press("Enter");
  await page.getByText("Stop this run?").waitFor();
  await page.keyboard.press("Escape");
  await stop.waitFor();
  assert.ok(await stop.evaluate((element) => element === document.activeElement), "the focus is back");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Stop it" }).press("Enter");
  await isSaid(page, "Stopped", 40);
  assert.equal(await page.getByRole("button", { name: /^Stop/ }).count(), 0);
  await shot(page, "run-stopped", { fullPage: true });
});

test("what failed is seen: the node, its error, what went before", async (t) => {
  const { page } = await openRun(t, "ends.yaml", { app: "ends", inputs: { how: "failed" } }, { scheme: "dark" });
  await isSaid(page, "Failed");
  const failed = row(page, /^Ask the model/);
  await failed.click();
  await page.getByRole("complementary", { name: "Ask the model" }).getByText("upstream 503").waitFor();
  assert.match(await failed.innerText(), /Failed/); // not by colour alone
  await axe(page);
  await shot(page, "run-failed", { fullPage: true });
});

test("attempts that failed are counted, and told one by one", async (t) => {
  const { page } = await openRun(t, "ends.yaml", { app: "ends", inputs: { how: "retried" } });
  await isSaid(page, "Partly succeeded");
  await row(page, /^Fetch/).click();
  const panel = page.getByRole("complementary", { name: "Fetch" });
  await panel.getByText("Failed attempts (2)").waitFor();
  await panel.getByText("Attempt 2").waitFor();
  assert.equal(await page.locator(".notes li").count(), 2);
  await shot(page, "run-retried");
});

test("that Dify's connection broke is noted where it happened, and counted", async (t) => {
  const { page } = await openRun(t, "slow.yaml", { app: "slow", inputs: { topic: "tea" } }, {},
    { simulator: { faults: ["reset-after-events=9,times=1"] } });
  await isSaid(page, "Succeeded");
  await page.locator(".notes").getByText("The connection to Dify broke and was resumed").waitFor();
  await page.getByText("Resumed 1×").waitFor();
  assert.equal(await grid(page).getAttribute("aria-rowcount"), "14");
  await shot(page, "run-resumed", { fullPage: true });
});

test("the form that a run waits for is filled in, and the run goes on", async (t) => {
  const { page } = await openRun(t, "human.yaml", { app: "human" }, LOOKS[0]);
  await isSaid(page, "Waiting for a person");
  const comment = page.getByLabel("comment");
  assert.match(await comment.inputValue(), /^draft for/); // what Dify has made of the default
  await page.getByText("Expires in").waitFor();
  await axe(page);
  await shot(page, "run-paused", { fullPage: true });
  await comment.fill("fine");
  await page.getByRole("button", { name: "Approve" }).tap();
  await isSaid(page, "Succeeded");
  assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
  await page.locator(".notes").getByText("The run went on").waitFor();
  assert.equal(await page.getByText(/broke|after a break/).count(), 0, "a form is no break");
});

test("a form that somebody else has filled in goes away by itself", async (t) => {
  const { gateway, run, page } = await openRun(t, "human.yaml", { app: "human" }, { allow: [/409/] });
  await isSaid(page, "Waiting for a person");
  await page.getByLabel("comment").fill("too late");
  await gateway.ask(`api/runs/${run}/form`, { json: { action: "approve", inputs: { comment: "first" } } });
  await page.getByRole("button", { name: "Reject" }).click();
  await isSaid(page, "Succeeded");
});

test("a chat's answer grows, and one asks on", async (t) => {
  const { page } = await openRun(t, "chat.yaml", { app: "chatflow", query: "tea?", user: "u-1" });
  await isSaid(page, "Succeeded");
  await page.getByText("You said: tea?.").first().waitFor();
  await page.getByRole("textbox", { name: "Follow up" }).waitFor();
  await axe(page);
  await shot(page, "run-chat", { fullPage: true });
});

test("what answers without a workflow has no timeline", async (t) => {
  const { page } = await openRun(t, "chat.yaml", { app: "talk", query: "hello" });
  await isSaid(page, "Succeeded");
  await page.getByText("Hello, Grün it is.").first().waitFor();
  assert.equal(await grid(page).count(), 0);
  await axe(page);
});

test("nothing moves where it should not, and what runs is told without motion", async (t) => {
  const { gateway, run, page } = await openRun(t, "slow.yaml", { app: "slow", inputs: { topic: "tea" } },
    { motion: "reduce" }, LONG);
  const moving = await t.open(gateway, { path: at(run), motion: "no-preference" });
  const animations = (of) => of.evaluate(() => document.getAnimations().length);
  await row(page, /^Write/).waitFor();
  await row(moving, /^Write/).waitFor();
  await until("something moves", () => animations(moving), (count) => count > 0);
  assert.equal(await animations(page), 0);
  assert.match(await row(page, /^Write/).innerText(), /Running/);
});

test("an address that leads to no run says so", async (t) => {
  const gateway = await t.gateway("slow.yaml");
  const page = await t.open(gateway, { path: "#/runs/0000", allow: [/404/] });
  await page.getByRole("heading", { name: "Run not found" }).waitFor();
  await axe(page);
});

test("what an app's author writes stays text", async (t) => {
  const { page } = await openRun(t, "hostile.yaml", { app: "hostile", inputs: { topic: "x", kind: "<b>bold</b>" } });
  await isSaid(page, "Succeeded");
  await page.getByRole("row").nth(1).click();
  await page.getByRole("complementary").waitFor();
  for (const part of await page.locator("details > summary").all()) await part.click();
  assert.equal(await page.evaluate(() => window.hostile), undefined);
});

test("2,000 nodes come with 200 events a second, and the page stays smooth", async (t) => {
  const { page } = await openRun(t, "many.yaml", { app: "many" });
  await row(page, /^Cut/).first().waitFor();
  const during = await frames(page, 4);
  const shown = await page.getByRole("row").count();
  await isSaid(page, "Succeeded", 40);
  const after = await frames(page, 1);
  console.log(`        2,000 nodes: ${during.perSecond} frames/s while they come (95 % within ${during.p95Ms} ms, ` +
    `longest ${during.longestMs} ms), ${after.perSecond} when they are there; ${shown} rows in the document`);
  assert.ok(shown < 80, `${shown} rows are in the document`);
  assert.ok(during.perSecond >= 10, `${during.perSecond} frames a second`);
  assert.match(await page.locator(".run-facts").innerText(), /2,002 \/ 2,002/);
  await grid(page).focus();
  await page.keyboard.press("End");
  await row(page, /^end/).waitFor();
  await page.keyboard.press("Home");
  await row(page, /^start/).waitFor();
  // Rows are used again for others: the bars are those of the rows that are there now.
  const lefts = await page.locator(".tl-row .tl-bar").evaluateAll((bars) => bars.slice(0, 8)
    .map((bar) => bar.getBoundingClientRect().x - bar.parentElement.getBoundingClientRect().x));
  assert.ok(lefts.every((left) => left < 40), `what was first begins first: ${lefts}`);
  await axe(page);
  await shot(page, "run-many");
}, { alone: true });

await main();
