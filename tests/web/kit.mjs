// The tests of the page in a real browser, before a real gateway and a simulated Dify.
//
//     import { assert, axe, main, shot, test, until } from "./kit.mjs";
//
//     test("a run ends although the gateway dies", async (t) => {
//       const gateway = await t.gateway("slow.yaml");           // with its simulator
//       const run = await gateway.run({ app: "slow", inputs: { topic: "tea" } });
//       const page = await t.open(gateway, { path: `#/runs/${run}`, lang: "zh", width: 390 });
//       await gateway.kill();
//       await gateway.start();                                  // same port, same store
//       await page.getByRole("heading", { name: "slow" }).waitFor();
//       await until("it has a result", () => gateway.ask(`api/runs/${run}`), (r) => r.success);
//       await axe(page);                                        // nothing serious
//       await shot(page, "run-after-a-kill");                   // BUILD/screenshots/…png
//     });
//     await main();
//
// A file NAME.test.mjs here is the ctest web.browser-NAME; by hand, from anywhere:
//
//     node tests/web/NAME.test.mjs [--build FOLDER] [--only PART_OF_A_NAME]
//     PAGE_FROM=web/dist node tests/web/NAME.test.mjs     with the page as web/build.mjs has just
//                                                         built it, whatever the gateway has
//     DIFYSTREAM=build/release/difystream node …          another program than that of the build
//
// A test has a Kit, `t`: what it started ends with it, the last first. It fails, too, if a page of
// its own logs an error, throws, breaks its Content-Security-Policy or asks another host: what is
// meant to be so is said by `allow`. A test that fails leaves a screenshot of each of its pages.
// No sleeps: locators wait by themselves, `until` for all else.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import * as browsing from "./browser.mjs";
import { startGateway, startSimulator } from "./processes.mjs";
import { startProxy } from "./proxy.mjs";

export { assert };
export { allow, frames, HEADERS, LOOKS, offline, slow } from "./browser.mjs";

const SKIPPED = 77;
const TEST_S = 120; // a safety net: of one test
const UNTIL_S = 30;
const AT_ONCE = 3; // tests of a file: they wait more than they work
const COLOURS = /\x1b\[\d*m/g; // of playwright's messages

const here = dirname(fileURLToPath(import.meta.url));
const given = arguments_();
const program = process.env.DIFYSTREAM || join(given.build, "difystream");
const folder = join(given.build, "screenshots");
const name = basename(process.argv[1] ?? "").replace(/\.test\.mjs$/, "");

function arguments_() {
  const found = { source: resolve(here, "..", ".."), build: "", only: "" };
  for (let i = 2; i < process.argv.length; i += 2) {
    const option = process.argv[i].replace(/^--/, "");
    if (!(option in found) || i + 1 >= process.argv.length) {
      console.error(`usage: ${process.argv[1]} [--source DIR] [--build DIR] [--only NAME]`);
      process.exit(2);
    }
    found[option] = option === "only" ? process.argv[i + 1] : resolve(process.argv[i + 1]);
  }
  found.build ||= ["dev", "release", "debug"].map((preset) => join(found.source, "build", preset))
    .find((build) => existsSync(join(build, "difystream"))) ?? join(found.source, "build");
  return found;
}

/** What a test has: processes and pages that end with it. */
class Kit {
  constructor(browser) {
    this.browser = browser;
    this.pages = [];
    this.ends = [];
  }

  /** A simulated Dify. `scenario`: a file of tests/web/scenarios, a path, or several.
   *  `options`: speed, faults (a list, as for --fault), release, seed. It has `url`, `keys`,
   *  stats(). */
  async simulator(scenario, options) {
    return this.keep(await startSimulator({ program, here }, scenario, options));
  }

  /** A gateway before `dify`: a simulator, several, or a scenario for one of its own. All their
   *  apps are its apps; `settings` are members of its configuration, of which `apps` adds to those
   *  of some apps, `simulator` is for the simulator. It has `url`, ask(), run(), result(), kill(),
   *  stop(), start(), `log`, `simulator`. */
  async gateway(dify, { simulator, ...settings } = {}) {
    const isScenario = [dify].flat().every((one) => typeof one === "string");
    const simulators = isScenario ? [await this.simulator(dify, simulator)] : [dify].flat();
    const gateway = this.keep(await startGateway({ program }, simulators, settings));
    gateway.simulator = simulators[0];
    gateway.onDown = () => {
      for (const page of this.pages) browsing.allow(page, ...browsing.NETWORK_IS_AWAY);
    };
    return gateway;
  }

  /** A reverse proxy before a gateway, below a path; cut(), freeze(), thaw() break its network. */
  async proxy(gateway, prefix) {
    const proxy = this.keep(await startProxy(gateway, prefix));
    const cut = proxy.cut;
    proxy.cut = () => {
      gateway.onDown();
      cut();
    };
    return proxy;
  }

  /** A page of a gateway or proxy, in a browser context of its own. `options`: path ("#/runs"),
   *  lang ("en", "zh" or a locale), scheme ("light", "dark"), width, height, touch, motion
   *  ("reduce", "no-preference"), allow (patterns of what is no fault), and those of playwright's
   *  newContext. */
  async open(at, options) {
    const page = await browsing.openPage(this.browser, at.url, options);
    this.pages.push(page);
    return page;
  }

  /** Has `thing.end()` called when the test ends. */
  keep(thing) {
    this.ends.push(thing);
    return thing;
  }

  /** Ends all; what was wrong with it. */
  async end(title, hasFailed) {
    const wrong = [];
    for (const [number, page] of this.pages.entries()) {
      wrong.push(...browsing.faultsOf(page));
      if ((hasFailed || wrong.length > 0) && !page.isClosed()) {
        const file = `failed-${name}-${title.replaceAll(/\W+/g, "-")}-${number + 1}`;
        await browsing.screenshot(page, folder, file, { timeout: 5000 })
          .then((path) => wrong.push(`screenshot: ${path}`), () => {});
      }
      await page.context().close().catch(() => {});
    }
    for (const thing of this.ends.reverse()) {
      await thing.end().catch((error) => wrong.push(String(error)));
    }
    return wrong;
  }
}

/** Waits until `probe()`, asked again and again, gives what `is` holds true; gives that. */
export async function until(what, probe, is = Boolean, seconds = UNTIL_S) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await probe();
    if (is(value)) return value;
    if (Date.now() > deadline) {
      assert.fail(`not so after ${seconds} s: ${what}; in the end ${JSON.stringify(value)}`);
    }
    await new Promise((done) => setTimeout(done, 30));
  }
}

