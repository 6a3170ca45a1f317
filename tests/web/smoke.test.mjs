// The page loads: everywhere, in both languages, from the gateway alone, behind a proxy's path.

import { assert, axe, HEADERS, LOOKS, main, shot, steady, test } from "./kit.mjs";

const SCENARIO = ["inputs.yaml", "slow.yaml"];

test("it loads without an error, in both languages and schemes, at every width", async (t) => {
  const gateway = await t.gateway(SCENARIO);
  for (const look of LOOKS) {
    const page = await t.open(gateway, look);
    await page.getByRole("navigation").waitFor();
    const lang = await page.evaluate(() => document.documentElement.lang);
    assert.equal(lang.split("-")[0], look.lang, "the page says its language");
    assert.ok((await page.title()).includes("difystream"));
    await axe(page);
    await steady(page);
    await shot(page, "start");
  }
});

test("it comes from the gateway alone, with the headers that keep it safe", async (t) => {
  const gateway = await t.gateway(SCENARIO);
  const page = await t.open(gateway);
  const assets = await page.evaluate(() => performance.getEntriesByType("resource")
    .map(({ name }) => new URL(name).pathname));
  for (const name of ["/assets/page.js", "/assets/page.css"]) {
    assert.ok(assets.includes(name), `${name} is among ${assets}`);
  }
  if (process.env.PAGE_FROM) return; // its headers are this kit's own
  const answer = await fetch(gateway.url);
  for (const [name, value] of Object.entries(HEADERS)) {
    assert.equal(answer.headers.get(name), value, name);
  }
  assert.match(answer.headers.get("content-type"), /^text\/html; *charset=utf-8$/i);
});

test("it works below a path of a proxy", async (t) => {
  const gateway = await t.gateway(SCENARIO);
  const proxy = await t.proxy(gateway, "/tools/dify/");
  const page = await t.open(proxy);
  await page.getByRole("navigation").waitFor();
});

test("it loads again after the gateway was killed and started", async (t) => {
  const gateway = await t.gateway(SCENARIO);
  const page = await t.open(gateway);
  await page.getByRole("navigation").waitFor();
  await gateway.kill();
  await gateway.start();
  await page.reload();
  await page.getByRole("navigation").waitFor();
});

test("its language and its colours can be switched, and stay so", async (t) => {
  const gateway = await t.gateway(SCENARIO);
  const page = await t.open(gateway, { lang: "zh", scheme: "dark" });
  const lang = () => page.evaluate(() => document.documentElement.lang.split("-")[0]);
  const ink = () => page.evaluate(() => getComputedStyle(document.body).color);
  const [language, theme] = [page.locator("header button[lang]"),
    page.locator("header button:not([lang])")];
  await language.waitFor();
  const dark = await ink();
  await language.click();
  await theme.click();
  assert.equal(await lang(), "en");
  assert.notEqual(await ink(), dark);
  await page.reload();
  await language.waitFor();
  assert.equal(await lang(), "en", "after a reload too");
  assert.notEqual(await ink(), dark, "after a reload too");
});

await main();
