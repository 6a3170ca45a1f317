// What a model thought before it answered. Dify leaves it in the text: as <think>…</think>, and up
// to release 1.3 as a <details> whose summary says "Thinking...".

export interface Part {
  kind: "text" | "thoughts";
  text: string;
  open: boolean; // thoughts without an end so far
}

const MOST_PARTS = 100; // what comes after these is text
const BEGIN = /^[ \t]*(?:<think>|<details[^>\n]*>\s*<summary>\s*Thinking\.{3}\s*<\/summary>)/im;
const FENCE = /^ {0,3}(`{3,}|~{3,})/gm;

// An example in a code block is no thought: an odd number of fences is before it.
function isInCode(text: string): boolean {
  return ((text.match(FENCE)?.length ?? 0) & 1) === 1;
}

export function splitThoughts(text: string): Part[] {
  const parts: Part[] = [];
  const add = (kind: Part["kind"], part: string, open = false) => {
    const text = part.replace(/^(?:[ \t]*\r?\n)+/, "");
    if (text.trim() !== "") parts.push({ kind, text, open });
  };
  let rest = text;
  for (;;) {
    const begin = BEGIN.exec(rest);
    if (!begin || parts.length >= MOST_PARTS || isInCode(rest.slice(0, begin.index))) break;
    add("text", rest.slice(0, begin.index));
    rest = rest.slice(begin.index + begin[0].length);
    const end = /<think>/i.test(begin[0]) ? /<\/think>/i.exec(rest) : /<\/details>/i.exec(rest);
    add("thoughts", end ? rest.slice(0, end.index) : rest, !end);
    rest = end ? rest.slice(end.index + end[0].length) : "";
  }
  add("text", rest);
  return parts;
}
