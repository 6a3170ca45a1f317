// What becomes of a form that is sent: answers that are lost, refusals, a token, a proxy's path.

import { AT_A_RUN, chooser, fillLeast, paper, picture, received, run } from "./form.mjs";
import { allow, assert, main, shot, test, until } from "./kit.mjs";

test("a lost answer and two clicks make one run", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await fillLeast(page);
  await chooser(page, "Papers").setInputFiles([paper(), picture()]);
  allow(page, /net::ERR_/);
  let lost = 0;
  const keys = new Set();
  await page.route("**/api/runs", async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    keys.add(route.request().headers()["idempotency-key"]);
    if (++lost > 6) return route.continue();
    await route.fetch(); // it has arrived
    return route.abort("connectionreset");
  });
  await run(page).dblclick();
  await page.getByText("No answer; trying again").waitFor();
  await page.getByText("Trying again does not start it twice").waitFor();
  assert.equal(lost, 4, "a double click sends once; then it is tried three times more");
  await shot(page, "form-no-answer");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForURL(AT_A_RUN);
  assert.equal(keys.size, 1);
  await received(gateway);
  assert.equal((await gateway.simulator.stats()).runs_started, 1);
  assert.equal((await gateway.ask("api/runs")).data.length, 1);
}, { seconds: 90 });

test("a full queue says when to try again, and keeps everything", async (t) => {
  const gateway = await t.gateway("inputs.yaml", {
    apps: { inputs: { max_runs: 1, queue: 0 } }, simulator: { faults: ["queued=3,times=1"] } });
  const page = await t.open(gateway, { path: "#/apps/inputs", allow: [/status of 429/] });
  await gateway.run({ app: "inputs", inputs: { topic: "first", Foodtype: "饼干" } });
  await fillLeast(page);
  await run(page).click();
  await page.getByText(/Try again in .*second/).waitFor();
  assert.equal(await page.getByLabel("Topic").inputValue(), "tea");
  await until("its place is free", () => gateway.ask("api/apps"), ({ data }) => data[0].running === 0);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForURL(AT_A_RUN);
});

test("a token is asked for when the gateway wants one, and the run starts after it", async (t) => {
  const gateway = await t.gateway("inputs.yaml", { tokens: { page: { // of a-token-of-the-tests
    hash: "sha256:c7355b9788d3036817b4b9118e71116224521da29885b160eb8451377c47b377" } } });
  const page = await t.open(gateway, { allow: [/status of 401/] });
  await page.getByRole("textbox", { name: "Access token" }).fill("a-token-of-the-tests");
  await page.getByRole("button", { name: "Continue" }).click();
  await fillLeast(page);
  await page.evaluate(() => sessionStorage.clear()); // as if it had been taken back meanwhile
  await run(page).click();
  await page.getByRole("textbox", { name: "Access token" }).fill("a-token-of-the-tests");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(AT_A_RUN);
  await received(gateway);
});

test("it works behind a proxy's path", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const proxy = await t.proxy(gateway, "/tools/dify/");
  const page = await t.open(proxy);
  await fillLeast(page);
  await chooser(page, "Picture").setInputFiles(picture());
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  assert.match(page.url(), /\/tools\/dify\//);
  await received(gateway);
});

await main();
