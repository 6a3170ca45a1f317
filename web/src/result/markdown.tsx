// Untrusted Markdown, shown. What formats it is large, and comes when it is first needed: until then
// the text stands there as it is.

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ready, useLater } from "../lib/later";
import { language } from "../lib/words";
import { copyText } from "../ui/copy";
import { Icon } from "../ui/icons";
import type { Formatter } from "./formatter";
import { splitThoughts } from "./thoughts";
import { t } from "./words";

/** Longer texts are shown as they stand, and so much of them: all of it would hold up the page. */
const MOST = 400_000;
const MOST_GROWING = 20_000; // of its end, while it grows

const load = () => import("./formatter.js");

/** Has it there from the start, where a text that changes its looks would push others away. */
export const markdownReady = () => ready(load);

/** Asks for what formats; false: it is still to come. What is shown before jumps once it is there. */
export function useMarkdown(): boolean {
  const [later, error] = useLater(load);
  return later !== null || error !== null;
}

function Formatted({ text, growing }: { text: string; growing: boolean }) {
  const [later] = useLater(load); // if it does not come, the text is there all the same
  const element = useRef<HTMLDivElement>(null);
  const formatter = useRef<Formatter | null>(null);
  useLayoutEffect(() => {
    if (!later) return;
    formatter.current ??= new later.Formatter(element.current!, t);
    formatter.current.write(text, growing);
  }, [text, growing, later]);
  useEffect(() => () => formatter.current?.stop(), []);
  if (!later) return <div class="markdown as-it-is">{text}</div>;
  return <div key="formatted" ref={element} class="markdown" onClick={copyCode} />;
}

/** The button of a block of code, which is none of Preact's. */
async function copyCode({ target }: MouseEvent): Promise<void> {
  const button = (target as Element).closest("button");
  const code = button?.parentElement?.querySelector("pre")?.textContent;
  if (!button || code == null || !await copyText(code)) return;
  button.textContent = t.codeCopied;
  setTimeout(() => (button.textContent = t.copyCode), 2000);
}

/** Renders untrusted Markdown. `growing`: more of it comes. What a model thought is folded. */
export function Markdown({ text, growing = false }: { text: string; growing?: boolean }) {
  if (text.length > MOST) return (
    <>
      <p class="small muted">{growing ? t.lastOnes(MOST_GROWING) : t.cutAt(MOST)}</p>
      <pre class="plain-text" tabIndex={0}>{growing ? text.slice(-MOST_GROWING) : text.slice(0, MOST)}</pre>
    </>
  );
  const parts = splitThoughts(text);
  return (
    <div key={language()} class="markdown-parts">
      {parts.map((part, i) => {
        const grows = growing && i === parts.length - 1;
        if (part.kind === "text") return <Formatted key={i} text={part.text} growing={grows} />;
        return (
          <details key={i} class="result-fold">
            <summary>
              <Icon name="right" />
              {grows && part.open ? t.thinking : t.thoughts}
            </summary>
            <Formatted text={part.text} growing={grows} />
          </details>
        );
      })}
    </div>
  );
}
