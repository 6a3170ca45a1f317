// Which rows of a long list are in the document, and where the keyboard goes in it. Pure.

import type { Row } from "./layout";

const OVERSCAN = 4; // rows beyond the edge, for a scroll between two frames
const STEP = 4; // the window moves by so many rows, not with every pixel

/** Rows [first, last) of `rows` that are to be there. */
export function windowOf(scrollTop: number, viewHeight: number, rowHeight: number, rows: number): [number, number] {
  const seen = Math.floor(scrollTop / rowHeight / STEP) * STEP;
  const size = Math.ceil(viewHeight / rowHeight) + STEP + 2 * OVERSCAN;
  const first = Math.max(0, Math.min(seen - OVERSCAN, rows - size));
  return [first, Math.min(rows, first + size)];
}

/** Where to scroll so that a row is in sight; the least that does. */
export function scrollTo(index: number, rowHeight: number, scrollTop: number, viewHeight: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  return Math.max(scrollTop, top + rowHeight - viewHeight);
}

export type Move = { to: number } | { fold: boolean } | "open" | null;

/** What a key does in row `at`, as ARIA's treegrid has it; `page`: rows that are in sight. */
export function moveOf(key: string, rows: readonly Row[], at: number, page: number): Move {
  const last = rows.length - 1;
  const row = rows[at];
  if (!row) return null;
  const to = (index: number): Move => ({ to: Math.max(0, Math.min(last, index)) });
  switch (key) {
    case "ArrowDown": return to(at + 1);
    case "ArrowUp": return to(at - 1);
    case "PageDown": return to(at + page);
    case "PageUp": return to(at - page);
    case "Home": return to(0);
    case "End": return to(last);
    case "Enter":
    case " ": return "open";
    case "ArrowRight":
      if (row.count === 0) return null;
      return row.isCollapsed ? { fold: false } : to(at + 1);
    case "ArrowLeft": {
      if (row.count > 0 && !row.isCollapsed) return { fold: true };
      for (let above = at - 1; above >= 0; above--)
        if (rows[above]!.depth < row.depth) return { to: above };
      return null;
    }
    default: return null;
  }
}
