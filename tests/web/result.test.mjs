// The result of a run: read, copied, saved, looked through, rated; and whatever a model or an
// upstream server put into it does nothing.

import { createServer, request } from "node:http";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";

import { allow, assert, axe, LOOKS, main, shot, steady, test, until } from "./kit.mjs";

// ---- what the app gives --------------------------------------------------------------------------

/** A picture of one colour. */
function png(width, height, [red, green, blue]) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const head = Buffer.alloc(4);
    const tail = Buffer.alloc(4);
    head.writeUInt32BE(data.length);
    let crc = ~0;
    for (const byte of body) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    tail.writeInt32BE(~crc);
    return Buffer.concat([head, body, tail]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.alloc(1), ...Array(width).fill(Buffer.from([red, green, blue]))]);
  const data = deflateSync(Buffer.concat(Array(height).fill(row)));
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

const PNG = png(640, 400, [64, 120, 200]);
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="window.hostile=30"><script>window.hostile=31</script></svg>';

const file = (filename, mime_type, more = {}) => ({
  dify_model_identity: "__dify__file__", id: null, tenant_id: "t", type: mime_type.split("/")[0], transfer_method: "tool_file",
  remote_url: null, related_id: "r", filename, extension: filename.replace(/.*\./, "."), mime_type, size: PNG.length,
  url: `http://dify.invalid/files/tools/${filename}?sign=1`, ...more,
});

const PROSE = `# Label check

The label was **read**, and *compared* with the rules of \`GB 7718\`.

| Rule | Found | Points |
|------|:-----:|-------:|
| Name of the food | 饼干 | 10 |
| Net content | 250 g | 8.5 |

1. The name is there.
2. The date is not.

- [x] checked
- [ ] open

\`\`\`json
{"score": 18.5}
\`\`\`

> See <https://example.org/gb7718> for the text.
`;

const end = (outputs) => ({ type: "end", outputs });
const RUNS = {
  rich: [
    "start",
    { id: "read", type: "llm", title: "Read the label", seconds: 0.1, tokens: 1234, price: "0.0123" },
    end({
      text: `<think>\nFirst the name, then the date.\n</think>\n${PROSE}`,
      summary: "The label lacks a date.",
      score: 18.5, passed: false, missing: null, none: "", id: 1234567890123456789n,
      tags: ["biscuit", "wheat"],
      rules: [{ rule: "Name", found: "饼干", points: 10 }, { rule: "Date", found: null, points: -1, note: "=1+1" }],
      report: JSON.stringify({ label: { name: "饼干", nutrients: [{ name: "protein", per100g: 7.1 }] } }),
      long: "A long text that goes on. ".repeat(200),
    }),
  ],
  files: ["start", end({
    pictures: [file("label.png", "image/png"), file("gone.png", "image/png")],
    drawing: file("evil.svg", "image/svg+xml"),
    sound: file("answer.mp3", "audio/mpeg"),
    report: file("report.pdf", "application/pdf", { size: 1_234_567 }),
    far: file("far.png", "image/png", { transfer_method: "remote_url", url: "http://foreign.invalid/far.png" }),
  })],
  empty: ["start", end({})],
  failing: [
    "start",
    { id: "ocr", type: "code", title: "Read the picture", seconds: 0.1, outputs: { lines: 12, text: "so far" } },
    { id: "ask", type: "llm", title: "Ask the model", seconds: 0.1, error: "upstream 503: <b>try again</b> later" },
  ],
  partly: [
    "start",
    { id: "fetch", type: "http-request", title: "Fetch", seconds: 0.1, on_error: "continue", error: "no answer" },
    end({ text: "without the page" }),
  ],
  big: ["start", end({
    rows: Array.from({ length: 9000 }, (_, i) => ({ number: i, name: `row number ${i}`, price: i / 7, ok: i % 2 === 0,
      tags: ["a", "b"], ...(i === 8765 ? { note: "needle in the haystack" } : {}) })),
    deep: { list: Array.from({ length: 3000 }, (_, i) => `line ${i} of a text that fills the list`) },
  })],
};