/** Keeps a screenshot for a person to look at; its width, scheme and language are in its name.
 *  `options`: those of playwright, such as fullPage. */
export async function shot(page, title, options) {
  return browsing.screenshot(page, folder, title, options);
}

/** Fails on a serious finding of axe-core. */
export async function axe(page, within) {
  const findings = await browsing.axeFindings(given.source, page, within);
  assert.ok(findings.length === 0, `axe-core: ${findings.join("\n  ")}`);
}

/** Fails if the page can be scrolled sideways, or has jumped while it filled. */
export async function steady(page, mostShift = 0.02) {
  const { sideways, jumped, what } = await browsing.steadiness(page);
  assert.equal(sideways, 0, `it can be scrolled sideways by ${sideways} px`);
  assert.ok(jumped <= mostShift, `its layout jumped by ${jumped.toFixed(3)}:\n  ${what.join("\n  ")}`);
}

// ---- the runner --------------------------------------------------------------------------------

const tests = [];

/** A test; `seconds` is what it may take at most. Some of a file run at once, of those that need the
 *  same (`needs`: "clipboard", of which a browser has one) one after the other, and those that
 *  measure (`alone`) after all others. */
export function test(title, body, { seconds = TEST_S, alone = false, needs = null } = {}) {
  tests.push({ title, body, seconds, alone, needs });
}

function skip(why) {
  if (process.env.CI) {
    console.log(`web.browser-${name}: FAILED, since nothing is to be missing in CI: ${why}`);
    process.exit(1);
  }
  console.log(`web.browser-${name}: skipped: ${why}`);
  process.exit(SKIPPED);
}

async function runOne(browser, { title, body, seconds }) {
  const kit = new Kit(browser);
  const start = Date.now();
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`it takes more than ${seconds} s`)), seconds * 1000);
  });
  const wrong = [];
  try {
    await Promise.race([body(kit), late]);
  } catch (error) {
    wrong.push(error.stack ?? String(error));
  }
  clearTimeout(timer);
  wrong.push(...await kit.end(title, wrong.length > 0));
  const took = `${((Date.now() - start) / 1000).toFixed(1)} s`;
  console.log(wrong.length === 0 ? `ok      ${title} (${took})` : `FAILED  ${title} (${took})`);
  for (const text of wrong) {
    console.log("    " + text.replace(COLOURS, "").replaceAll("\n", "\n    "));
  }
  return wrong.length === 0;
}

/** Runs tests, `most` at once; how many failed. */
async function runAll(browser, waiting, most) {
  const busy = new Set();
  let failed = 0;
  // Each calls the next, so that all are over when the first calls are.
  const next = async () => {
    const at = waiting.findIndex(({ needs }) => !busy.has(needs));
    if (at < 0) return;
    const [one] = waiting.splice(at, 1);
    if (one.needs) busy.add(one.needs);
    if (!await runOne(browser, one)) failed++;
    busy.delete(one.needs);
    await next();
  };
  await Promise.all(Array.from({ length: most }, next));
  return failed;
}

/** Runs the tests of the file and ends the process. */
export async function main() {
  if (!existsSync(join(given.source, "web", "node_modules", "playwright-core"))) {
    skip("no web/node_modules: script/setup page");
  }
  const chromium = browsing.findChromium();
  if (!chromium) skip("no Chromium: script/setup page");
  assert.ok(existsSync(program), `${program} is not there: build it, or name it by $DIFYSTREAM`);
  const start = Date.now();
  const browser = await browsing.launch(given.source, chromium);
  const chosen = tests.filter(({ title }) => title.includes(given.only));
  const failed = await runAll(browser, chosen.filter(({ alone }) => !alone), AT_ONCE) +
    await runAll(browser, chosen.filter(({ alone }) => alone), 1);
  await browser.close();
  const took = ((Date.now() - start) / 1000).toFixed(1);
  console.log(`web.browser-${name}: ${chosen.length} tests, ${failed} failed, ${took} s`);
  process.exit(failed > 0 || chosen.length === 0 ? 1 : 0);
}
