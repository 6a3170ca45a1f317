// A JSON value as a folded tree: what one looks for, opens, copies. Keys as ARIA's tree has them.

import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { count } from "../lib/format";
import type { Json } from "../lib/types";
import { Copy } from "../ui/copy";
import { Icon } from "../ui/icons";
import {
  firstOpen, formatPath, isLarge, LONG, openFor, rowKey, rowsOf, search, type Step, textOf, type TreeRow,
} from "./tree";
import { t } from "./words";

const MOST_TEXT = 200_000; // characters of a string that are shown
const NO_HITS: ReturnType<typeof search> = { hits: [], more: false };

/** A text in which what is looked for is marked. */
function Marked({ text, wanted }: { text: string; wanted: string }) {
  const at = wanted ? text.toLowerCase().indexOf(wanted.toLowerCase()) : -1;
  if (at < 0) return <>{text}</>;
  return <>{text.slice(0, at)}<mark>{text.slice(at, at + wanted.length)}</mark>{text.slice(at + wanted.length)}</>;
}

function Value({ row, wanted }: { row: TreeRow; wanted: string }) {
  const { kind, value, size } = row;
  if (kind === "object" || kind === "array") {
    const many = kind === "array" ? t.items(size) : t.members(size);
    return <span class="json-size">{kind === "array" ? "[…]" : "{…}"} {many}</span>;
  }
  if (kind !== "string") return <span class={`json-${kind}`}><Marked text={String(value)} wanted={wanted} /></span>;
  const text = value as string;
  if (row.isOpen) {
    return (
      <>
        <span class="json-size">{t.characters(size)}</span>
        <span class="json-text"><Marked text={text.slice(0, MOST_TEXT)} wanted={wanted} /></span>
        {size > MOST_TEXT && <span class="json-size">{t.cutAt(MOST_TEXT)}</span>}
      </>
    );
  }
  const line = JSON.stringify(text.slice(0, LONG)).slice(1, -1);
  return (
    <>
      <span class="json-string">"<Marked text={line} wanted={wanted} />{size > LONG ? "…" : '"'}</span>
      {row.canOpen && <span class="json-size"> {t.showAll(size)}</span>}
    </>
  );
}

function TreeItem({ row, name, isCurrent, wanted, choose, toggle }: {
  row: TreeRow; name: string; isCurrent: boolean; wanted: string;
  choose: (row: TreeRow) => void; toggle: (row: TreeRow) => void;
}) {
  const step = row.path.at(-1) ?? name;
  return (
    <div role="treeitem" class="json-row" aria-level={row.depth + 1} aria-posinset={row.place}
      aria-setsize={row.siblings} aria-expanded={row.canOpen ? row.isOpen : undefined}
      aria-selected={isCurrent} tabIndex={isCurrent ? 0 : -1}
      style={{ "--depth": Math.min(row.depth, 16) }}
      onClick={() => {
        choose(row);
        const selects = getSelection()?.isCollapsed === false; // text of it, by mouse
        if (row.canOpen && !selects && !(row.kind === "string" && row.isOpen)) toggle(row);
      }}>
      <span class="json-fold" onClick={(event) => {
        event.stopPropagation();
        choose(row);
        if (row.canOpen) toggle(row);
      }}>
        {row.canOpen && <Icon name={row.isOpen ? "down" : "right"} />}
      </span>
      <span class="json-line">
        {row.range
          ? <span class="json-size">{count(row.range[0])} – {count(row.range[1] - 1)}</span>
          : (
            <>
              <span class="json-name">
                <Marked text={String(step)} wanted={typeof step === "string" ? wanted : ""} />
              </span>
              {": "}<Value row={row} wanted={wanted} />
            </>
          )}
      </span>
    </div>
  );
}

function useSearch(value: Json, reveal: (path: Step[]) => void) {
  const [text, setText] = useState("");
  const [wanted, setWanted] = useState("");
  const [at, setAt] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setWanted(text.trim()), text ? 150 : 0);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useMemo(() => (wanted ? search(value, wanted) : NO_HITS), [value, wanted]);
  useEffect(() => {
    setAt(0);
    if (found.hits[0]) reveal(found.hits[0]);
  }, [found]);
  const move = (by: number) => {
    if (found.hits.length === 0) return;
    const next = (at + by + found.hits.length) % found.hits.length;
    setAt(next);
    reveal(found.hits[next]!);
  };
  return { text, setText, wanted, found, at, move };
}