// Attacks on the Markdown of an answer; each sets window.hostile, or asks foreign.invalid, if it works.
const ATTACKS = [
  '<script>window.hostile=1</script>',
  '<img src=x onerror="window.hostile=2">',
  '<a href="javascript:window.hostile=3">js link</a>',
  '<a href="java&#10;script:window.hostile=4">js link in lines</a>',
  '<a href="  &#1;javascript:window.hostile=5">js link behind a control</a>',
  '[md](javascript:window.hostile=6) [vb](vbscript:x) [file](file:///etc/passwd)',
  '[data](data:text/html,<script>window.hostile=7</script>)',
  '![x](javascript:window.hostile=8) ![picture](http://foreign.invalid/p.png) ![svg](data:image/svg+xml,<svg onload=window.hostile=9>)',
  '<svg onload="window.hostile=10"><script>window.hostile=11</script><a href="javascript:window.hostile=12"><text>svg link</text></a></svg>',
  '<svg><style><img src=x onerror=window.hostile=13></style></svg>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.hostile=14&gt;">',
  '<form><math><mtext></form><form><mglyph><style></math><img src onerror=window.hostile=15>',
  '<noscript><p title="</noscript><img src=x onerror=window.hostile=16>">',
  '<base href="http://foreign.invalid/">',
  '<meta http-equiv="refresh" content="0;url=http://foreign.invalid/">',
  '<link rel="stylesheet" href="http://foreign.invalid/x.css"><link rel=prefetch href="http://foreign.invalid/y">',
  '<style>body{display:none}@import "http://foreign.invalid/z.css";</style>',
  '<form action="http://foreign.invalid/" id="f"><input name="q" autofocus onfocus="window.hostile=17"><button formaction="javascript:window.hostile=18">send</button></form>',
  '<iframe src="http://foreign.invalid/" srcdoc="<script>parent.hostile=19</script>"></iframe>',
  '<object data="http://foreign.invalid/"></object><embed src="http://foreign.invalid/">',
  '<video src="http://foreign.invalid/v.mp4" autoplay onerror="window.hostile=20" poster="http://foreign.invalid/p"></video><audio src="http://foreign.invalid/a"></audio>',
  '<div style="position:fixed;inset:0;background:url(http://foreign.invalid/b.png)" class="shell-head" id="page">over all</div>',
  '<a id="page" name="body" href="http://example.org/" ping="http://foreign.invalid/ping" target="_self" onclick="window.hostile=21">clobber</a><img name="body"><img name="createElement">',
  '<img srcset="http://foreign.invalid/1.png 1x" src="http://foreign.invalid/2.png" loading="eager" alt="srcset picture">',
  '<details open ontoggle="window.hostile=22"><summary>toggle</summary>inside</details>',
  '<template><img src=x onerror=window.hostile=23></template><slot onslotchange=alert(1)></slot>',
  '<x-custom onclick=window.hostile=24>custom</x-custom><button popovertarget=page onclick=window.hostile=25>b</button>',
  '<table background="http://foreign.invalid/t.png"><tr><td background="http://foreign.invalid/u.png">cell</td></tr></table>',
  '[relative](api/runs) [hash](#/runs) [protocol](//foreign.invalid/)',
  '`<script>window.hostile=26</script>` and\n\n```html\n<script>window.hostile=27</script>\n```',
  '<think><img src=x onerror=window.hostile=28></think>',
];

RUNS.hostile = ["start", end({
  text: ATTACKS.join("\n\n") + "\n\nThe end of it.",
  "<b>key</b>": "<script>window.hostile=40</script>", link: "javascript:window.hostile=41",
  table: [{ "<i>column</i>": "<img src=x onerror=window.hostile=42>" }],
  object: { "<u>name</u>": { html: "<img src=x onerror=window.hostile=43>" } },
  picture: file('"><img src=x onerror=window.hostile=44>.png', "image/png"),
})];

// ---- processes -----------------------------------------------------------------------------------

/** JSON with integers of any size. */
function jsonOf(value) {
  return JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `@${one}@` : one)).replace(/"@(\d+)@"/g, "$1");
}

