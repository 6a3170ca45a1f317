// Markdown in blocks, of which those that a growing text has finished are left alone. An appended
// text can change the last block, and the one before it while the last line is not whole ("#" is a
// heading, "#1" goes on with the paragraph above it): no other.

import { Lexer, Marked, type Token, type TokensList } from "marked";
import { reduceHtml } from "./html";

const escapes: { [char: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const HEADINGS_FROM = 3; // those above are the page's own
const MAY_CHANGE = 2;

const marked = new Marked({
  gfm: true,
  breaks: true, // as Dify's own page has it
  renderer: {
    heading({ tokens, depth }) {
      const level = Math.min(depth + HEADINGS_FROM - 1, 6);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
    html: ({ text }) => reduceHtml(text),
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    code: ({ text }) => `<pre><code>${text.replace(/[&<>"]/g, (char) => escapes[char]!)}</code></pre>\n`,
  },
});

/** Text that is rendered as one. */
export interface Block {
  raw: string;
  tokens: Token[];
}

// HTML that blank lines do not end: what stands within it is rendered with it.
const OPENS = /<(?:details|div|table|blockquote|ul|ol|dl|center)\b/gi;
const CLOSES = /<\/(?:details|div|table|blockquote|ul|ol|dl|center)\s*>/gi;

function openedBy(html: string): number {
  return (html.match(OPENS)?.length ?? 0) - (html.match(CLOSES)?.length ?? 0);
}

export class Blocks {
  blocks: Block[] = [];
  private text = "";
  private links: TokensList["links"] = {};

  /** Takes what became of the text; the number of the first block that is not as it was. While it
   * grows, a link's definition holds for what follows it; in the end for all. */
  update(source: string, growing: boolean): number {
    const text = source.replace(/\r\n?/g, "\n");
    const old = this.blocks;
    const goesOn = growing && text.startsWith(this.text);
    const kept = goesOn ? old.slice(0, Math.max(0, old.length - MAY_CHANGE)) : [];
    const from = kept.reduce((sum, { raw }) => sum + raw.length, 0);
    if (!goesOn) this.links = {};
    this.blocks = [...kept, ...this.lex(text.slice(from))];
    this.text = text;
    if (!growing && Object.keys(this.links).length > 0) return 0;
    let same = kept.length;
    while (same < old.length && old[same]!.raw === this.blocks[same]?.raw) same++;
    return same;
  }

  private lex(text: string): Block[] {
    const lexer = new Lexer(marked.defaults);
    lexer.tokens.links = this.links;
    const blocks: Block[] = [];
    let open = 0;
    for (const token of lexer.lex(text)) {
      const last = blocks.at(-1);
      if (last && (open > 0 || token.type === "space")) {
        last.raw += token.raw;
        last.tokens.push(token);
      } else {
        blocks.push({ raw: token.raw, tokens: [token] });
      }
      if (token.type === "html") open = Math.max(0, open + openedBy(token.raw));
    }
    return blocks;
  }
}

/** HTML that nobody has looked at. */
export function blockHtml(block: Block): string {
  return marked.parser(block.tokens);
}
