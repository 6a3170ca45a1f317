// The timeline: a treegrid of nodes with bars on a common axis. Only the rows in sight are in the
// document; what moves with time (bars, ticks, markers) is set once a frame, without rendering.

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { language } from "../lib/words";
import { Icon } from "../ui/icons";
import { AxisScale } from "./axis";
import { FAMILIES, type Family, familyOf, familyText } from "./kinds";
import { type Axis, axisOf, type Row } from "./layout";
import { type LiveRun, useRev } from "./live";
import type { NodeRun } from "./model";
import { MARK, TimelineRow } from "./row";
import { toldOf } from "./told";
import { moveOf, scrollTo, windowOf } from "./window";
import { t } from "./words";

const NARROW = matchMedia("(max-width: 40rem)");
const COARSE = matchMedia("(pointer: coarse)");
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const WHOLE = 60; // rows that stand in the page of a phone, where a part that scrolls by itself is a trap
const STILL_MS = 500; // how often bars grow where nothing should move

function rowHeight(): number {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  return Math.round((NARROW.matches ? 3.25 : COARSE.matches ? 2.75 : 2) * rem);
}

interface Size { width: number; height: number; gutter: number; row: number }

/** The size of an element, of its scroll bar, and the height of its rows, whenever they change. */
function useSize(of: { current: HTMLElement | null }): Size {
  const [size, set] = useState<Size>(() => ({ width: 0, height: 600, gutter: 0, row: rowHeight() }));
  useLayoutEffect(() => {
    const element = of.current!;
    const observer = new ResizeObserver(() => set({
      width: element.clientWidth, height: element.clientHeight,
      gutter: element.offsetWidth - element.clientWidth, row: rowHeight(),
    }));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return size;
}

/** The families of the nodes that are there; those that have come are looked at once. */
function useFamilies(nodes: NodeRun[]): Family[] {
  const seen = useRef({ nodes, count: 0, families: new Set<Family>() });
  if (seen.current.nodes !== nodes || seen.current.count > nodes.length)
    seen.current = { nodes, count: 0, families: new Set() };
  for (; seen.current.count < nodes.length; seen.current.count++)
    seen.current.families.add(familyOf(nodes[seen.current.count]!.type));
  return FAMILIES.filter((family) => seen.current.families.has(family));
}

export function Timeline({ live, chosen, choose, notes }: {
  live: LiveRun;
  chosen: string | null; // key of a node
  choose: (node: NodeRun, how: "key" | "pointer") => void;
  notes: ComponentChildren;
}) {
  const { state, layout } = live;
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const [scrollTop, setScrollTop] = useState(0);
  const [active, setActive] = useState(0);
  const [isAway, setAway] = useState(false); // the reader has scrolled away from the end
  const before = useRef(0); // where it was scrolled to
  const scroller = useRef<HTMLDivElement>(null);
  const size = useSize(scroller);
  const scale = useRef<AxisScale | null>(null);
  const rendered = useRef(new Set<TimelineRow>());
  const base = useId();
  const isOver = state.phase === "ended";
  useRev(live, () => state.revs.rows + state.revs.nodes + state.revs.notes + state.revs.times + (state.phase === "ended" ? 1 : 0));
  layout.update(collapsed);
  const { rows } = layout;
  const families = useFamilies(state.nodes);
  const { row: height } = size;
  const follows = !isOver && !isAway; // the end, while it grows
  const isWhole = isOver && NARROW.matches && rows.length <= WHOLE;
  const [first, last] = windowOf(follows ? Math.max(0, rows.length * height - size.height) : scrollTop,
    size.height, height, rows.length);

  usePlacing(live, rendered.current, scale, size.width);

  useLayoutEffect(() => {
    if (follows && scroller.current) scroller.current.scrollTop = rows.length * height;
  }, [rows.length, height, size.height, follows]);
  // The run is over: what came with its end is followed, too, and then nothing.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!isOver || isAway || !element || before.current === 0) return;
    element.scrollTop = rows.length * height;
    setScrollTop(element.scrollTop);
  }, [isOver]);

  // What was chosen elsewhere (a note, the result, the panel's arrows) comes in sight.
  useEffect(() => {
    const node = chosen === null ? undefined : state.byKey.get(chosen);
    if (!node) return;
    const around = layout.keysAround(node).filter((key) => collapsed.has(key));
    if (around.length > 0) setCollapsed(new Set([...collapsed].filter((key) => !around.includes(key))));
    else if (layout.indexOf(node.key) >= 0) goTo(layout.indexOf(node.key));
  }, [chosen, collapsed]);

  const scrolled = () => {
    const { scrollTop: top, clientHeight, scrollHeight } = scroller.current!;
    const isAtEnd = top + clientHeight > scrollHeight - height;
    // Only who scrolls up goes away: rows that come below move nothing.
    const goes = isAtEnd ? false : top < before.current || isAway;
    before.current = top;
    setAway(goes);
    if (isOver || goes) setScrollTop(top - (top % (4 * height)));
  };
  const goTo = (index: number) => {
    setActive(index);
    if (isWhole) document.getElementById(`${base}-${index}`)?.scrollIntoView({ block: "nearest" });
    const element = scroller.current!;
    const top = scrollTo(index, height, element.scrollTop, element.clientHeight);
    if (top !== element.scrollTop) element.scrollTop = top;
  };
  const fold = useCallback((row: Row, to?: boolean) => setCollapsed((now) => {
    const next = new Set(now);
    if (to ?? !next.has(row.key)) next.add(row.key);
    else next.delete(row.key);
    return next;
  }), []);
  const open = useCallback((row: Row, index: number) => {
    setActive(index);
    if (row.kind === "node") choose(row.node, "pointer");
    else fold(row);
  }, [choose]);
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = moveOf(event.key, rows, active, Math.floor(size.height / height) - 1);
    if (!move) return;
    event.preventDefault();
    const row = rows[active]!;
    if (move === "open") row.kind === "node" ? choose(row.node, "key") : fold(row);
    else if ("fold" in move) fold(row, move.fold);
    else goTo(move.to);
  };
  const foldable = useMemo(() => state.nodes.some((node) => node.isContainer), [state.nodes.length]);
  const foldAll = () => setCollapsed(collapsed.size > 0 ? new Set()
    : new Set(rows.filter((row) => row.depth === 0 && row.count > 0).map((row) => row.key)));
  const toRunning = () => {
    let at = rows.length - 1;
    while (at > 0 && rows[at]!.node.status !== "running") at--;
    setActive(at);
    setAway(false);
  };

  // The active row stays in the document wherever one scrolls: it is what the focus is on.
  const shown: number[] = [];
  if (active < first && active < rows.length) shown.push(active);
  for (let index = first; index < last; index++) shown.push(index);
  if (active >= last && active < rows.length) shown.push(active);
  const slots = last - first;
  const keyOf = (index: number) => index >= first && index < last ? `s${index % slots}` : "active";

  return (
    <section class="card flush timeline" aria-labelledby={`${base}-h`}>
      <div class="tl-head">
        <h2 id={`${base}-h`}>{t.timeline}</h2>
        {foldable && (
          <button type="button" class="small plain" onClick={foldAll}>
            <Icon name={collapsed.size > 0 ? "right" : "down"} />
            {collapsed.size > 0 ? t.unfoldAll : t.foldAll}
          </button>
        )}
      </div>
      <div class="tl-frame" style={{ "--gutter": `${size.gutter}px`, "--row": `${height}px` }}>
      <AxisScale handle={scale} told={toldOf(state.notes)} />
      <div class={`tl-scroll${rows.length > 0 ? " has-rows" : ""}${isWhole ? " whole" : ""}`} ref={scroller} role="treegrid" aria-label={t.timelineName} aria-readonly="true" aria-rowcount={rows.length} aria-colcount={3} tabIndex={0}
        aria-activedescendant={rows.length > 0 ? `${base}-${Math.min(active, rows.length - 1)}` : undefined}
        onKeyDown={pressed} onScroll={scrolled}>
        <div class="tl-rows" role="presentation" style={{ blockSize: `${rows.length * height}px` }}>
          {shown.map((index) => {
            const row = rows[index]!;
            return (
              <TimelineRow key={keyOf(index)} row={row} rev={row.node.rev} index={index} id={`${base}-${index}`}
                top={index * height} isActive={index === active}
                isChosen={row.kind === "node" && row.node.key === chosen} lang={language()} fold={fold} open={open}
                mounted={rendered.current} />
            );
          })}
        </div>
        {rows.length === 0 && <p class="tl-none muted">{t.noNodesYet}</p>}
      </div>
      </div>
      {!isOver && isAway && rows.length > 0 && (
        <button type="button" class="small tl-jump" onClick={toRunning}><Icon name="down" />{t.toRunning}</button>
      )}
      {notes}
      {families.length > 0 && (
        <ul class="tl-legend" aria-label={t.legend}>
          {families.map((family) => <li key={family} class={`k-${family}`}><i />{familyText(family)}</li>)}
        </ul>
      )}
    </section>
  );
}

