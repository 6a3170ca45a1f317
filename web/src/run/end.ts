// The result of a run (docs/result.md), which the gateway's last event has: what it says is the
// truth, and it fills in what no event told.

import type { NodeResult, Result } from "../lib/types";
import { isOpen, touch, touchNode, type NodeRun, type RunState } from "./model";
import { addNode, leaveOpen, setStatus, takeUsage } from "./nodes";
import { plainDecimal } from "./parts";
import { list, number, object, text, word } from "./wire";

/** Of a paused run it is not the last one. */
export function takeResult(state: RunState, result: Result): void {
  const data = object(result.data);
  const isPaused = data?.status === "paused";
  state.result = result;
  touch(state, "result", "head");
  if (data) {
    takeNodes(state, result.data);
    takeTotals(state, result.data);
    takeRun(state, result);
  }
  state.phase = isPaused ? "paused" : "ended";
  if (isPaused) return;
  state.error = result.success === false
    ? { code: text(result.code) ?? "", message: text(result.message) ?? text(result.error) ?? "" }
    : null;
  leaveOpen(state);
}

function takeRun(state: RunState, { data, success }: Result): void {
  state.runId ??= word(data.workflow_run_id);
  state.taskId ??= word(data.task_id);
  state.conversationId ??= word(data.conversation_id);
  state.messageId ??= word(data.message_id);
  state.status = word(data.status) ?? (success === false ? "failed" : state.status);
  state.workflowOutputs ??= data.workflow_outputs ?? undefined;
  const answer = text(data.answer);
  if (answer !== null && answer !== String(state.text)) {
    state.text.replace(answer);
    touch(state, "text");
  }
  if (answer !== null) state.hasTextGap = false;
  const created = number(data.created_at);
  if (created !== null) state.started ??= state.clock.start(created);
  const finished = number(data.finished_at);
  if (state.started && data.status !== "paused")
    state.ended ??= finished !== null
      ? state.clock.end(state.started, number(data.metadata?.workflow_elapsed_time), finished)
      : state.clock.now;
  takeWarnings(state, data);
}

function takeTotals(state: RunState, data: Result["data"]): void {
  const { totals } = state;
  const metadata = object(data.metadata);
  if (!metadata) return;
  totals.tokens = number(metadata.total_tokens) ?? totals.tokens;
  totals.steps = number(metadata.total_steps) ?? totals.steps;
  totals.currency = totals.price !== null || number(metadata.total_price) !== 0
    ? word(metadata.currency) ?? totals.currency
    : totals.currency;
  // Ours is a text, and exact: a number of JSON is not where it has many digits.
  const price = plainDecimal(metadata.total_price);
  const isSame = totals.price !== null && Number(totals.price) === Number(price);
  if (price !== null && !isSame && (price !== "0" || totals.price !== null)) totals.price = price;
  state.elapsed ??= number(metadata.workflow_elapsed_time);
  for (const id of list(metadata.incomplete_nodes)) {
    const node = state.internal.byId.get(String(id)) ?? state.internal.byNodeId.get(String(id))?.at(-1);
    if (!node || node.isIncomplete) continue;
    node.isIncomplete = true;
    touchNode(state, node);
  }
}

// The k-th container of a node_id there is the k-th here: their execution ids are seldom known.
function takeNodes(state: RunState, data: Result["data"]): void {
  const seen = new Map<string, number>();
  const known = (told: NodeResult): NodeRun | null => {
    const id = word(told.id);
    const byId = id === null ? undefined : state.internal.byId.get(id);
    if (byId) return byId;
    const nodeId = text(told.node_id) ?? "";
    const runs = (state.internal.byNodeId.get(nodeId) ?? []).filter((run) => run.id === null);
    const place = seen.get(nodeId) ?? 0;
    seen.set(nodeId, place + 1);
    return runs[place] ?? null;
  };
  for (const told of [...list(data.containers), ...list(data.nodes)] as NodeResult[]) {
    if (!object(told)) continue;
    const node = known(told) ?? addNode(state, { ...told }, state.clock.start(number(told.started_at), state.started));
    fill(state, node, told);
  }
}

function fill(state: RunState, node: NodeRun, told: NodeResult): void {
  const status = word(told.status);
  node.type ||= text(told.node_type) ?? "";
  node.title ||= text(told.title) ?? "";
  node.retries = Math.max(node.retries, number(told.retries) ?? 0);
  touchNode(state, node);
  if (status === null || OPEN.has(status)) { // what is told of it is not its last
    if (status === "paused" && node.status === "running") setStatus(state, node, status);
    return;
  }
  node.elapsed ??= number(told.elapsed_time);
  if (isOpen(node) || node.status === "unfinished") {
    node.ended = state.clock.end(node.started, node.elapsed, number(told.finished_at));
    setStatus(state, node, status);
  }
  node.error ??= word(told.error);
  takeUsage(state, node, {
    tokens: number(told.total_tokens), price: plainDecimal(told.total_price), currency: word(told.currency),
  }, false);
}

const OPEN = new Set(["running", "retry", "paused", "pending"]);

function takeWarnings(state: RunState, data: Result["data"]): void {
  list(data.warnings).forEach((warning, place) => {
    const key = `warning:${place}`;
    if (state.notes.some((entry) => entry.key === key)) return;
    state.notes.push({
      key, kind: "warning", state: "", reason: "", text: text(object(warning)?.reason) ?? "", waitMs: 0,
      at: state.clock.now, node: null,
    });
    touch(state, "notes");
  });
}
