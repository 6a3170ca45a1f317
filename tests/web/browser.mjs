// Chromium and its pages: opened as people have them, watched for what must never happen, slowed
// down, looked at, photographed.

import { mkdir, readFile } from "node:fs/promises";
import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, extname, join } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

/** What the gateway says with the page (docs/gateway.md); a test holds it to that. */
export const HEADERS = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

/** Widths, languages and schemes in which every view is to be looked at. */
export const LOOKS = [
  { width: 320, height: 640, lang: "en", scheme: "light", touch: true },
  { width: 390, height: 844, lang: "zh", scheme: "dark", touch: true },
  { width: 768, height: 1024, lang: "zh", scheme: "light" },
  { width: 1440, height: 900, lang: "en", scheme: "dark" },
];

/** The browser of the package manager; null: there is none. $CHROMIUM names another. The one without
 *  windows of its own takes less than half of the time. */
export function findChromium() {
  const names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
  const places = (process.env.PATH ?? "").split(delimiter);
  const paths = names.flatMap((name) => places.map((place) => join(place, name)));
  for (const path of process.env.CHROMIUM ? [process.env.CHROMIUM] : paths) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // the next
    }
  }
  return null;
}

/** Starts it. All hosts but this one are unknown to it. */
export async function launch(source, executablePath) {
  const require = createRequire(join(source, "web", "package.json"));
  const { chromium } = require("playwright-core");
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      "--force-color-profile=srgb"],
  });
}

/** A page's own watch: what it said and asked for that it must not. */
class Watch {
  constructor(page, origin, allow) {
    this.allow = [...allow];
    this.seen = [];
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      this.note(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.note(`error: ${error.stack ?? error}`));
    page.on("crash", () => this.note("the page crashed"));
    page.context().on("request", (request) => {
      const url = new URL(request.url());
      if (["data:", "blob:", "about:"].includes(url.protocol)) return;
      if (url.origin !== origin) this.note(`a foreign request: ${request.url()}`);
    });
  }

  note(text) {
    this.seen.push(text);
  }

  /** What was not allowed, by now. */
  faults() {
    return this.seen.filter((text) => !this.allow.some((pattern) => pattern.test(text)));
  }
}

const watches = new WeakMap();
const looks = new WeakMap();

/** From here on (and before) what matches is no fault of this page. */
export function allow(page, ...patterns) {
  watches.get(page).allow.push(...patterns);
}

/** Console errors that come of a network or gateway that is away: Chromium's, not the page's. The
 *  second is what a proxy before the gateway says then. */
export const NETWORK_IS_AWAY = [/Failed to load resource: net::ERR_/, / status of 502 /];

export function faultsOf(page) {
  return watches.get(page).faults();
}

// PAGE_FROM: the page comes from a folder, so that working on it needs no build of the gateway.
async function serveFrom(context, base, folder) {
  const known = /^(?:assets\/[^/]*)?$/;
  const below = ({ href }) =>
    href.startsWith(base) ? href.slice(base.length).split(/[?#]/)[0] : "/";
  await context.route((url) => known.test(below(url)), async (route) => {
    const path = below(new URL(route.request().url()));
    const file = path.replace("assets/", "") || "index.html";
    const body = await readFile(join(folder, file)).catch(() => null);
    const headers = { ...HEADERS, "content-type": TYPES[extname(file)] };
    if (body) await route.fulfill({ body, headers });
    else await route.fulfill({ status: 404, json: { error: "unknown asset" } });
  });
}

/** See Kit.open. */
export async function openPage(browser, base, options = {}) {
  const {
    path = "", lang = "en", scheme = "light", width = 1440, height = 900, touch = false,
    motion = "reduce", allow: allowed = [], ...more
  } = options;
  const origin = new URL(base).origin;
  const context = await browser.newContext({
    locale: { en: "en-US", zh: "zh-CN" }[lang] ?? lang,
    timezoneId: "Asia/Shanghai",
    colorScheme: scheme,
    viewport: { width, height },
    hasTouch: touch,
    isMobile: touch,
    reducedMotion: motion,
    permissions: ["clipboard-read", "clipboard-write"],
    ...more,
  });
  context.setDefaultTimeout(30_000);
  if (process.env.PAGE_FROM) await serveFrom(context, base, process.env.PAGE_FROM);
  const page = await context.newPage();
  watches.set(page, new Watch(page, origin, allowed));
  looks.set(page, { lang, scheme, width, touch });
  await page.goto(base + path);
  return page;
}

// ---- the network -------------------------------------------------------------------------------

/** Makes the page's network slow. */
export async function slow(page, { latencyMs = 400, bytesPerS = 50_000 } = {}) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: latencyMs,
    downloadThroughput: bytesPerS,
    uploadThroughput: bytesPerS,
  });
}

