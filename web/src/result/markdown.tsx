// Untrusted Markdown, shown; cheap while it grows.

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "../ui/icons";
import { blockHtml, Blocks } from "./blocks";
import { sanitize } from "./sanitize";
import { splitThoughts } from "./thoughts";
import { t } from "./words";

/** Longer texts are shown as they stand: formatting them would hold up the page. */
const MOST = 400_000;
/** While a text grows, no more than this share of the time goes into showing it. */
const SHARE = 0.25;

/** Writes the blocks of a text into an element, each of them into one of its own. */
class Writer {
  private blocks = new Blocks();
  private free = 0; // when the next writing may begin
  private frame = 0;
  private waiting = "";

  constructor(private readonly element: HTMLElement) {}

  write(text: string, growing: boolean): void {
    this.waiting = text;
    if (growing) {
      this.frame ||= requestAnimationFrame(this.later);
      return;
    }
    this.stop();
    this.now(text, false);
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  private later = (start: number) => {
    if (start < this.free) {
      this.frame = requestAnimationFrame(this.later);
      return;
    }
    this.frame = 0;
    const begin = performance.now();
    this.now(this.waiting, true);
    this.free = start + (performance.now() - begin) / SHARE;
  };

  private now(text: string, growing: boolean): void {
    const { element } = this;
    try {
      const first = this.blocks.update(text, growing);
      const { blocks } = this.blocks;
      while (element.childElementCount > blocks.length) element.lastElementChild!.remove();
      for (let i = first; i < blocks.length; i++) {
        const box = element.children[i] ?? element.appendChild(document.createElement("div"));
        box.replaceChildren(sanitize(blockHtml(blocks[i]!)));
      }
    } catch {
      // Nested deeper than the stack: nobody's prose.
      this.blocks = new Blocks();
      element.textContent = text;
    }
  }
}

function Formatted({ text, growing }: { text: string; growing: boolean }) {
  const element = useRef<HTMLDivElement>(null);
  const writer = useRef<Writer | null>(null);
  useLayoutEffect(() => {
    writer.current ??= new Writer(element.current!);
    writer.current.write(text, growing);
  }, [text, growing]);
  useEffect(() => () => writer.current?.stop(), []);
  return <div ref={element} class="markdown" />;
}

/** Renders untrusted Markdown. `growing`: more of it comes. What a model thought is folded. */
export function Markdown({ text, growing = false }: { text: string; growing?: boolean }) {
  if (text.length > MOST) return <pre class="plain-text" tabIndex={0}>{text}</pre>;
  const parts = splitThoughts(text);
  return (
    <div class="markdown-parts">
      {parts.map((part, i) => {
        const grows = growing && i === parts.length - 1;
        if (part.kind === "text") return <Formatted key={i} text={part.text} growing={grows} />;
        return (
          <details key={i} class="thoughts">
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