/** A Dify that has files: what is not among them goes on to the simulator. */
async function withFiles(simulator) {
  const files = {
    "label.png": ["image/png", PNG], "evil.svg": ["image/svg+xml", SVG],
    "answer.mp3": ["audio/mpeg", "not really sound"], "report.pdf": ["application/pdf", "%PDF-1.4"],
  };
  const { port } = new URL(simulator.url);
  const server = createServer((ask, answer) => {
    const name = decodeURIComponent(ask.url.match(/^\/files\/tools\/([^?]*)/)?.[1] ?? "");
    if (name) {
      const [type, body] = files[name] ?? ["text/plain", ""];
      answer.writeHead(files[name] ? 200 : 403, { "Content-Type": type }).end(body);
      return;
    }
    const { method, url, headers } = ask;
    const on = request({ port, method, path: url, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    on.on("error", () => answer.destroy());
    ask.pipe(on);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`, keys: simulator.keys,
    end: async () => { server.closeAllConnections(); server.close(); },
  };
}

/** A gateway before an app that gives `RUNS` by its input `what`. */
async function gatewayOf(t, settings) {
  const folder = await mkdtemp(join(tmpdir(), "difystream-result-"));
  t.keep({ end: () => rm(folder, { recursive: true, force: true }) });
  const runs = Object.entries(RUNS).map(([what, nodes]) => ({ when: { inputs: { what } }, nodes }));
  const path = join(folder, "results.yaml");
  const inputs = [{ name: "what" }];
  const talk = { name: "talk", mode: "chat", runs: [{ answer: { text: "Hello, **this** is it.", seconds: 0.1, tokens: 12, price: "0.00001" } }] };
  await writeFile(path, jsonOf({ release: "1.14.2", apps: [{ name: "results", inputs, runs }, talk] }));
  return t.gateway([t.keep(await withFiles(await t.simulator(path, { speed: 0 })))], settings);
}

/** A run that has ended, and its page. */
async function open(t, gateway, what, options = {}, order = { app: "results", inputs: { what } }) {
  const run = await gateway.run(order);
  await gateway.result(run);
  const page = await t.open(gateway, { path: `#/runs/${run}`, ...options });
  const result = page.locator(".result");
  await result.waitFor();
  return { page, result, run };
}

const tab = (page, name) => page.locator(".result").getByRole("tab", { name });

async function saved(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}

// ---- the tests -----------------------------------------------------------------------------------

test("whatever is in a result, nothing of it runs, asks or leads astray", async (t) => {
  const gateway = await gatewayOf(t);
  // The gateway refuses to ask for the picture's odd address.
  const { page, result } = await open(t, gateway, "hostile", { allow: [/status of 4(04|22)/] });
  page.on("dialog", () => { throw new Error("a dialog"); });
  await result.getByText("The end of it.").waitFor();
  const markdown = result.locator(".markdown-parts");
  await result.getByText("Thoughts").click();
  const found = await markdown.evaluate((root) => {
    const of = (selector) => [...root.querySelectorAll(selector)];
    return {
      tags: of("script, style, svg:not(summary svg), math, form, input, button:not(.code-box > button), iframe, object, embed, video, audio, base, meta, link, template"),
      attributes: of("*").flatMap((one) => [...one.attributes].map(({ name }) => name))
        .filter((name) => /^on|^style$|^id$|^name$|^srcset$|^ping$|^form|^background$|^data-/.test(name)),
      links: of("a[href]").map((one) => [one.protocol, one.rel, one.target].join(" ")),
      pictures: of("img").map((one) => one.getAttribute("src")),
      over: of("*").filter((one) => getComputedStyle(one).position === "fixed").length,
    };
  });
  assert.deepEqual(found.tags, []);
  assert.deepEqual(found.attributes, []);
  assert.deepEqual(found.pictures, []);
  assert.equal(found.over, 0);
  for (const link of found.links) assert.match(link, /^https?: noopener noreferrer nofollow _blank$/);
  // A picture from elsewhere is a link, named by its words.
  assert.equal(await markdown.getByRole("link", { name: "srcset picture" }).getAttribute("href"), "http://foreign.invalid/2.png");
  // Code is shown as it is written.
  await markdown.locator("pre", { hasText: "<script>window.hostile=27</script>" }).waitFor();
  for (const link of await markdown.locator("a:not([href])").all()) await link.click();
  for (const name of ["Outputs", "Files", "JSON"]) {
    await tab(page, name).click();
    await result.getByRole("tabpanel").locator(":scope > *").first().waitFor();
  }
  await tab(page, "Outputs").click();
  await result.getByText("<script>window.hostile=40</script>").waitFor();
  await result.getByText("<i>column</i>").waitFor();
  assert.equal(await page.evaluate(() => window.hostile), undefined);
  assert.ok(page.url().startsWith(gateway.url));
});

test("the text is read, chosen, copied, saved; thoughts are folded", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "rich");
  await result.getByRole("heading", { name: "Label check", level: 3 }).waitFor();
  assert.ok(!await result.getByText("First the name").isVisible());
  await result.getByText("Thoughts").click();
  await result.getByText("First the name").waitFor();
  assert.equal(await result.getByRole("cell", { name: "饼干" }).count(), 1);
  await result.getByRole("button", { name: "Copy", exact: true }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /# Label check/);
  const { name, text } = await saved(page, () => result.getByRole("button", { name: "Markdown" }).click());
  assert.match(name, /^text-.*\.md$/);
  assert.match(text, /# Label check/);
  await result.locator(".code-box").hover();
  await result.getByRole("button", { name: "Copy code" }).click();
  await result.locator(".code-box").getByText("Copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), '{"score": 18.5}');
  await result.getByLabel("Output", { exact: true }).selectOption("summary");
  await result.getByText("The label lacks a date.").waitFor();
  await axe(page);
});

test("outputs are shown by what they are; a table leaves as CSV", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "rich");
  await tab(page, "Outputs").click();
  const value = (name) => result.locator(".result-outputs > div", { has: page.locator("dt", { hasText: new RegExp(`^${name}`) }) }).locator("dd");
  assert.equal(await value("score").textContent(), "18.5");
  assert.equal(await value("missing").textContent(), "null");
  assert.equal(await value("id").textContent(), "1234567890123456789", "all digits");
  await value("none").getByText("(empty text)").waitFor();
  await value("rules").getByRole("columnheader", { name: "points" }).waitFor();
  await value("report").getByRole("tree").waitFor();
  const { name, text } = await saved(page, () => value("rules").getByRole("button", { name: "CSV" }).click());
  assert.match(name, /^rules-.*\.csv$/);
  assert.equal(text, "\uFEFFrule,found,points,note\r\nName,饼干,10,\r\nDate,,-1,'=1+1\r\n");
  const long = value("long");
  assert.ok((await long.textContent()).length < 1000);
  await long.getByRole("button", { name: /show all/ }).click();
  assert.ok((await long.textContent()).length > 5000);
  await axe(page);
});

test("everything goes by keyboard: tabs, tree, search", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "rich");
  await tab(page, "Text").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await tab(page, "Outputs").getAttribute("aria-selected"), "true");
  await page.keyboard.press("End");
  assert.equal(await tab(page, "JSON").getAttribute("aria-selected"), "true");
  const tree = result.getByRole("tree");
  await tree.waitFor();
  const at = () => page.evaluate(() => document.activeElement.textContent.trim());
  await tree.getByRole("treeitem").first().focus();
  await page.keyboard.press("ArrowDown");
  assert.match(await at(), /^success/);
  await page.keyboard.press("ArrowDown");
  assert.match(await at(), /^data/);
  const isOpen = () => page.evaluate(() => document.activeElement.getAttribute("aria-expanded"));
  if (await isOpen() === "false") await page.keyboard.press("ArrowRight");
  assert.equal(await isOpen(), "true");
  await page.keyboard.press("ArrowRight");
  assert.match(await at(), /^workflow_run_id/);
  await page.keyboard.press("ArrowLeft");
  assert.match(await at(), /^data/);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await isOpen(), "false");
  await page.keyboard.press("End");
  assert.match(await at(), /^run_id/);
  const search = result.getByRole("textbox", { name: "Search names and values" });
  await search.fill("PROTEIN");
  await result.locator(".json-count", { hasText: "1 / " }).waitFor();
  await search.press("Enter");
  const total = Number((await result.locator(".json-count").textContent()).split("/")[1]);
  assert.ok(total >= 2, `${total} hits`);
  await result.locator(".json-count", { hasText: `2 / ${total}` }).waitFor();
  await search.press("Shift+Enter");
  await result.locator(".json-count", { hasText: `1 / ${total}` }).waitFor();
  await result.getByRole("button", { name: "Copy path" }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^result\.data\./);
  await search.press("Escape");
  assert.equal(await search.inputValue(), "");
  const { text } = await saved(page, () => result.getByRole("tabpanel").getByRole("button", { name: "JSON" }).click());
  assert.equal(JSON.parse(text).success, true);
  assert.ok(text.includes("1234567890123456789"), "all digits");
  await axe(page);
});

