// Streams of real servers (tests/recordings) for the tests of the page, and the results that they
// must give.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SseParser } from "../src/lib/sse";
import type { JsonObject, Result } from "../src/lib/types";

const ROOT = fileURLToPath(new URL("../../../tests/recordings", import.meta.url)); // from web/build/tests

export interface Recording {
  name: string;
  body: Uint8Array;
  expected: Result;
}

/** All that have a result. */
export function recordings(): Recording[] {
  return folders(ROOT)
    .filter((name) => existsSync(join(ROOT, name, "expected.json")))
    .sort()
    .map(read);
}

// readdir's `recursive` came with Node 18.17.
function folders(root: string, under = ""): string[] {
  return readdirSync(join(root, under), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [join(under, entry.name), ...folders(root, join(under, entry.name))]);
}

export function read(name: string): Recording {
  return {
    name,
    body: readFileSync(join(ROOT, name, "response.body")),
    expected: JSON.parse(readFileSync(join(ROOT, name, "expected.json"), "utf8")) as Result,
  };
}

/** The events of a stream, parsed; what is no JSON object is left out. */
export function eventsOf(body: Uint8Array): JsonObject[] {
  const events: JsonObject[] = [];
  const parser = new SseParser(({ data }) => {
    try {
      const event: unknown = JSON.parse(data);
      if (typeof event === "object" && event !== null && !Array.isArray(event)) events.push(event as JsonObject);
    } catch { /* as a server sends now and then */ }
  });
  parser.feed(body);
  return events;
}

/** Milliseconds since the request at which each event came, by the recorder's clock. Frames are
 * chunks, one each. */
export function arrivals(name: string): { event: JsonObject; ms: number }[] {
  const body = readFileSync(join(ROOT, name, "response.body"));
  const found: { event: JsonObject; ms: number }[] = [];
  let from = 0;
  for (const line of readFileSync(join(ROOT, name, "chunks.tsv"), "utf8").split("\n")) {
    const [ms, bytes] = line.split("\t");
    if (line === "" || line.startsWith("#")) continue;
    const end = from + Number(bytes);
    for (const event of eventsOf(body.subarray(from, end))) found.push({ event, ms: Number(ms) });
    from = end;
  }
  return found;
}

/** Numbers from 0 to 1 that come again with the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed, told so that a failure can be had again: SEED=… node --test. */
export function newSeed(): number {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  return seed;
}
