// The history: filters in the address, pages, totals and their plot, and that it keeps up.

import { allow, assert, axe, LOOKS, main, shot, steady, test, until } from "./kit.mjs";

const SCENARIOS = ["ends.yaml", "slow.yaml", "chat.yaml"];
const FAST = { simulator: { speed: 100 } };
const STORE_IS_AWAY = /Failed to load resource/;

/** Sixty-one runs, of several apps, users and ends; their ids, the newest first. */
async function fill(gateway) {
  const orders = [{ app: "slow", user: "line-1", inputs: { topic: "Oolong 乌龙" } }];
  for (let i = 0; i < 54; i++) {
    const how = i % 9 === 4 ? "failed" : i % 9 === 7 ? "partly" : "well";
    orders.push({ app: "ends", user: `line-${i % 4}`, inputs: { how } });
  }
  await Promise.all(orders.map(async (order) => gateway.result(await gateway.run(order))));
  for (let i = 0; i < 6; i++) await gateway.result(await gateway.run({ app: "chatflow", user: "Ann", query: `And ${i}?` }));
  const { data } = await gateway.ask("api/runs?limit=200");
  const runs = data.map((row) => row.run_id);
  await gateway.ask(`api/runs/${runs.at(-1)}/feedback`, { json: { rating: "like" } });
  await gateway.ask(`api/runs/${runs[0]}/feedback`, { json: { rating: "dislike" } });
  return runs;
}

const rows = (page) => page.locator("[data-run]");
const ids = (page) => rows(page).evaluateAll((all) => all.map((row) => row.dataset.run));

/** Waits until the list is what the gateway says for `query`. */
async function lists(page, gateway, query) {
  const { data } = await gateway.ask(`api/runs?${query}`);
  const expected = data.map((row) => row.run_id);
  await until(`the list is that of ${query}`, () => ids(page), (found) => found.join() === expected.join());
  return data;
}

/** The figures, by their names. */
async function figures(page) {
  return page.locator(".history-figures > div").evaluateAll((all) => Object.fromEntries(
    all.map((one) => [one.querySelector("dt").textContent, one.querySelector("strong").textContent.trim()])));
}

const hash = (page) => page.evaluate(() => location.hash);
const isDrawn = (page) => page.locator("canvas").evaluate((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) colours.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
  return [...colours];
});

test("filters are the address: chosen, shared, cleared", async (t) => {
  const gateway = await t.gateway(SCENARIOS, FAST);
  await fill(gateway);
  const page = await t.open(gateway, { path: "#/runs" });
  await lists(page, gateway, "");
  await page.getByLabel("Status").selectOption("Failed");
  await lists(page, gateway, "status=failed");
  assert.equal(await rows(page).count(), 6);
  assert.ok(!(await rows(page).first().innerText()).includes("workflow_failed"), "which says no more than Failed");
  await page.getByLabel("User").fill("line-1");
  await lists(page, gateway, "status=failed&user=line-1");
  assert.equal(await hash(page), "#/runs?status=failed&user=line-1");
  await page.getByText("The totals count all runs of this time").waitFor();

  const shared = await t.open(gateway, { path: await hash(page), lang: "zh" });
  await lists(shared, gateway, "status=failed&user=line-1");
  assert.equal(await shared.getByLabel("用户").inputValue(), "line-1");

  await page.getByRole("button", { name: "Clear filters" }).click();
  await lists(page, gateway, "");
  assert.equal(await hash(page), "#/runs");
  assert.equal(await page.getByLabel("User").inputValue(), "");
  await page.getByLabel("Search").fill("oolong");
  await lists(page, gateway, "q=oolong");
  assert.equal(await rows(page).count(), 1);
  await page.getByLabel("Search").fill("nothing like it");
  await page.getByRole("heading", { name: "No run fits these filters" }).waitFor();
  await page.getByRole("button", { name: "Clear filters" }).last().click();
  await lists(page, gateway, "");
  await page.getByLabel("App").selectOption("chatflow");
  await lists(page, gateway, "app=chatflow");
  await until("totals of the app", () => figures(page), (found) => found.Runs === "6");
});

test("a span that is chosen is in UTC in the address, and local in its fields", async (t) => {
  const gateway = await t.gateway(SCENARIOS, FAST);
  await gateway.result(await gateway.run({ app: "ends", inputs: {} }));
  const page = await t.open(gateway, { path: "#/runs?since=2026-08-01T05:30Z&until=2026-08-01T06:00Z" });
  await page.getByRole("heading", { name: "No run fits these filters" }).waitFor();
  assert.equal(await page.getByLabel("From", { exact: true }).inputValue(), "2026-08-01T13:30"); // of Shanghai
  await page.getByLabel("To", { exact: true }).fill("2026-08-01T12:00");
  await page.getByText("The end is before the beginning.").waitFor();
  await axe(page);
  await page.getByLabel("From", { exact: true }).fill("2026-08-01T10:00");
  await until("it is in the address", () => hash(page),
    (found) => found === "#/runs?span=custom&since=2026-08-01T02%3A00Z&until=2026-08-01T04%3A00Z");
  await page.getByLabel("Time").selectOption("Last 24 hours");
  await until("it is in the address", () => hash(page), (found) => found === "#/runs?span=24h");
  await rows(page).first().waitFor();
  await until("totals of the day", () => figures(page), (found) => found.Runs === "1");
});

