// An app whose runs give results of every kind, a Dify that has files, and attacks on who reads them.

import { createServer, request } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";

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
export const SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="window.hostile=30"><script>window.hostile=31</script></svg>';

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
export async function gatewayOf(t, settings) {
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
export async function open(t, gateway, what, options = {}, order = { app: "results", inputs: { what } }) {
  const run = await gateway.run(order);
  await gateway.result(run);
  const page = await t.open(gateway, { path: `#/runs/${run}`, ...options });
  const result = page.locator(".result");
  await result.waitFor();
  return { page, result, run };
}