test("a megabyte of JSON opens, folds and is searched fast enough to use", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result, run } = await open(t, gateway, "big");
  const bytes = JSON.stringify(await gateway.ask(`api/runs/${run}`)).length;
  const timed = async (what, act) => {
    const start = Date.now();
    await act();
    const ms = Date.now() - start;
    console.log(`    ${what}: ${ms} ms`);
    assert.ok(ms < 15_000, `${what}: ${ms} ms`); // a net: machines are slow at times
  };
  console.log(`    a result of ${(bytes / 1e6).toFixed(1)} MB`);
  await timed("opened", async () => {
    await tab(page, "JSON").click();
    await result.getByRole("tree").waitFor();
  });
  await timed("found", async () => {
    await result.getByRole("textbox", { name: "Search names and values" }).fill("needle in");
    await result.locator("mark", { hasText: "needle in" }).first().waitFor();
  });
  const rows = await result.getByRole("treeitem").count();
  assert.ok(rows < 600, `${rows} rows`);
  await timed("outputs", async () => {
    await tab(page, "Outputs").click();
    await result.getByText("row number 49").first().waitFor();
  });
});

test("files: pictures seen, sound played, all saved; what is gone or elsewhere is said", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "files", { allow: [/status of 404/] });
  await tab(page, "Files").click();
  const item = (name) => result.locator(".result-file", { hasText: name });
  const picture = item("label.png").getByRole("button", { name: "Show label.png larger" });
  await picture.waitFor();
  assert.ok(await until("the picture is there", () => picture.locator("img").evaluate((img) => img.naturalWidth)) > 0);
  await picture.click();
  const dialog = page.getByRole("dialog", { name: "label.png" });
  await dialog.getByRole("img", { name: "label.png" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await item("gone.png").getByText("Dify does not give this file any more.").waitFor();
  await item("far.png").getByText("It does not lie at Dify.").waitFor();
  assert.equal(await item("far.png").getByRole("link").getAttribute("href"), "http://foreign.invalid/far.png");
  assert.equal(await item("far.png").getByRole("button", { name: "Download" }).count(), 0);
  assert.equal(await item("evil.svg").locator("img").count(), 0, "a drawing is not shown");
  const drawing = await saved(page, () => item("evil.svg").getByRole("button", { name: "Download" }).click());
  assert.deepEqual(drawing, { name: "evil.svg", text: SVG });
  await item("answer.mp3").getByRole("button", { name: "Play" }).click();
  await item("answer.mp3").locator("audio").waitFor();
  await item("report.pdf").getByText("1.2 MB").waitFor();
  await axe(page);
  await steady(page);
  for (const look of LOOKS) {
    const other = await t.open(gateway, { ...look, path: page.url().slice(gateway.url.length), allow: [/status of 404/] });
    await other.locator(".result [role=tab]").nth(1).click();
    await other.locator(".result-file img").waitFor();
    await other.locator(".result-error").waitFor();
    await axe(other);
    await steady(other);
    await shot(other, "result-files", { fullPage: true });
  }
}, { seconds: 180 });