function SearchBar({ of, tree }: { of: ReturnType<typeof useSearch>; tree: string }) {
  const { hits, more } = of.found;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") of.move(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && of.text) of.setText("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const total = count(hits.length) + (more ? "+" : "");
  return (
    <div class="json-search" role="search">
      <Icon name="search" />
      <input type="text" value={of.text} placeholder={t.search} aria-label={t.search} aria-controls={tree}
        autocomplete="off" spellcheck={false} onKeyDown={onKeyDown}
        onInput={(event) => of.setText(event.currentTarget.value)} />
      <span class="num json-count" role="status">
        {of.wanted && (hits.length > 0 ? `${count(of.at + 1)} / ${total}` : t.noHits)}
      </span>
      <button type="button" class="plain icon small" aria-label={t.previous} title={t.previous}
        disabled={hits.length === 0} onClick={() => of.move(-1)}><Icon name="left" /></button>
      <button type="button" class="plain icon small" aria-label={t.next} title={t.next}
        disabled={hits.length === 0} onClick={() => of.move(1)}><Icon name="right" /></button>
    </div>
  );
}

/** Where the keys lead from a row; null: it is none of ours, or leads nowhere. */
function neighbour(rows: TreeRow[], at: number, key: string): number | null {
  const row = rows[at]!;
  switch (key) {
    case "ArrowDown": return Math.min(at + 1, rows.length - 1);
    case "ArrowUp": return Math.max(at - 1, 0);
    case "Home": return 0;
    case "End": return rows.length - 1;
    case "ArrowRight": return row.isOpen && rows[at + 1]?.depth === row.depth + 1 ? at + 1 : null;
    case "ArrowLeft": {
      for (let i = at - 1; i >= 0; i--) if (rows[i]!.depth < row.depth) return i;
      return null;
    }
    default: return null;
  }
}

export function JsonView({ value, name }: { value: Json; name: string }) {
  const [open, setOpen] = useState(() => firstOpen(value));
  const [current, setCurrent] = useState(rowKey([]));
  const rows = useMemo(() => rowsOf(value, open), [value, open]);
  const large = useMemo(() => isLarge(value), [value]);
  const tree = useRef<HTMLDivElement>(null);
  const go = useRef<"focus" | "look" | null>(null); // to the current row, once it is there
  const id = useId();
  const at = Math.max(0, rows.findIndex(({ key }) => key === current));
  const row = rows[at]!;

  const toggle = ({ key }: TreeRow) => setOpen((old) => {
    const fresh = new Set(old);
    if (!fresh.delete(key)) fresh.add(key);
    return fresh;
  });
  const reveal = (path: Step[]) => {
    setOpen((old) => new Set([...old, ...openFor(value, path)]));
    setCurrent(rowKey(path));
    go.current = "look";
  };
  const bar = useSearch(value, reveal);

  useLayoutEffect(() => {
    const element = go.current && (tree.current?.children[at] as HTMLElement | undefined);
    if (!element) return;
    if (go.current === "focus") element.focus({ preventScroll: true });
    (element.querySelector("mark") ?? element).scrollIntoView({ block: "nearest" });
    go.current = null;
  });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const folds = key === "Enter" || key === " " || key === (row.isOpen ? "ArrowLeft" : "ArrowRight");
    const to = folds ? null : neighbour(rows, at, key);
    if (folds && row.canOpen) toggle(row);
    else if (to !== null) {
      setCurrent(rows[to]!.key);
      go.current = "focus";
    } else if (!folds) return;
    event.preventDefault();
  };

  return (
    <div class="json">
      {large && <SearchBar of={bar} tree={id} />}
      <div ref={tree} id={id} class="json-tree" role="tree" aria-label={name} onKeyDown={onKeyDown}>
        {rows.map((one) => (
          <TreeItem key={one.key} row={one} name={name} isCurrent={one === row} wanted={bar.wanted}
            choose={({ key }) => setCurrent(key)} toggle={toggle} />
        ))}
      </div>
      <div class="json-foot">
        <code>{formatPath(name, row.path)}</code>
        <div class="row">
          <Copy label={t.copyPath} text={() => formatPath(name, row.path)} />
          <Copy label={t.copyValue} text={() => textOf(row.value)} />
        </div>
      </div>
    </div>
  );
}
