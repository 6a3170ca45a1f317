// Back from a run one finds the list where one left it: how far it was scrolled, and which run was
// opened, belong to the entry of the browser's history.

import { useEffect, useRef } from "preact/hooks";

interface Place {
  scroll: number;
  run: string | null;
}

const places = new Map<string, Place>();
let count = 0;

/** The name of the browser's present entry. */
function entry(): string {
  const state = history.state as { list?: string } | null;
  if (state?.list) return state.list;
  const name = `${Date.now()}-${++count}`; // entries outlive the page, so a number alone will not do
  history.replaceState({ ...state, list: name }, "");
  return name;
}

/** `page` names what is listed; `top` is called where another page of it is come to for the first
 * time. Rows are links within an element with data-run. */
export function usePlace(page: string, isThere: boolean, top: () => void): void {
  const before = useRef<string | null>(null);
  useEffect(() => {
    const name = entry();
    const leave = (event: Event) => {
      const run = (event.target as Element).closest<HTMLElement>("[data-run]")?.dataset["run"] ?? null;
      places.set(name, { scroll: scrollY, run });
    };
    document.addEventListener("click", leave, true);
    return () => document.removeEventListener("click", leave, true);
  }, [page]);
  useEffect(() => {
    if (!isThere || before.current === page) return;
    const isFirst = before.current === null;
    before.current = page;
    const place = places.get(entry());
    // The frame, too, has effects, and moves to the top: after them.
    queueMicrotask(() => {
      if (!place) {
        if (!isFirst) top();
        return;
      }
      scrollTo(0, place.scroll);
      if (place.run === null) return;
      document.querySelector<HTMLElement>(`[data-run="${CSS.escape(place.run)}"] a`)?.focus({ preventScroll: true });
    });
  }, [page, isThere]);
}
