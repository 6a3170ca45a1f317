// What events of nodes, iterations and loops change in the state: docs/result.md, rule 8.

import type { JsonObject } from "../lib/types";
import { type Moment, sane } from "./clock";
import { hasFailed, isOpen, touch, touchNode, type NodeRun, type NodeStatus, type RunState } from "./model";
import { plainDecimal, Text } from "./parts";
import { branchOf, latestOf, placeNode, roundmates, setRound } from "./place";
import { list, number, object, text, word } from "./wire";

/** Every change of a node's status goes through here, as the totals count them. */
export function setStatus(state: RunState, node: NodeRun, status: NodeStatus): void {
  count(state, node, -1);
  node.status = status;
  count(state, node, 1);
  touchNode(state, node);
  touch(state, "head");
}

function count(state: RunState, node: NodeRun, by: 1 | -1): void {
  if (node.isContainer) return;
  const { totals } = state;
  if (isOpen(node)) totals.running += by;
  else if (node.status !== "unfinished") totals.done += by;
  if (hasFailed(node)) totals.failed += by;
}

/** A new execution, at the end of the list. */
export function addNode(state: RunState, data: JsonObject, started: Moment): NodeRun {
  const { internal } = state;
  const nodeId = text(data.node_id) ?? "";
  const type = text(data.node_type) ?? "";
  const isContainer = type === "iteration" || type === "loop";
  const id = text(data.id) === nodeId && isContainer ? null : word(data.id);
  const node: NodeRun = {
    key: id !== null && !isContainer ? id : `${nodeId}:${internal.serial++}`,
    id, nodeId, type, title: text(data.title) ?? "", index: number(data.index) ?? 0,
    order: state.nodes.length, status: "running",
    isContainer, container: null, round: null, branch: branchOf(data),
    children: [], byRound: new Map(), loose: [], rounds: 0, length: null, isParallel: false, knowsRound: false, roundElapsed: null,
    started, ended: null, elapsed: null, attempts: [], retries: 0,
    inputs: undefined, outputs: undefined, processData: undefined, metadata: null,
    error: null, tokens: null, price: null, currency: null, files: [], logs: new Map(),
    text: null, reasoning: null, isIncomplete: false, rev: 0,
  };
  state.nodes.push(node);
  state.byKey.set(node.key, node);
  if (id !== null) internal.byId.set(id, node);
  const runs = internal.byNodeId.get(nodeId);
  if (runs) runs.push(node);
  else internal.byNodeId.set(nodeId, [node]);
  if (!isContainer) state.totals.nodes++;
  count(state, node, 1);
  placeNode(state, node, data);
  touch(state, "rows", "nodes", "head");
  return node;
}

// ---- nodes -----------------------------------------------------------------------------------------

// By execution id; without one, the latest unfinished of the node_id.
function findNode(state: RunState, data: JsonObject): NodeRun | null {
  const id = word(data.id);
  if (id !== null) return state.internal.byId.get(id) ?? null;
  const runs = state.internal.byNodeId.get(text(data.node_id) ?? "");
  return runs?.findLast(isOpen) ?? null;
}

// What any event tells of a node, where it was not known.
function describe(state: RunState, node: NodeRun, data: JsonObject): void {
  node.type ||= text(data.node_type) ?? "";
  node.title ||= text(data.title) ?? "";
  node.index = Math.max(node.index, number(data.index) ?? 0); // live events say 1, a snapshot the true one
  node.branch ??= branchOf(data);
  node.inputs ??= data.inputs ?? undefined;
  if (!node.container) placeNode(state, node, data);
  else setRound(state, node, data);
  touchNode(state, node);
}

export function startNode(state: RunState, data: JsonObject): void {
  const created = number(data.created_at);
  let node = findNode(state, data);
  if (node) {
    if (node.status === "paused") { // its form was submitted
      state.clock.start(created);
      setStatus(state, node, "running");
    }
    describe(state, node, data);
    return;
  }
  node = addNode(state, data, startOf(state, data));
  describe(state, node, data);
}

function startOf(state: RunState, data: JsonObject): Moment {
  const outer = latestOf(state, word(data.loop_id)) ?? latestOf(state, word(data.iteration_id));
  const second = number(data.created_at);
  if (outer?.isParallel) return state.clock.beside(second, outer.started);
  return state.clock.start(second, outer?.started ?? state.started);
}

