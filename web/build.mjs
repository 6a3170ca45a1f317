// Builds the page from web/src into web/dist, which is committed and embedded in the gateway.
//
//     node build.mjs            builds web/dist anew
//     node build.mjs --check    fails if web/dist is not, byte for byte, what the sources give
//     node build.mjs --tests    bundles the unit tests into web/build/tests, for node --test
//
// What it writes depends on the sources and the locked versions alone: no time, no path, no host.

import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = dirname(fileURLToPath(import.meta.url));
const dist = join(web, "dist");

// What a browser must have: light-dark() and nesting of CSS (spring 2024).
const TARGET = ["chrome123", "firefox121", "safari17.5"];

// What formats Markdown is large: a file of its own, asked for by import("./formatter.js"). It shares
// no module with the page, and so makes no more pieces of it.
const FORMATTER = { formatter: "src/result/formatter.ts" };

const common = {
  absWorkingDir: web,
  bundle: true,
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
  charset: "utf8",
};

// The packages that a bundle has, with their licences: what each of them asks for.
async function licences(metafile) {
  const names = new Set();
  for (const path of Object.keys(metafile.inputs)) {
    const found = path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (found) names.add(found[1]);
  }
  let text = "The page of difystream has code of these packages.\n";
  for (const name of [...names].sort()) {
    const folder = join(web, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).sort().find((entry) => /^licen[cs]e/i.test(entry));
    const body = file ? await readFile(join(folder, file), "utf8") : "";
    text += `\n---- ${name} ${version} (${license}) ----\n\n${body.replace(/\r\n/g, "\n").trim()}\n`;
  }
  return text;
}

// Name → bytes of all that is served.
async function page() {
  const result = await build({
    ...common,
    entryPoints: { page: "src/main.tsx", ...FORMATTER },
    external: ["./formatter.js"],
    outdir: "dist",
    format: "esm",
    splitting: true,
    chunkNames: "[name]-[hash]",
    minify: true,
    legalComments: "none", // they are in licences.txt
    metafile: true,
    target: TARGET,
    write: false,
  });
  const files = new Map();
  for (const { path, contents } of result.outputFiles) {
    files.set(path.slice(dist.length + 1), Buffer.from(contents));
  }
  files.set("licences.txt", Buffer.from(await licences(result.metafile)));
  for (const name of ["index.html", "icon.svg"]) {
    files.set(name, await readFile(join(web, "src", name)));
  }
  return files;
}

async function write() {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  for (const [name, bytes] of await page()) await writeFile(join(dist, name), bytes);
}

async function check() {
  const fresh = await page();
  const committed = await readdir(dist);
  let differs = committed.filter((name) => !fresh.has(name));
  for (const [name, bytes] of fresh) {
    const old = committed.includes(name) ? await readFile(join(dist, name)) : null;
    if (!old || !old.equals(bytes)) differs.push(name);
  }
  if (differs.length === 0) return;
  console.error(`web/dist is not what web/src gives: ${differs.join(", ")}; run script/page`);
  process.exit(1);
}

async function tests() {
  const folder = join(web, "tests");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".test.ts"));
  await rm(join(web, "build", "tests"), { recursive: true, force: true });
  await build({
    ...common,
    entryPoints: names.map((name) => join(folder, name)),
    outdir: "build/tests",
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    target: "node18",
    // Browsers have this one everywhere, Node.js since 19.
    banner: { js: `import { webcrypto } from "node:crypto"; globalThis.crypto ??= webcrypto;` },
    sourcemap: "inline",
  });
}

const modes = { "": write, "--check": check, "--tests": tests };
const mode = modes[process.argv[2] ?? ""];
if (!mode || process.argv.length > 3) {
  console.error("usage: node build.mjs [--check|--tests]");
  process.exit(2);
}
await mode();
