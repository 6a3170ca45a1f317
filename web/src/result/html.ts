// HTML that stands in Markdown, reduced to the tags and attributes that may be shown. It is no
// fence, sanitize.ts is: but what that parses is reported by the Content-Security-Policy, and this
// leaves nothing to report.

export const TAGS = [
  "p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "b", "em", "i", "del", "s", "ins", "u", "sub",
  "sup", "mark", "small", "q", "abbr", "cite", "code", "pre", "kbd", "samp", "blockquote", "ul", "ol",
  "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "a", "img",
  "figure", "figcaption", "details", "summary", "div", "span",
];
export const ATTRIBUTES = ["href", "src", "alt", "title", "align", "colspan", "rowspan", "start", "open"];

const tags = new Set(TAGS);
const attributes = new Set(ATTRIBUTES);
// Each of these takes what is not closed to its end, so that no text is looked through again and again.
const CODE = /<(script|style)\b[\s\S]*?(?:<\/\1\s*>|$)/gi; // its content is no text
const TAG = /<!--[\s\S]*?(?:-->|$)|<(\/?)([a-z][a-z0-9]*)((?:\s+[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*)\s*\/?>|</gi;
const ATTRIBUTE = /([^\s"'<>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'=<>`]+))?/g;

function attributesOf(text: string): string {
  let kept = "";
  for (const [, name = "", value = ""] of text.matchAll(ATTRIBUTE)) {
    if (!attributes.has(name.toLowerCase())) continue;
    const bare = /^["']/.test(value) ? value.slice(1, -1) : value;
    kept += ` ${name}="${bare.replaceAll('"', "&quot;")}"`;
  }
  return kept;
}

export function reduceHtml(html: string): string {
  return html.replace(CODE, "").replace(TAG, (found: string, close?: string, name?: string, rest?: string) => {
    if (found === "<") return "&lt;";
    if (!name || !tags.has(name.toLowerCase())) return "";
    return close ? `</${name}>` : `<${name}${attributesOf(rest ?? "")}>`;
  });
}
