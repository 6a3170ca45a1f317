import assert from "node:assert/strict";
import { test } from "node:test";
import { blockHtml, Blocks } from "../src/result/blocks";
import { reduceHtml } from "../src/result/html";
import { splitThoughts } from "../src/result/thoughts";

const html = (blocks: Blocks) => blocks.blocks.map(blockHtml).join("");

function whole(text: string): string {
  const blocks = new Blocks();
  blocks.update(text, false);
  return html(blocks);
}

const SAMPLE = `# Title
para one
1. a
2. b

   still b

- [ ] open
- [x] done

***bold*** and #1
#2 of it

| a | b |
|---|--:|
| 1 | 2 |

\`\`\`js
const a = "<b>";

let b;
\`\`\`

> quoted
goes on

<details>
<summary>More</summary>

inside **bold**

</details>

Setext
===

[link][later]
***
end\r\nof it
`;

test("a growing text is in the end what it is at once, cut wherever", () => {
  for (let step = 1; step < 40; step += 3) {
    const blocks = new Blocks();
    for (let at = step; at < SAMPLE.length; at += step) {
      blocks.update(SAMPLE.slice(0, at), true);
      assert.equal(html(blocks), whole(SAMPLE.slice(0, at)), `${step}: ${SAMPLE.slice(0, at)}`);
    }
  }
});

test("what is finished is not rendered anew", () => {
  const blocks = new Blocks();
  let text = "";
  for (let i = 0; i < 50; i++) {
    text += `Paragraph ${i}.\n\n`;
    assert.ok(blocks.update(text, true) >= i - 1);
  }
  assert.equal(blocks.update(text, false), 50);
});

test("a text that is replaced is rendered from its begin", () => {
  const blocks = new Blocks();
  blocks.update("one\n\ntwo\n\nthree\n\nfour", true);
  assert.equal(blocks.update("another\n\ntext", true), 0);
  assert.equal(html(blocks), whole("another\n\ntext"));
});

test("a link's definition at the end holds for all of it", () => {
  const blocks = new Blocks();
  blocks.update("see [here][x]\n\nmore\n\nmore\n\n[x]: https://example.org/\n", true);
  blocks.update("see [here][x]\n\nmore\n\nmore\n\n[x]: https://example.org/\n", false);
  assert.match(html(blocks), /<a href="https:\/\/example.org\/">here<\/a>/);
});

test("headings are below the page's own", () => {
  assert.match(whole("# a\n\n###### b"), /<h3>a<\/h3>\n<h6>b<\/h6>/);
});

test("HTML that is open holds what follows it", () => {
  const blocks = new Blocks();
  blocks.update("<details>\n\na\n\nb\n\n</details>\n\nafter", false);
  assert.equal(blocks.blocks.length, 2);
});

const parts = (text: string) => splitThoughts(text).map((part) => [part.kind, part.text.trim(), part.open]);

test("thoughts are told from the text", () => {
  assert.deepEqual(parts("plain"), [["text", "plain", false]]);
  assert.deepEqual(parts("<think>\nhm\n</think>\nyes"), [["thoughts", "hm", false], ["text", "yes", false]]);
  assert.deepEqual(parts("<think>\nhm"), [["thoughts", "hm", true]]);
  assert.deepEqual(parts("<think>a</think>b\n<think>c</think>d"),
    [["thoughts", "a", false], ["text", "b", false], ["thoughts", "c", false], ["text", "d", false]]);
  assert.deepEqual(parts("<think></think>yes"), [["text", "yes", false]]);
  assert.deepEqual(parts('<details style="color:gray" open> <summary> Thinking... </summary>\nhm\n</details>\nyes'),
    [["thoughts", "hm", false], ["text", "yes", false]]);
});

test("what speaks of thoughts is none", () => {
  for (const text of ["use `<think>` here", "```\n<think>\nx\n```\nafter"])
    assert.deepEqual(splitThoughts(text).map(({ kind }) => kind), ["text"]);
});

test("HTML is reduced to what may be shown", () => {
  const cases: [string, string][] = [
    ['<div style="x" class=y onclick=z title="a">t</div>', '<div title="a">t</div>'],
    ["<img src=x onerror=alert(1)>", '<img src="x">'],
    ["<script>alert(1)</script>a<style>b", "a"],
    ["<svg onload=x>text</svg>", "text"],
    ["<!-- c --><a href='x\"y'>", '<a href="x&quot;y">'],
    ["<a b", "&lt;a b"],
    ['<img title="<b>" alt=\'\'>', '<img title="<b>" alt="">'],
    ["1 < 2", "1 &lt; 2"],
  ];
  for (const [from, to] of cases) assert.equal(reduceHtml(from), to);
  const start = Date.now();
  reduceHtml("<a " + "b ".repeat(100_000));
  reduceHtml("<a b".repeat(50_000));
  reduceHtml("<!--".repeat(50_000));
  reduceHtml("<script>".repeat(20_000));
  assert.ok(Date.now() - start < 5000, "no text takes long");
});

test("what marked would take too long for stays as it stands", () => {
  const word = "a_b-".repeat(50_000);
  const text = `**before** ${word}\n**after**`;
  assert.equal(whole(text), `<p>**before** ${word}<br><strong>after</strong></p>\n`);
  const lines = "**bold** and `code`\n".repeat(1000).trim();
  assert.equal(whole(lines), `<p>${lines.split("\n").map(() => "<strong>bold</strong> and <code>code</code>").join("<br>")}</p>\n`);
  const picture = `data:image/png;base64,${"QUJD".repeat(20_000)}`;
  assert.equal(whole(`see ![it](${picture}) *here*`), `<p>see <img src="${picture}" alt="it"> <em>here</em></p>\n`);
  for (const deep of ["> ", "1. ", "- ", "> - "])
    assert.throws(() => whole(deep.repeat(20_000)), RangeError, deep);
  const stairs = Array.from({ length: 600 }, (_, depth) => `${"  ".repeat(depth)}- a`).join("\n");
  assert.throws(() => whole(stairs), RangeError);
  assert.match(whole("-".repeat(300)), /<hr>/);
});

test("a name that every object has is no link", () => {
  assert.equal(whole("[constructor] ![toString] [a][valueOf]"), "<p>[constructor] ![toString] [a][valueOf]</p>\n");
});

test("of very many thoughts the last ones are text", () => {
  const parts = splitThoughts("<think>a</think>\n".repeat(20_000));
  assert.equal(parts.length, 101);
  assert.equal(parts.at(-1)!.kind, "text");
});