test("a failure says what, where, and what to try, in both languages", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result, run } = await open(t, gateway, "failing");
  await result.getByText("A step of the workflow failed.").waitFor();
  await result.locator("strong", { hasText: "Ask the model" }).waitFor();
  await result.getByText("upstream 503: <b>try again</b> later").waitFor();
  await result.getByText("workflow_failed").waitFor();
  await result.getByText("What the nodes gave until then.").waitFor();
  assert.equal(await tab(page, "Outputs").getAttribute("aria-selected"), "true");
  await axe(page);
  await result.getByRole("button", { name: "Show it Ask the model" }).click();
  await page.locator(".detail", { hasText: "Ask the model" }).waitFor();
  for (const look of LOOKS) {
    const other = await t.open(gateway, { ...look, path: `#/runs/${run}` });
    await other.getByText(look.lang === "zh" ? "工作流中有一个步骤失败了。" : "A step of the workflow failed.").waitFor();
    await axe(other);
    await steady(other);
    await shot(other, "result-failed", { fullPage: true });
  }
  const partly = await open(t, gateway, "partly", { lang: "zh" });
  await partly.result.getByText("工作流已运行到结束，但途中处理过错误。").waitFor();
  await partly.result.getByText("without the page").waitFor();
}, { seconds: 180 });

