// The rows and bars of a run's timeline (a waterfall), from its state. Pure.
//
//     const layout = new Layout(state);
//     layout.update(collapsed);                    // when revs.rows or `collapsed` changed
//     axis = axisOf(state, presentMs, axis);       // for each frame; mostly the same object
//     for (let i = first; i < last; i++) {         // of the rows that are seen
//       const bar = barOf(layout.rows[i]!, axis, presentMs);
//     }
//
// The axis of a run that goes on ends at the next tick, not at the present: what has ended stays
// where it is for most frames, and need not be drawn again.

import { at } from "./clock";
import { isOpen, type NodeRun, type RunState } from "./model";

/** A row: an execution (container or not), a round of a container, or a branch of several. It is
 * the same object as long as it has not changed. */
export interface Row {
  readonly key: string; // for lists, selections, and the set of those that are collapsed
  readonly kind: "node" | "round" | "branch";
  readonly node: NodeRun; // of a round its container, of a branch the first node of it
  readonly members: readonly NodeRun[]; // that its bar spans; of a node itself
  readonly round: number | null; // from 0
  readonly depth: number; // from 0
  readonly count: number; // rows below it, shown or not; 0: there is nothing to fold
  readonly isCollapsed: boolean;
}

/** The span of time that is shown. */
export interface Axis {
  readonly startMs: number; // Unix
  readonly endMs: number;
  readonly isOpen: boolean; // the run goes on
  readonly ticks: readonly Tick[];
}

export interface Tick {
  readonly at: number; // 0 … 1 of the axis
  readonly seconds: number; // since the start
}

/** A row's bar, in fractions of the axis. */
export interface Bar {
  start: number;
  end: number;
  isGrowing: boolean; // to be computed again for the next frame
  attempts: { number: number; start: number; end: number }[]; // those that failed, within the bar
}

export function roundKey(container: NodeRun, round: number): string {
  return `${container.key}#${round}`;
}

// ---- rows ------------------------------------------------------------------------------------------

type Group = { kind: Row["kind"]; key: string; node: NodeRun; round: number | null; members: readonly NodeRun[]; below: Group[] };

export class Layout {
  rows: readonly Row[] = [];
  private readonly known = new Map<string, Row>();
  private places: Map<string, number> | null = null; // made when it is asked for
  private rev = -1;
  private collapsed: ReadonlySet<string> | null = null;

  constructor(private readonly state: RunState) {}

  /** Makes `rows` anew if the run's rows have changed, or `collapsed` is another set than before.
   * True: they may be others now. */
  update(collapsed: ReadonlySet<string>): boolean {
    if (this.rev === this.state.revs.rows && this.collapsed === collapsed) return false;
    this.rev = this.state.revs.rows;
    this.collapsed = collapsed;
    const rows: Row[] = [];
    this.add(rows, groups(this.state.nodes.filter((node) => !node.container)), 0, false);
    this.rows = rows;
    this.places = null;
    return true;
  }

  /** Where the row of that key is; -1: it is not shown. */
  indexOf(key: string): number {
    this.places ??= new Map(this.rows.map((row, place) => [row.key, place]));
    return this.places.get(key) ?? -1;
  }

  /** The rows around a node, from the outermost: what must not be collapsed for it to be seen. */
  keysAround(node: NodeRun): string[] {
    const keys: string[] = [];
    for (let at: NodeRun | null = node; at; at = at.container) {
      if (at.branch) keys.unshift(branchKey(at, at.branch.id, at.branch.start));
      if (at.branch?.parent) keys.unshift(branchKey(at, at.branch.parent, at.branch.parentStart));
      if (at.container && at.round !== null) keys.unshift(roundKey(at.container, at.round));
      if (at.container) keys.unshift(at.container.key);
    }
    return keys;
  }

  // Returns how many rows there are, those that are hidden too.
  private add(rows: Row[], list: Group[], depth: number, isHidden: boolean): number {
    let count = 0;
    for (const group of list) {
      const isCollapsed = this.collapsed!.has(group.key);
      const place = rows.length;
      if (!isHidden) rows.push(null!); // its place: what it is needs the count
      const below = this.add(rows, group.below, depth + 1, isHidden || isCollapsed);
      if (!isHidden) rows[place] = this.row(group, depth, below, isCollapsed);
      count += 1 + below;
    }
    return count;
  }

  private row({ kind, key, node, round, members }: Group, depth: number, count: number, isCollapsed: boolean): Row {
    const old = this.known.get(key);
    if (old && old.kind === kind && old.node === node && old.depth === depth && old.count === count &&
      old.isCollapsed === isCollapsed && isSame(old.members, members)) return old;
    const row: Row = { key, kind, node, members, round, depth, count, isCollapsed };
    this.known.set(key, row);
    return row;
  }
}

function isSame(one: readonly NodeRun[], other: readonly NodeRun[]): boolean {
  return one.length === other.length && one.every((node, place) => node === other[place]);
}

