// The rows and bars of a run's timeline (a waterfall), from its state. Pure.
//
//     const layout = new Layout(state);
//     layout.update(collapsed);              // when revs.rows rose, or something was folded
//     const axis = axisOf(state, presentMs); // for each frame
//     for (let i = first; i < last; i++) bar(layout.rows[i], axis)

import type { NodeRun, Note, RunState } from "./model";

/** A row: a node or container, a round of a container, or a group of branches. */
export interface Row {
  key: string; // for lists, selections, and the set of those that are collapsed
  kind: "node" | "round" | "branch";
  node: NodeRun; // of a round its container, of a branch the node it begins with
  round: number | null;
  depth: number; // from 0
  count: number; // rows below it, shown or not; 0: it cannot be folded
  isCollapsed: boolean;
}

/** The span of time that is shown. */
export interface Axis {
  startMs: number; // Unix
  endMs: number;
  presentMs: number | null; // null: the run has ended
  ticks: Tick[];
}

export interface Tick {
  at: number; // 0 … 1 of the axis
  seconds: number; // since the start
}

/** A part of a row's bar, in fractions of the axis. */
export interface Bar {
  start: number;
  end: number;
  isRunning: boolean; // it grows
  attempts: { start: number; end: number; number: number }[]; // failed ones, within the bar
}

export interface Marker {
  at: number; // 0 … 1
  notes: Note[]; // those that would lie upon each other are one
}

export class Layout {
  rows: Row[] = [];

  constructor(readonly state: RunState) {}

  /** Makes `rows` anew if the run's rows or what is collapsed have changed. True: they have. */
  update(_collapsed: ReadonlySet<string>): boolean {
    throw new Error("not yet");
  }

  /** Where the row of a node is; -1: it is not shown. */
  indexOf(_node: NodeRun): number {
    throw new Error("not yet");
  }
}

/** `ticks`: about how many; `presentMs` of Present.at(). */
export function axisOf(_state: RunState, _presentMs: number, _ticks = 6): Axis {
  throw new Error("not yet");
}

export function barOf(_row: Row, _axis: Axis): Bar {
  throw new Error("not yet");
}

/** `near`: what part of the axis is too little to lie beside each other. */
export function markersOf(_state: RunState, _axis: Axis, _near = 0.01): Marker[] {
  throw new Error("not yet");
}
