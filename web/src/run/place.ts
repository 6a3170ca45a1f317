// Where in a run an execution belongs: which of a node's it is, in which container, round and branch.

import type { JsonObject } from "../lib/types";
import { isOpen, touch, touchNode, type Branch, type NodeRun, type RunState } from "./model";
import { number, object, word } from "./wire";

/** The latest execution of a node that has not ended, else the latest one. */
export function latestOf(state: RunState, nodeId: string | null): NodeRun | null {
  const runs = nodeId === null ? undefined : state.internal.byNodeId.get(nodeId);
  if (!runs) return null;
  const last = runs[runs.length - 1]!;
  if (!isOpen(last) && last.isContainer) return runs.findLast(isOpen) ?? last;
  return last;
}

/** The branch that an event tells of, where releases do. */
export function branchOf(data: JsonObject): Branch | null {
  const meta = object(data.execution_metadata);
  const get = (name: string) => word(data[name]) ?? word(meta?.[name]);
  const id = get("parallel_id");
  if (id === null) return null;
  return {
    id, start: get("parallel_start_node_id"), parent: get("parent_parallel_id"),
    parentStart: get("parent_parallel_start_node_id"),
  };
}

export function placeNode(state: RunState, node: NodeRun, data: JsonObject): void {
  const outer = containerFor(state, node, data);
  if (!outer || !putInto(state, node, outer)) return;
  setRound(state, node, data);
}

// False: it would be within itself, as no true server tells.
function putInto(state: RunState, node: NodeRun, outer: NodeRun): boolean {
  for (let around: NodeRun | null = outer; around; around = around.container) if (around === node) return false;
  node.container = outer;
  node.round = likelyRound(node, outer);
  outer.children.push(node);
  outer.rounds = Math.max(outer.rounds, (node.round ?? -1) + 1);
  roundmates(outer, node.round).push(node);
  touch(state, "rows");
  return true;
}

// No start tells its round, but where they follow each other it is the latest. If a gap has hidden
// which that is, another one has begun when a node comes again.
function likelyRound(node: NodeRun, outer: NodeRun): number | null {
  if (outer.isParallel) return null;
  if (outer.knowsRound) return Math.max(0, outer.rounds - 1);
  const before = outer.children.at(-1)?.round ?? null;
  if (before === null || (outer.type !== "loop" && outer.rounds < 2)) return null;
  const isAgain = outer.byRound.get(before)!.some((mate) => mate.nodeId === node.nodeId);
  return isAgain ? before + 1 : before;
}

export function roundmates(container: NodeRun, round: number | null): NodeRun[] {
  if (round === null) return container.loose;
  let nodes = container.byRound.get(round);
  if (!nodes) container.byRound.set(round, (nodes = []));
  return nodes;
}

// A loop in an iteration (or the other way) is told only by the nodes in it, which name both; and by
// how it was the time before.
function containerFor(state: RunState, node: NodeRun, data: JsonObject): NodeRun | null {
  const named = [data.iteration_id, data.loop_id]
    .map((id) => (word(id) === node.nodeId ? null : latestOf(state, word(id))))
    .filter((found) => found?.isContainer) as NodeRun[];
  const [one, other] = named;
  if (one && other) {
    const [outer, inner] = one.order < other.order ? [one, other] : [other, one];
    if (!inner.container) putInto(state, inner, outer);
    return inner;
  }
  if (one) return one;
  if (!node.isContainer) return null;
  const before = state.internal.byNodeId.get(node.nodeId)!.at(-2)?.container;
  const outer = before ? latestOf(state, before.nodeId) : null;
  return outer && isOpen(outer) ? outer : null;
}

function moveTo(node: NodeRun, container: NodeRun, round: number): void {
  const before = roundmates(container, node.round);
  before.splice(before.lastIndexOf(node), 1);
  if (before.length === 0 && node.round !== null) container.byRound.delete(node.round);
  const mates = roundmates(container, round);
  node.round = round;
  mates.push(node);
  mates.sort((one, other) => one.order - other.order);
}

// The round that an end tells, its own and that of the container around.
export function setRound(state: RunState, node: NodeRun, data: JsonObject): void {
  const meta = object(data.execution_metadata);
  for (let at: NodeRun | null = node; at?.container; at = at.container) {
    const name = at.container.type === "loop" ? "loop_index" : "iteration_index";
    const round = number(meta?.[name]) ?? number(data[name]);
    if (round === null || round === at.round) continue;
    moveTo(at, at.container, round);
    at.container.rounds = Math.max(at.container.rounds, round + 1);
    touchNode(state, at);
    touch(state, "rows");
  }
}