// Nodes beside each other, in order; those of a branch below it, at the place of its first.
function groups(nodes: readonly NodeRun[]): Group[] {
  const list: Group[] = [];
  let branches: Map<string, Group & { members: NodeRun[] }> | null = null; // seldom needed
  for (const node of nodes) {
    const group: Group = { kind: "node", key: node.key, node, round: null, members: [node], below: inside(node) };
    if (!node.branch) {
      list.push(group);
      continue;
    }
    const { id, start, parent, parentStart } = node.branch;
    const key = branchKey(node, id, start);
    branches ??= new Map<string, Group & { members: NodeRun[] }>();
    let branch = branches.get(key);
    if (!branch) {
      branch = { kind: "branch", key, node, round: null, members: [], below: [] };
      branches.set(key, branch);
      const outer = parent === null ? undefined : branches.get(branchKey(node, parent, parentStart));
      (outer?.below ?? list).push(branch);
    }
    branch.members.push(node);
    branch.below.push(group);
  }
  return list;
}

function branchKey(node: NodeRun, id: string, start: string | null): string {
  return `${node.container ? `${node.container.key}#${node.round}:` : ""}branch:${id}:${start}`;
}

// What is in a container: its rounds; and after them the nodes of which none is told (yet).
function inside(container: NodeRun): Group[] {
  if (container.children.length === 0) return NOTHING;
  const list: Group[] = [];
  for (const [round, members] of inOrder(container.byRound))
    list.push({ kind: "round", key: roundKey(container, round), node: container, round, members, below: groups(members) });
  return container.loose.length === 0 ? list : [...list, ...groups(container.loose)];
}

const NOTHING: Group[] = [];

// Mostly they are.
function inOrder(rounds: Map<number, NodeRun[]>): Iterable<[number, NodeRun[]]> {
  let before = -1;
  for (const round of rounds.keys()) {
    if (round < before) return [...rounds].sort(([one], [other]) => one - other);
    before = round;
  }
  return rounds;
}

// ---- the axis --------------------------------------------------------------------------------------

const LEAST_MS = 100;

/** `before`: the axis of the frame before, which is returned if it is still right. `most`: how many
 * ticks there is room for. */
export function axisOf(state: RunState, presentMs: number, before: Axis | null = null, most = 8): Axis {
  const first = state.started ?? state.nodes[0]?.started;
  const startMs = first ? at(first) : presentMs;
  const isGoing = state.phase !== "ended";
  const latest = state.clock.now ? at(state.clock.now) : startMs;
  const lastMs = isGoing ? Math.max(presentMs, latest) : Math.max(latest, state.ended ? at(state.ended) : latest);
  const span = Math.max(LEAST_MS, lastMs - startMs);
  const step = stepOf(span / 1000, most) * 1000;
  const endMs = startMs + (isGoing ? (Math.floor(span / step) + 1) * step : span);
  if (before && before.startMs === startMs && before.endMs === endMs && before.isOpen === isGoing) return before;
  const ticks: Tick[] = [];
  for (let n = 0; startMs + n * step <= endMs; n++)
    ticks.push({ at: (n * step) / (endMs - startMs), seconds: (n * step) / 1000 });
  return { startMs, endMs, isOpen: isGoing, ticks };
}

// Seconds and minutes as people count them.
const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 43200, 86400];

// The least that has no more than `most` steps in `seconds`.
function stepOf(seconds: number, most: number): number {
  const least = seconds / most;
  const whole = STEPS.find((step) => step >= least);
  if (least > 1) return whole ?? Math.ceil(least / 86400) * 86400;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((digit) => digit * power >= least * (1 - 1e-9)) ?? 10);
}

// ---- bars ------------------------------------------------------------------------------------------

export function barOf(row: Row, axis: Axis, presentMs: number): Bar {
  let startMs = Infinity;
  let endMs = -Infinity;
  let isGrowing = false;
  for (const node of row.members) {
    const growing = axis.isOpen && isOpen(node);
    startMs = Math.min(startMs, at(node.started));
    endMs = Math.max(endMs, growing ? presentMs : endOf(node, axis));
    isGrowing ||= growing;
  }
  const attempts = row.kind !== "node" ? [] : row.node.attempts.map(({ number, started, ended }) =>
    ({ number, start: fraction(axis, at(started)), end: fraction(axis, at(ended)) }));
  const start = fraction(axis, startMs);
  return { start, end: Math.max(start, fraction(axis, endMs)), isGrowing, attempts };
}

// What has no end goes to that of what is around it.
function endOf(node: NodeRun, axis: Axis): number {
  const end = node.ended ?? node.container?.ended;
  return end ? at(end) : axis.endMs;
}

function fraction(axis: Axis, ms: number): number {
  return Math.min(1, Math.max(0, (ms - axis.startMs) / (axis.endMs - axis.startMs)));
}
