// The text that a run streams, and what becomes of it where a break has hidden a part.

import type { JsonObject } from "../lib/types";
import { touch, type RunState } from "./model";
import * as nodes from "./nodes";
import { latestOf } from "./place";
import { object, text, word } from "./wire";

export function addText(state: RunState, piece: string, selector: unknown[]): void {
  const source = text(selector[0]);
  if (state.text.length === 0 && !state.isChat) lackBegin(state, source);
  state.text.push(piece, source ?? "");
  nodes.tellText(state, source, piece);
  touch(state, "text");
}

export function replaceText(state: RunState, whole: unknown): void {
  if (typeof whole !== "string") return;
  state.text.replace(whole);
  state.hasTextGap = false;
  touch(state, "text");
}

/** Another stream: what the one before would have told meanwhile is lost. */
export function cutText(state: RunState): void {
  const { internal } = state;
  internal.cutNodes = state.nodes.length;
  if (state.isChat || state.text.length === 0) return; // a chat's snapshot has it all
  const { source } = state.text;
  internal.cutText = !state.hasTextGap || internal.cutText === source ? source : null;
  state.hasTextGap = true;
  touch(state, "text");
}

// Who had begun before a break may have told something meanwhile.
function lackBegin(state: RunState, source: string | null): void {
  const node = latestOf(state, source);
  if (!node || node.order >= state.internal.cutNodes) return;
  state.hasTextGap = true;
  state.internal.cutText = source;
}

// The outputs of who streamed have what was lost.
export function finishNode(state: RunState, data: JsonObject): void {
  nodes.finishNode(state, data);
  const nodeId = text(data.node_id);
  const whole = text(object(data.outputs)?.text);
  if (!state.hasTextGap || state.internal.cutText !== nodeId || nodeId === null || whole === null) return;
  if (latestOf(state, nodeId)?.container || !state.text.mend(nodeId, whole)) return;
  state.hasTextGap = false;
  touch(state, "text");
}

export function addReasoning(state: RunState, data: JsonObject): void {
  const piece = text(data.reasoning) ?? "";
  state.reasoning.push(piece);
  nodes.tellReasoning(state, word(data.node_id), piece);
  touch(state, "text");
}