test("pages, and back to where one was", async (t) => {
  const gateway = await t.gateway(SCENARIOS, FAST);
  const runs = await fill(gateway);
  const page = await t.open(gateway, { path: "#/runs" });
  await lists(page, gateway, "");
  assert.deepEqual(await ids(page), runs.slice(0, 50));

  const row = rows(page).nth(30);
  await row.evaluate((element) => element.scrollIntoView({ block: "center" }));
  const scroll = await page.evaluate(() => scrollY);
  const gap = await page.evaluate(() => document.querySelector(".history-list th").getBoundingClientRect().top -
    document.querySelector(".shell-head").getBoundingClientRect().bottom);
  assert.ok(Math.abs(gap) <= 1, `the names of the columns stay in sight: ${gap} px`);
  await row.getByText("line-").click(); // the whole row is a link
  await until("the run is shown", () => hash(page), (found) => found === `#/runs/${runs[30]}`);
  await page.goBack();
  await until("it is where it was", () => page.evaluate(() => scrollY), (now) => Math.abs(now - scroll) < 2);
  assert.equal(await page.evaluate(() => document.activeElement.closest("[data-run]")?.dataset.run), runs[30]);

  await page.getByRole("link", { name: "Older" }).click();
  await until("the next page", () => ids(page), (found) => found.join() === runs.slice(50).join());
  assert.match(await hash(page), /^#\/runs\?cursor=[0-9a-f]{16}$/);
  await rows(page).last().getByRole("link").click();
  await until("the run is shown", () => hash(page), (found) => found === `#/runs/${runs.at(-1)}`);
  await page.goBack();
  await until("the same page", () => ids(page), (found) => found.join() === runs.slice(50).join());
  await page.reload();
  await until("still the same page", () => ids(page), (found) => found.join() === runs.slice(50).join());
  await page.goBack();
  await until("the page before", () => ids(page), (found) => found.join() === runs.slice(0, 50).join());
  await page.goForward();
  await page.getByRole("link", { name: "Newest" }).click();
  await until("the newest", () => ids(page), (found) => found.join() === runs.slice(0, 50).join());

  await page.evaluate(() => scrollTo(0, 0));
  const box = await rows(page).first().getByText("Ann").boundingBox();
  await page.mouse.move(box.x + 1, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 60, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up(); // a selection, which is no wish to go
  assert.equal((await page.evaluate(() => String(getSelection()))).trim(), "Ann");
  assert.equal(await hash(page), "#/runs");
});

test("totals are what the gateway says, and drawn", async (t) => {
  const gateway = await t.gateway(SCENARIOS, FAST);
  await fill(gateway);
  const stats = await gateway.ask("api/stats");
  const page = await t.open(gateway, { path: "#/runs" });
  const found = await until("there are totals", () => figures(page), ({ Runs }) => Runs && Runs !== "–");
  assert.equal(found.Runs, String(stats.runs));
  assert.equal(found.Succeeded, String(stats.succeeded));
  assert.equal(found.Unsuccessful, String(stats.failed));
  assert.equal(found.Price, `$${stats.total_price.USD}`);
  assert.equal(found.Tokens, Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(stats.total_tokens));
  assert.match(found["Median duration"], /^[\d.]+ m?s$/);
  assert.match(found.Ratings, /1 likes *1 dislikes/);
  await page.getByText("As a table").click();
  const sum = () => page.locator(".history-numbers tbody tr").evaluateAll((all) =>
    all.reduce((total, row) => total + Number(row.cells[1].textContent), 0));
  await until("its rows are there", sum, (total) => total === stats.runs);
  const plot = page.locator(".history-plot");
  assert.match(await plot.getAttribute("aria-label"), new RegExp(`: ${stats.runs} runs, ${stats.failed} unsuccessful`));

  const light = await isDrawn(page);
  assert.ok(light.includes("16,112,60"), `succeeded ones in their colour: ${light.slice(0, 20)}`);
  await page.getByRole("button", { name: "Dark colours" }).click();
  await until("it is drawn anew", () => isDrawn(page), (dark) => dark.includes("95,208,143"));
  await page.emulateMedia({ colorScheme: "dark" });
  await page.getByRole("button", { name: "Duration" }).click();
  await until("the median is drawn", () => isDrawn(page), (dark) => dark.includes("138,168,255"));
  await page.setViewportSize({ width: 390, height: 844 });
  const width = () => page.evaluate(() =>
    document.querySelector("canvas").getBoundingClientRect().right - document.querySelector(".history-plot").getBoundingClientRect().right);
  await until("it fits the window", width, (over) => Math.abs(over) < 1);
  await plot.hover({ position: { x: 300, y: 50 } });
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByText("用时中位数").first().waitFor();
});

test("a run that goes on ends on the screen by itself", async (t) => {
  const gateway = await t.gateway(SCENARIOS, { simulator: { speed: 2 } });
  await gateway.result(await gateway.run({ app: "ends", inputs: {} }));
  const page = await t.open(gateway, { path: "#/runs" });
  await rows(page).first().waitFor();
  const run = await gateway.run({ app: "slow", user: "line-7", inputs: { topic: "tea" } });
  const row = page.locator(`[data-run="${run}"]`);
  await page.evaluate(() => dispatchEvent(new Event("online"))); // so that it looks at once
  await row.getByText("Running").waitFor();
  assert.equal((await ids(page))[0], run);
  await row.getByRole("link").focus();
  await row.getByText("Succeeded").waitFor();
  assert.ok(await row.getByRole("link").evaluate((link) => link === document.activeElement), "the focus stays");
  assert.match(await row.innerText(), /4,351/);
  await until("so do the totals", () => figures(page), (found) => found.Succeeded === "2" && found.Runs === "2");
});

test("a gateway that is away leaves what was there", async (t) => {
  const gateway = await t.gateway(SCENARIOS, FAST);
  await gateway.result(await gateway.run({ app: "ends", inputs: {} }));
  const page = await t.open(gateway, { path: "#/runs" });
  await rows(page).first().waitFor();
  await gateway.kill();
  await page.getByRole("alert").getByText("The gateway cannot be reached.").waitFor();
  assert.equal(await rows(page).count(), 1);
  await axe(page);
  await shot(page, "history-away");
  await page.getByLabel("Status").selectOption("Failed"); // of which nothing is known
  await until("no rows of another filter", () => rows(page).count(), (count) => count === 0);
  await page.goto(`${gateway.url}#/runs`).catch(() => {});
  await gateway.start();
  await page.reload();
  await rows(page).first().waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);

  allow(page, STORE_IS_AWAY);
  await page.route("**/api/runs*", (route) => route.fulfill({
    status: 503, json: { error: "x", code: "store_unavailable", message: "the store cannot be read at the moment" },
  }));
  await page.getByRole("alert").getByText("the store cannot be read").waitFor();
  await Promise.all([page.waitForRequest("**/api/runs*"), page.getByRole("button", { name: "Try again" }).click()]);
  await page.unroute("**/api/runs*");
  await until("it is over", () => page.getByRole("alert").count(), (count) => count === 0);
});

test("apps are called by their titles", async (t) => {
  const gateway = await t.gateway(["picture.yaml", "chat.yaml"], { simulator: { speed: 50 } });
  const run = await gateway.run({ app: "label-check", inputs: { kind: "Biscuits" } });
  await gateway.result(run);
  const page = await t.open(gateway, { path: `#/runs/${run}` });
  await page.getByRole("heading", { name: "Label check", level: 1 }).waitFor();
  assert.match(await page.title(), /Label check/);
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await rows(page).first().getByText("Label check").waitFor();
  await page.getByLabel("App").selectOption("Label check");
  assert.equal(await hash(page), "#/runs?app=label-check");
});

test("without a store, and without a run", async (t) => {
  const gateway = await t.gateway(SCENARIOS, { ...FAST, store: "none" });
  const page = await t.open(gateway, { path: "#/runs", width: 390, touch: true });
  await page.getByRole("heading", { name: "No runs yet" }).waitFor();
  await axe(page);
  await shot(page, "history-empty");
  await gateway.result(await gateway.run({ app: "ends", inputs: {} }));
  await rows(page).first().waitFor();
  await until("it is counted", () => figures(page), (found) => found.Succeeded === "1");
});

test("it looks well everywhere", async (t) => {
  const gateway = await t.gateway(SCENARIOS, FAST);
  await fill(gateway);
  for (const look of LOOKS) {
    const page = await t.open(gateway, { path: "#/runs", ...look });
    await rows(page).first().waitFor();
    await until("the plot is drawn", () => page.locator("canvas").count(), (count) => count === 1);
    await axe(page);
    await steady(page);
    await shot(page, "history");
    if (look.width >= 768) {
      await page.context().close();
      continue;
    }
    const fold = page.locator(".history-fold");
    assert.ok(!await page.getByRole("search").isVisible(), "folded");
    await fold.press("Enter");
    await page.getByRole("search").getByRole("combobox").first().waitFor();
    await steady(page);
    await shot(page, "history-filters");
    await page.context().close();
  }
}, { seconds: 120 });

await main();
