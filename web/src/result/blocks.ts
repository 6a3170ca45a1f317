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

// What stands in one paragraph takes marked a time that can grow with the square of its length (one
// long word does, or blanks). So a long one is read line by line; what is no prose stays as it stands,
// and so does all that is left when the whole has taken too long.
const LONG = 4000;
const LONGEST_LINE = 16_000;
const MOST_MS = 1500;
const PICTURES = /(!\[[^[\]\n]{0,500}\]\(data:[^()\s]+\))/; // these are long, and no trouble

class PatientLexer extends Lexer {
  private spentMs = 0;
  private depth = 0;

  override inlineTokens(source: string, tokens: Token[] = []): Token[] {
    if (source.length <= LONG) return this.timed(source, tokens);
    source.split(PICTURES).forEach((part, place) => {
      if (place % 2 === 1) this.timed(part, tokens);
      else this.byLines(part, tokens);
    });
    return tokens;
  }

  private byLines(source: string, tokens: Token[]): void {
    for (let from = 0; from < source.length;) {
      const end = pieceEnd(source, from);
      this.timed(source.slice(from, end), tokens);
      if (end < source.length) tokens.push({ type: "br", raw: "\n" });
      from = end + 1;
    }
  }

  private timed(source: string, tokens: Token[]): Token[] {
    const isPlain = this.spentMs > MOST_MS || (source.length > LONGEST_LINE && !PICTURES.test(source));
    if (isPlain) {
      tokens.push({ type: "text", raw: source, text: source, escaped: false });
      return tokens;
    }
    const begin = performance.now();
    this.depth++;
    super.inlineTokens(source, tokens);
    this.depth--;
    if (this.depth === 0) this.spentMs += performance.now() - begin; // what is within is of it
    return tokens;
  }
}

// As many whole lines as are not long together; one at least.
function pieceEnd(source: string, from: number): number {
  if (source.length - from <= LONG) return source.length;
  const last = source.lastIndexOf("\n", from + LONG);
  const end = last > from ? last : source.indexOf("\n", from + LONG);
  return end < 0 ? source.length : end;
}

// Quotes and lists within each other: marked would take seconds until its stack is full.
const TOO_DEEP = /^(?:(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]))){100}|[ \t]{200,}(?:[-+*]|\d{1,9}[.)])[ \t])/m;

// `[constructor]` is none.
const noLinks = (): TokensList["links"] => Object.create(null) as TokensList["links"];

export class Blocks {
  blocks: Block[] = [];
  private text = "";
  private links = noLinks();

  /** Takes what became of the text; the number of the first block that is not as it was. While it
   * grows, a link's definition holds for what follows it; in the end for all. Throws if it is nested
   * too deep. */
  update(source: string, growing: boolean): number {
    const text = source.replace(/\r\n?/g, "\n");
    const old = this.blocks;
    const goesOn = growing && text.startsWith(this.text);
    const kept = goesOn ? old.slice(0, Math.max(0, old.length - MAY_CHANGE)) : [];
    const from = kept.reduce((sum, { raw }) => sum + raw.length, 0);
    if (!goesOn) this.links = noLinks();
    this.blocks = [...kept, ...this.lex(text.slice(from))];
    this.text = text;
    if (!growing && Object.keys(this.links).length > 0) return 0;
    let same = kept.length;
    while (same < old.length && old[same]!.raw === this.blocks[same]?.raw) same++;
    return same;
  }

  private lex(text: string): Block[] {
    if (TOO_DEEP.test(text)) throw new RangeError("nested too deep");
    const lexer = new PatientLexer(marked.defaults);
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