/** Takes the page's network away, or gives it back; the page is told, as by a system. */
export async function offline(page, isOffline = true) {
  allow(page, ...NETWORK_IS_AWAY);
  await page.context().setOffline(isOffline);
}

// ---- looks -------------------------------------------------------------------------------------

export async function screenshot(page, folder, name, options) {
  const { lang, scheme, width, touch } = looks.get(page);
  const path = join(folder, `${name}-${width}-${scheme}-${lang}.png`);
  await mkdir(folder, { recursive: true });
  const take = (more) => page.screenshot({ path, animations: "disabled", ...options, ...more });
  if (!touch || !options?.fullPage) {
    await take();
    return path;
  }
  // Chromium takes the touch screen away with a picture of more than is in the window, and the
  // layout jumps: a window as high as the page does the same and leaves it.
  const size = page.viewportSize();
  const full = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: size.width, height: Math.max(size.height, full) });
  await take({ fullPage: false });
  await page.setViewportSize(size);
  return path;
}

/** Serious and critical findings of axe-core, as text; `within`: a selector. */
export async function axeFindings(source, page, within) {
  const path = join(source, "web", "node_modules", "axe-core", "axe.min.js");
  // By the debugger, which the page's Content-Security-Policy does not stop.
  const session = await page.context().newCDPSession(page);
  const script = await readFile(path, "utf8");
  await session.send("Runtime.evaluate", { expression: `if (!window.axe) {${script}\n}` });
  await session.detach();
  const found = await page.evaluate(async (selector) => {
    const { violations } = await window.axe.run(selector ?? document);
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, help, nodes }) => ({ id, help, at: nodes.slice(0, 5).map((node) =>
        [node.target.join(" "), node.html.slice(0, 200), node.failureSummary].join("\n      ")) }));
  }, within);
  return found.map(({ id, help, at }) => `${id}: ${help}\n    ${at.join("\n    ")}`);
}

/** How far the page can be scrolled sideways, how much its layout has jumped by itself (the sum of
 *  layout shifts, 0 is none), and what did. */
export async function steadiness(page) {
  return page.evaluate(async () => {
    const root = document.documentElement;
    const shifts = await new Promise((done) => {
      const found = [];
      new PerformanceObserver((list) => found.push(...list.getEntries()))
        .observe({ type: "layout-shift", buffered: true });
      requestAnimationFrame(() => setTimeout(() => done(found), 50));
    });
    const jumps = shifts.filter((shift) => !shift.hadRecentInput);
    const place = ({ x, y, width, height }) => `${width}×${height} at ${x},${y}`;
    const told = ({ node, previousRect, currentRect }) =>
      `${(node?.cloneNode().outerHTML ?? node?.nodeName ?? "gone").slice(0, 80)}: ` +
      `${place(previousRect)} → ${place(currentRect)}`;
    return {
      sideways: Math.max(0, root.scrollWidth - root.clientWidth),
      jumped: jumps.reduce((sum, jump) => sum + jump.value, 0),
      what: jumps.map((jump) => `${jump.value.toFixed(3)} ${jump.sources.map(told).join("; ")}`),
    };
  });
}

/** Frames that the page shows in so many seconds: { perSecond, longestMs, p95Ms }. */
export async function frames(page, seconds) {
  return page.evaluate(async (ms) => {
    const gaps = [];
    await new Promise((done) => {
      const start = performance.now();
      let last = start;
      const tick = (now) => {
        gaps.push(now - last);
        last = now;
        if (now - start < ms) requestAnimationFrame(tick);
        else done();
      };
      requestAnimationFrame(tick);
    });
    const total = gaps.reduce((sum, gap) => sum + gap, 0);
    gaps.sort((a, b) => a - b);
    return {
      perSecond: Math.round((gaps.length / total) * 1000),
      longestMs: Math.round(gaps.at(-1)),
      p95Ms: Math.round(gaps[Math.floor(gaps.length * 0.95)]),
    };
  }, seconds * 1000);
}
