// What a run says while it goes on: its text as it grows, and what it thought before.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Markdown } from "../result/markdown";
import { Notice } from "../ui/icons";
import { type LiveRun, useRev } from "./live";
import type { Thought } from "./model";
import { t } from "./words";

const AT_END = 24; // px: so near the end one reads along

/** A box that scrolls along with what grows in it, as long as the reader is at its end. */
function Growing({ children, label }: { children: ComponentChildren; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    const element = box.current!;
    // What is in the box is written a frame later, and by itself.
    const watch = new ResizeObserver(() => { if (isAtEnd.current) element.scrollTop = element.scrollHeight; });
    watch.observe(element.firstElementChild!);
    return () => watch.disconnect();
  }, []);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    isAtEnd.current = scrollTop + clientHeight >= scrollHeight - AT_END;
  };
  return (
    <div class="run-text" ref={box} onScroll={scrolled} tabIndex={0} role="region" aria-label={label}>
      <div>{children}</div>
    </div>
  );
}

function ThoughtItem({ thought }: { thought: Thought }) {
  return (
    <li>
      {thought.thought && <Markdown text={thought.thought} />}
      {thought.tool && (
        <p class="small"><strong>{t.usedTool(thought.tool)}</strong> <code class="thought-data">{thought.toolInput}</code></p>
      )}
      {thought.observation && <p class="small muted thought-data">{thought.observation}</p>}
    </li>
  );
}

/** Reasoning of models, and an agent's thoughts: folded. */
export function Thoughts({ live }: { live: LiveRun }) {
  const { state } = live;
  useRev(live, () => state.revs.text + state.revs.thoughts);
  const thoughts = state.thoughts.filter((one) => one.thought || one.tool || one.observation);
  // A single thought without a tool is the answer once more.
  const isAnswer = thoughts.length === 1 && !thoughts[0]!.tool;
  if (state.reasoning.length === 0 && (thoughts.length === 0 || isAnswer)) return null;
  return (
    <details class="card run-thoughts">
      <summary>{t.thoughts}</summary>
      {state.reasoning.length > 0 && <Markdown text={String(state.reasoning)} growing={state.phase !== "ended"} />}
      {thoughts.length > 0 && !isAnswer &&
        <ol>{thoughts.map((thought) => <ThoughtItem key={thought.id} thought={thought} />)}</ol>}
    </details>
  );
}

/** The text of a run that goes on. */
export function LiveText({ live }: { live: LiveRun }) {
  const { state } = live;
  useRev(live, () => state.revs.text);
  if (state.text.length === 0) return null;
  return (
    <section class="card" aria-labelledby="run-text">
      <h2 id="run-text">{t.textSoFar}</h2>
      {state.hasTextGap && <Notice tone="warn">{t.textGap}</Notice>}
      <Growing label={t.textSoFar}>
        <Markdown text={String(state.text)} growing />
      </Growing>
    </section>
  );
}