// The events of parallel rounds come in a burst for each, when it is done: a node began when the one
// before it in its round ended, whatever came between.
function endBeside(state: RunState, node: NodeRun, data: JsonObject): Moment {
  const mates = roundmates(node.container!, node.round);
  const before = mates[mates.indexOf(node) - 1]?.ended ?? node.container!.started;
  if (node.round !== null && node.attempts.length === 0)
    node.started = state.clock.beside(number(data.created_at), before);
  return after(node.attempts.at(-1)?.ended ?? node.started, number(data.elapsed_time));
}

function after({ segment, offsetMs }: Moment, seconds: number | null): Moment {
  return { segment, offsetMs: offsetMs + (sane(seconds) ?? 0) * 1000 };
}

export function finishNode(state: RunState, data: JsonObject): void {
  const node = findNode(state, data)
    ?? addNode(state, data, startOf(state, data));
  describe(state, node, data);
  endNode(state, node, data, true);
}

// The first end that is no pause counts; what it does not tell a later one may.
function endNode(state: RunState, node: NodeRun, data: JsonObject, counts: boolean): void {
  const status = word(data.status) ?? "succeeded";
  const wasOpen = isOpen(node) || node.status === "unfinished";
  if (wasOpen && status === "paused") {
    setStatus(state, node, status);
    return;
  }
  const elapsed = number(data.elapsed_time);
  if (wasOpen) {
    setStatus(state, node, status);
    node.ended = node.container?.isParallel ? endBeside(state, node, data)
      : state.clock.end(node.started, elapsed, number(data.finished_at));
  }
  node.elapsed ??= elapsed;
  node.error ??= word(data.error);
  node.outputs ??= data.outputs ?? undefined;
  node.processData ??= data.process_data ?? undefined;
  node.metadata ??= object(data.execution_metadata);
  if (node.files.length === 0) node.files = list(data.files);
  if (node.outputs !== undefined) node.text = null;
  const meta = object(data.execution_metadata);
  takeUsage(state, node, {
    tokens: number(meta?.total_tokens) ?? number(data.total_tokens),
    price: plainDecimal(meta?.total_price),
    currency: word(meta?.currency),
  }, counts);
  node.isIncomplete = state.resumed > 0 && !node.isContainer && node.metadata === null &&
    [node.inputs, node.outputs, node.processData].every((value) => object(value) === null);
}

export interface Usage {
  tokens: number | null;
  price: string | null;
  currency: string | null;
}

/** Figures of a node, where they were not known yet; those that count are added to the totals. */
export function takeUsage(state: RunState, node: NodeRun, usage: Usage, counts: boolean): void {
  const told: Usage = {
    tokens: node.tokens === null ? usage.tokens : null,
    price: node.price === null ? usage.price : null,
    currency: node.currency === null ? usage.currency : null,
  };
  node.tokens ??= usage.tokens;
  node.price ??= usage.price;
  node.currency ??= usage.currency;
  if (counts) addUsage(state, told);
}

function addUsage(state: RunState, { tokens, price, currency }: Usage): void {
  const { internal, totals } = state;
  internal.tokens += tokens ?? 0;
  if (price !== null) internal.price.add(price);
  if (tokens !== null && !internal.hasTokens) totals.tokens = internal.tokens;
  if (price !== null) totals.price = internal.price.toString();
  totals.currency = currency ?? totals.currency;
  touch(state, "head");
}

/** Returns the node. What a failed attempt cost counts in the totals, but is not the node's own. */
export function retryNode(state: RunState, data: JsonObject): NodeRun {
  const node = findNode(state, data) ?? latestContainer(state, data)
    ?? addNode(state, data, startOf(state, data));
  describe(state, node, data);
  const meta = object(data.execution_metadata);
  const started = node.attempts.at(-1)?.ended ?? node.started;
  const elapsed = number(data.elapsed_time);
  node.attempts.push({
    number: number(data.retry_index) ?? node.attempts.length + 1,
    error: word(data.error),
    started, elapsed,
    ended: node.container?.isParallel ? after(started, elapsed)
      : state.clock.end(started, elapsed, number(data.finished_at)),
  });
  node.retries = Math.max(node.retries, node.attempts.length);
  if (!node.isContainer)
    addUsage(state, {
      tokens: number(meta?.total_tokens), price: plainDecimal(meta?.total_price), currency: word(meta?.currency),
    });
  node.text = node.reasoning = null; // the next one tells them again
  if (isOpen(node)) setStatus(state, node, "retry");
  return node;
}

