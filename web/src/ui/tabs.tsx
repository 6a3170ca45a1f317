// Tabs as ARIA's authoring practices have them: arrows go from tab to tab.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export interface Tab {
  id: string;
  title: string;
  count?: string; // beside the title
  content: () => ComponentChildren;
}

export function Tabs({ tabs, chosen, choose, label }: {
  tabs: Tab[]; chosen: string; choose: (id: string) => void; label: string;
}) {
  const base = useId();
  const tab = tabs.find(({ id }) => id === chosen) ?? tabs[0]!;
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const last = tabs.length - 1;
    const at = tabs.indexOf(tab) + step;
    const next = tabs[at > last ? (step === 1 ? 0 : last) : at < 0 ? (step === -1 ? last : 0) : at]!;
    choose(next.id);
    document.getElementById(`${base}-${next.id}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map(({ id, title, count }) => (
          <button key={id} type="button" role="tab" id={`${base}-${id}`} aria-selected={id === tab.id}
            aria-controls={`${base}-panel`} tabIndex={id === tab.id ? 0 : -1} onClick={() => choose(id)}>
            {title}
            {count !== undefined && <span class="count num">{count}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${tab.id}`} tabIndex={-1}>
        {tab.content()}
      </div>
    </>
  );
}
