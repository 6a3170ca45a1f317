// Markdown as elements: the blocks of a text, each written into one of its own; cheap while it grows.
// A file of its own in what is built, since what it stands on is large: see markdown.tsx.

import { blockHtml, Blocks } from "./blocks";
import { type Names, sanitize } from "./sanitize";

/** While a text grows, no more than this share of the time goes into showing it. */
const SHARE = 0.25;

/** Writes the blocks of a text into an element. */
export class Formatter {
  private blocks = new Blocks();
  private free = 0; // when the next writing may begin
  private frame = 0;
  private waiting = "";

  constructor(private readonly element: HTMLElement, private readonly names: Names) {}

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
        box.replaceChildren(sanitize(blockHtml(blocks[i]!), this.names));
      }
    } catch {
      // Nested deeper than the stack: nobody's prose.
      this.blocks = new Blocks();
      element.textContent = text;
    }
  }
}