// ---- containers ------------------------------------------------------------------------------------

function latestContainer(state: RunState, data: JsonObject): NodeRun | null {
  const found = latestOf(state, text(data.node_id));
  return found?.isContainer ? found : null;
}

/** iteration_started, loop_started: always another one. */
export function startContainer(state: RunState, data: JsonObject): void {
  const outer = latestOf(state, word(data.loop_id)) ?? latestOf(state, word(data.iteration_id));
  const node = addNode(state, data, state.clock.start(number(data.created_at), outer?.started ?? state.started));
  const metadata = object(data.metadata);
  node.length = number(metadata?.iteration_length) ?? number(metadata?.loop_length);
  node.inputs = data.inputs ?? undefined;
  node.knowsRound = true;
  if (node.type === "loop") node.rounds = 1; // there is no loop_next of the first round
}

/** A snapshot's node_started of a container: one that was seen live gets its execution id. */
export function nameContainer(state: RunState, data: JsonObject): void {
  const id = word(data.id);
  const runs = state.internal.byNodeId.get(text(data.node_id) ?? "") ?? [];
  let node = id !== null ? state.internal.byId.get(id) : runs.findLast(isOpen);
  if (!node && id !== null) node = runs.find((run) => run.id === null);
  if (!node) {
    node = addNode(state, data, startOf(state, data));
  } else if (id !== null && node.id === null) {
    node.id = id;
    state.internal.byId.set(id, node);
  }
  describe(state, node, data);
}

/** iteration_next, loop_next. */
export function nextRound(state: RunState, data: JsonObject): void {
  const node = latestContainer(state, data);
  if (!node) return;
  const round = number(data.index) ?? node.rounds;
  state.clock.start(number(data.created_at), node.started);
  // A round begins where the one before has not had a node yet: they run beside each other, and a
  // node's start does not tell in which of them it is.
  if (round > 0 && node.knowsRound && !node.byRound.has(round - 1))
    node.isParallel = true;
  node.rounds = Math.max(node.rounds, round + 1);
  node.knowsRound = true;
  touchNode(state, node);
}

/** iteration_completed, loop_completed; a node_finished of a container. */
export function finishContainer(state: RunState, data: JsonObject): void {
  const id = text(data.id) === text(data.node_id) ? null : word(data.id);
  const node = (id !== null ? state.internal.byId.get(id) : null) ?? latestContainer(state, data)
    ?? addNode(state, data, state.clock.start(number(data.created_at), state.started));
  describe(state, node, data);
  endNode(state, node, data, false);
  const meta = object(data.execution_metadata);
  node.roundElapsed ??= (object(meta?.iteration_duration_map) ?? object(meta?.loop_duration_map)) as
    Record<string, number> | null;
  for (const child of node.children) if (isOpen(child)) setStatus(state, child, "unfinished");
}

/** Whatever is open will not be told the end of. */
export function leaveOpen(state: RunState): void {
  for (const node of state.nodes) if (isOpen(node)) setStatus(state, node, "unfinished");
}

// ---- what nodes tell meanwhile ---------------------------------------------------------------------

/** A piece of a node's outputs, by the first part of the selector that it came from. */
export function tellText(state: RunState, nodeId: string | null, piece: string): void {
  const node = latestOf(state, nodeId);
  if (!node || !isOpen(node)) return;
  (node.text ??= new Text()).push(piece);
  touchNode(state, node);
}

export function tellReasoning(state: RunState, nodeId: string | null, piece: string): void {
  const node = latestOf(state, nodeId);
  if (!node) return;
  (node.reasoning ??= new Text()).push(piece);
  touchNode(state, node);
}

/** agent_log: a step of an agent, told again when it ends. */
export function tellLog(state: RunState, data: JsonObject): void {
  const node = latestOf(state, word(data.node_id) ?? word(data.node_execution_id));
  if (!node) return;
  const id = text(data.id) ?? "";
  const log = {
    id, parent: word(data.parent_id), label: text(data.label) ?? "", status: text(data.status) ?? "",
    error: word(data.error), data: data.data, metadata: data.metadata,
  };
  node.logs.set(id, log);
  touchNode(state, node);
}
