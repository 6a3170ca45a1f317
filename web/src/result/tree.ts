// A JSON value as rows of a tree, of which those within closed branches are not made. Branches of
// many members have ranges of a hundred between, so that opening one never makes thousands of rows.

import { isNumber } from "../lib/exact";
import type { Json, JsonObject } from "../lib/types";

export type Step = string | number;
export type Kind = "object" | "array" | "string" | "number" | "boolean" | "null";

export interface TreeRow {
  key: string; // of its own in the tree
  path: Step[];
  value: Json;
  kind: Kind;
  size: number; // members, or characters
  range: [from: number, to: number] | null; // a part of the members of `value`
  depth: number;
  place: number; // among its siblings, from 1
  siblings: number;
  canOpen: boolean;
  isOpen: boolean;
}

const RANGE = 100;
export const LONG = 160; // characters of a string that are shown in one line
const FIRST_ROWS = 24; // as many are shown at first
const MOST_HITS = 1000;

export function kindOf(value: Json): Kind {
  if (value === null) return "null";
  if (isNumber(value)) return "number";
  if (Array.isArray(value)) return "array";
  return typeof value as "object" | "string" | "boolean";
}

export function isBranch(value: Json): value is Json[] | JsonObject {
  return typeof value === "object" && value !== null && !isNumber(value);
}

const names = new WeakMap<object, string[]>();

function namesOf(value: JsonObject): string[] {
  let known = names.get(value);
  if (!known) names.set(value, (known = Object.keys(value)));
  return known;
}

/** What stands in a value, in its order. */
export function membersOf(value: Json): [Step, Json][] {
  if (Array.isArray(value)) return [...value.entries()];
  return isBranch(value) ? Object.entries(value) : [];
}

function sizeOf(value: Json): number {
  if (Array.isArray(value)) return value.length;
  if (isBranch(value)) return namesOf(value).length;
  return typeof value === "string" ? value.length : 0;
}

function canOpen(value: Json): boolean {
  if (typeof value === "string") return value.length > LONG || value.includes("\n");
  return sizeOf(value) > 0;
}

function keyOf(path: Step[], range: TreeRow["range"] = null): string {
  return JSON.stringify(range ? [path, range] : [path]);
}

interface Place {
  path: Step[];
  value: Json;
  range: TreeRow["range"];
}

/** The width of the ranges that so many members are in; 1: they stand by themselves. */
function widthOf(members: number): number {
  let width = 1;
  while (members > width * RANGE) width *= RANGE;
  return width;
}

function childrenOf({ path, value, range }: Place): Place[] {
  if (!isBranch(value)) return [];
  const [from, to] = range ?? [0, sizeOf(value)];
  const width = widthOf(to - from);
  const children: Place[] = [];
  for (let at = from; at < to; at += width) {
    if (width > 1) {
      children.push({ path, value, range: [at, Math.min(at + width, to)] });
    } else {
      const step = Array.isArray(value) ? at : namesOf(value)[at]!;
      children.push({ path: [...path, step], value: (value as JsonObject)[step]!, range: null });
    }
  }
  return children;
}

export function rowsOf(root: Json, open: ReadonlySet<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  const waiting = [{ at: { path: [], value: root, range: null } as Place, depth: 0, place: 1, siblings: 1 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { at, depth } = next;
    const key = keyOf(at.path, at.range);
    const opens = at.range !== null || canOpen(at.value);
    const isOpen = opens && open.has(key);
    rows.push({
      ...at, key, depth, place: next.place, siblings: next.siblings,
      kind: kindOf(at.value), size: sizeOf(at.value), canOpen: opens, isOpen,
    });
    if (!isOpen) continue;
    const children = childrenOf(at);
    for (let i = children.length - 1; i >= 0; i--)
      waiting.push({ at: children[i]!, depth: depth + 1, place: i + 1, siblings: children.length });
  }
  return rows;
}

/** What is open at first: level by level, as long as it is little. */
export function firstOpen(root: Json): Set<string> {
  const open = new Set<string>();
  let level: Place[] = [{ path: [], value: root, range: null }];
  let rows = 1;
  while (level.length > 0) {
    const below: Place[] = [];
    for (const place of level) {
      if (!isBranch(place.value)) continue;
      const children = childrenOf(place);
      rows += children.length;
      if (open.size > 0 && rows > FIRST_ROWS) return open;
      open.add(keyOf(place.path));
      below.push(...children.filter(({ range }) => range === null));
    }
    level = below;
  }
  return open;
}

/** The keys of the branches (and of the long string itself) that must be open for `path` to be seen. */
export function openFor(root: Json, path: Step[]): string[] {
  const keys: string[] = [];
  let value = root;
  path.forEach((step, depth) => {
    const before = path.slice(0, depth);
    keys.push(keyOf(before));
    const at = typeof step === "number" ? step : namesOf(value as JsonObject).indexOf(step);
    let [from, to] = [0, sizeOf(value)];
    for (let width = widthOf(to); width > 1; width = widthOf(to - from)) {
      from += Math.floor((at - from) / width) * width;
      to = Math.min(from + width, to);
      keys.push(keyOf(before, [from, to]));
    }
    value = (value as JsonObject)[step]!;
  });
  if (!isBranch(value)) keys.push(keyOf(path));
  return keys;
}

export function rowKey(path: Step[]): string {
  return keyOf(path);
}

/** The paths whose name or value has `text`, in the order of the rows; `more`: not all. */
export function search(root: Json, text: string): { hits: Step[][]; more: boolean } {
  const wanted = text.toLowerCase();
  const hits: Step[][] = [];
  const waiting: { path: Step[]; value: Json }[] = [{ path: [], value: root }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { path, value } = next;
    const name = path.at(-1);
    const isHit = (typeof name === "string" && name.toLowerCase().includes(wanted)) ||
      (!isBranch(value) && String(value).toLowerCase().includes(wanted));
    if (isHit && hits.length === MOST_HITS) return { hits, more: true };
    if (isHit) hits.push(path);
    for (const [step, member] of membersOf(value).reverse()) waiting.push({ path: [...path, step], value: member });
  }
  return { hits, more: false };
}

/** As one writes it in a program: outputs.items[3]["odd name"]. */
export function formatPath(name: string, path: Step[]): string {
  return name + path.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  }).join("");
}

/** For the clipboard: texts as they are, all else as JSON. */
export function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** Whether there is enough of it to look for something. */
export function isLarge(value: Json): boolean {
  let left = FIRST_ROWS / 2;
  const waiting = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (--left < 0 || (typeof next === "string" && next.length > LONG * 4)) return true;
    if (isBranch(next)) waiting.push(...(Array.isArray(next) ? next : Object.values(next)).slice(0, FIRST_ROWS));
  }
  return false;
}