/** Sets what moves with time: while the run goes on with each frame in which something has moved by
 * half a pixel, else when rows or their widths have changed. */
function usePlacing(live: LiveRun, rendered: Set<TimelineRow>, scale: { current: AxisScale | null },
  width: number): void {
  const { state } = live;
  const axis = useRef<Axis | null>(null);
  const track = useRef(0);
  const times = useRef(0);
  const place = () => {
    const presentMs = live.presentMs();
    const hasMoved = times.current !== state.revs.times;
    times.current = state.revs.times;
    axis.current = axisOf(state, presentMs, axis.current, track.current < 360 ? 4 : 8);
    for (const row of rendered) row.place(axis.current, track.current, presentMs, hasMoved);
    scale.current?.place(axis.current, track.current);
    return axis.current;
  };
  useLayoutEffect(() => {
    track.current = Math.max(0, (scale.current?.trackWidth() ?? 0) - MARK);
  }, [width]);
  useLayoutEffect(() => { place(); });
  const isOver = state.phase === "ended";
  const grows = !isOver && state.phase !== "paused";
  useEffect(() => {
    if (!grows) return;
    let before = 0;
    let least = 0;
    const step = (now: number) => {
      frame = requestAnimationFrame(step);
      if (now - before < least) return;
      before = now;
      const { startMs, endMs } = place();
      least = Math.max(STILL.matches ? STILL_MS : 0, Math.min(500, (endMs - startMs) / Math.max(1, track.current * 2)));
    };
    let frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [grows, live]);
}
