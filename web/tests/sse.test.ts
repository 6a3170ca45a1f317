// lib/sse.ts: the same events wherever the bytes are cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SseParser, type SseEvent } from "../src/lib/sse";
import { newSeed, seeded } from "./recordings";

const encode = (text: string) => new TextEncoder().encode(text);

const TRICKY = "\uFEFF" + [
  "retry: 2000\n\n",
  "id: 1-1\nevent: follow\ndata: {\"a\":1}\n\n",
  "data: one\ndata:two\r\ndata:  three\rdata\r\r",
  ": a comment\n:\n\n",
  "event: ping\n\n", // no data: no event
  "id: 1-2\n\n", // nor this
  "data: \u2028 \u2029 \u0085 \uFEFF 标签 😀 \x7f\n\n",
  "id: a\0b\nid\nunknown: x\ndata\n\n",
  "id: 1-3\r\nevent: end\r\ndata: {\"success\":true}\r\n\r\n",
  "data: lost, as no blank line follows\n",
].join("");

const EXPECTED: SseEvent[] = [
  { event: "follow", data: "{\"a\":1}", id: "1-1", isTooLarge: false },
  { event: "message", data: "one\ntwo\n three\n", id: null, isTooLarge: false },
  { event: "message", data: "\u2028 \u2029 \u0085 \uFEFF 标签 😀 \x7f", id: null, isTooLarge: false },
  { event: "message", data: "", id: "", isTooLarge: false },
  { event: "end", data: "{\"success\":true}", id: "1-3", isTooLarge: false },
];

function parse(pieces: Uint8Array[], max?: number): SseEvent[] {
  const events: SseEvent[] = [];
  const parser = new SseParser((event) => events.push(event), max);
  for (const piece of pieces) parser.feed(piece);
  return events;
}

test("a tricky stream, whole", () => {
  assert.deepEqual(parse([encode(TRICKY)]), EXPECTED);
});

test("cut at every place, and at every two", () => {
  const bytes = encode(TRICKY);
  for (let one = 0; one <= bytes.length; one++)
    for (let two = one; two <= bytes.length; two += 7)
      assert.deepEqual(parse([bytes.subarray(0, one), bytes.subarray(one, two), bytes.subarray(two)]), EXPECTED,
        `cut at ${one} and ${two}`);
});

test("byte by byte", () => {
  assert.deepEqual(parse([...encode(TRICKY)].map((byte) => Uint8Array.of(byte))), EXPECTED);
});

test("line ends of any kind, cut anywhere", () => {
  const random = seeded(newSeed());
  for (let round = 0; round < 300; round++) {
    const ends = ["\n", "\r", "\r\n"];
    const end = () => ends[Math.floor(random() * 3)]!;
    let text = "";
    const expected: string[] = [];
    for (let n = 0; n < 5; n++) {
      const lines = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, at) => `${n} ${at} é😀`);
      // "\r" and a "\n" that begins the next line would be one end
      text += lines.map((line) => `data: ${line}${end()}`).join("") + ":\n" + "\r\n";
      expected.push(lines.join("\n"));
    }
    const bytes = encode(text);
    const pieces: Uint8Array[] = [];
    for (let from = 0; from < bytes.length;) {
      const to = from + 1 + Math.floor(random() * 20);
      pieces.push(bytes.subarray(from, to));
      from = to;
    }
    assert.deepEqual(parse(pieces).map(({ data }) => data), expected);
  }
});

test("an event of the largest size, and one more", () => {
  const cut = (text: string) => [encode(text.slice(0, 7)), encode(text.slice(7))];
  const next = "data: next\n\n";
  const ok = { event: "message", data: "next", id: null, isTooLarge: false };
  const large = { event: "message", data: "", id: "7", isTooLarge: true };
  for (const pieces of [(text: string) => [encode(text)], cut]) {
    assert.deepEqual(parse(pieces(`id: 7\ndata: ${"x".repeat(14)}\n\n${next}`), 20),
      [{ ...large, data: "x".repeat(14), isTooLarge: false }, ok]);
    assert.deepEqual(parse(pieces(`id: 7\ndata: ${"x".repeat(15)}\n\n${next}`), 20), [large, ok]);
    assert.deepEqual(parse(pieces(`id: 7\ndata: ${"x".repeat(500)}\n\n${next}`), 20), [large, ok]);
    assert.deepEqual(parse(pieces(`id: 7\n${"data: xxxx\n".repeat(5)}\n${next}`), 20), [large, ok]);
  }
});

test("a large event in many pieces", () => {
  const piece = encode("x".repeat(16 * 1024));
  const [event] = parse([encode("data: "), ...Array.from({ length: 1000 }, () => piece), encode("\n\n")]);
  assert.equal(event!.data.length, 1000 * 16 * 1024);
});