test("a result without outputs says so", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "empty");
  await result.getByText("The run has no outputs.").waitFor();
  await result.getByText("JSON", { exact: true }).click();
  await result.getByRole("tree").waitFor();
  await axe(page);
});

test("a run is rated, with a comment, and that is taken back", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result, run } = await open(t, gateway, "empty");
  const row = async () => (await gateway.ask("api/runs")).data.find((one) => one.run_id === run);
  const good = result.getByRole("button", { name: "Good" });
  await good.click();
  await result.getByText("Saved here; Dify takes no ratings of such apps.").waitFor();
  assert.equal(await good.getAttribute("aria-pressed"), "true");
  const comment = result.getByLabel("Comment (optional)");
  await comment.fill("茶".repeat(1366));
  await result.getByText("2 bytes too long").waitFor();
  await comment.fill("很好, thanks");
  await result.getByRole("button", { name: "Save comment" }).click();
  await until("it is kept", row, ({ rating, comment: text }) => rating === "like" && text === "很好, thanks");
  await axe(page);
  await page.reload();
  await result.locator('[aria-pressed="true"]', { hasText: "Good" }).waitFor();
  assert.equal(await comment.inputValue(), "很好, thanks");
  await result.getByRole("button", { name: "Bad" }).click();
  await until("it is another", row, ({ rating }) => rating === "dislike");
  await result.locator('[aria-pressed="true"]', { hasText: "Bad" }).click();
  await result.getByText("Taken back.").waitFor();
  assert.deepEqual([(await row()).rating, (await row()).comment], [null, null]);
});

test("a chat's rating goes on to Dify", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "", {}, { app: "talk", query: "Hi", user: "u-1", inputs: {} });
  await result.getByText("this", { exact: true }).waitFor();
  await result.getByRole("button", { name: "Bad" }).click();
  await result.getByText("Saved, and passed on to Dify.").waitFor();
  await gateway.kill();
  allow(page, /ERR_/);
  await result.getByRole("button", { name: "Good" }).click();
  await result.getByText("Not saved. The gateway cannot be reached.").waitFor();
  assert.equal(await result.getByRole("button", { name: "Bad" }).getAttribute("aria-pressed"), "true");
});

test("it fits every width, in both languages and schemes", async (t) => {
  const gateway = await gatewayOf(t);
  const { run } = await open(t, gateway, "rich");
  for (const look of LOOKS) {
    const page = await t.open(gateway, { ...look, path: `#/runs/${run}` });
    for (const [i, name] of ["text", "outputs", "json"].entries()) {
      await page.locator(".result [role=tab]").nth(i).click();
      await page.locator(".result [role=tabpanel] :is(.markdown-parts, .result-outputs, .json-tree)").first().waitFor();
      await axe(page);
      await steady(page);
      await shot(page, `result-${name}`, { fullPage: true });
    }
  }
}, { seconds: 180 });

await main();
