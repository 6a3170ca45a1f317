// Changes the state of a run by what came, one event after the other. How long that takes does not
// depend on what came before, but for the few events that end something.
//
// Servers send what they like: what is missing, null or of another type is as if it were not there,
// and nothing here throws. After a break the gateway's stream has a snapshot in which everything so
// far is told again, without figures: nothing is there twice then, and nothing known is lost.

import type { JsonObject } from "../lib/types";
import { takeResult } from "./end";
import type { RunEvent } from "./follow";
import { newRun, resetRun, touch, type Note, type PauseForm, type RunState, type Upstream } from "./model";
import * as nodes from "./nodes";
import { plainDecimal } from "./parts";
import { latestOf } from "./place";
import { addReasoning, addText, cutText, finishNode, replaceText } from "./texts";
import { list, number, object, text, word } from "./wire";

export { newRun, resetRun };

/** Takes what came into the state. */
export function reduce(state: RunState, event: RunEvent): void {
  const { rev } = state.clock;
  if (event.kind === "event") take(state, event.data);
  else if (event.kind === "follow") takeFollow(state, event.data);
  else if (event.kind === "end") takeResult(state, event.data);
  else state.unreadableEvents++;
  if (state.clock.rev !== rev) touch(state, "times");
}

type Take = (state: RunState, data: JsonObject, event: JsonObject) => void;

// Chat events are flat: for them `data` is the event.
const TAKE: { [event: string]: Take } = {
  workflow_started: startRun,
  workflow_paused: pauseRun,
  workflow_finished: finishRun,
  node_started: (state, data) => isContainer(data) ? nodes.nameContainer(state, data) : nodes.startNode(state, data),
  node_finished: (state, data) => isContainer(data) ? nodes.finishContainer(state, data) : finishNode(state, data),
  node_retry: retry,
  iteration_started: nodes.startContainer,
  loop_started: nodes.startContainer,
  iteration_next: nodes.nextRound,
  loop_next: nodes.nextRound,
  iteration_completed: nodes.finishContainer,
  loop_completed: nodes.finishContainer,
  text_chunk: (state, data) => addText(state, text(data.text) ?? "", list(data.from_variable_selector)),
  text_replace: (state, data) => replaceText(state, data.text),
  reasoning_chunk: addReasoning,
  agent_log: nodes.tellLog,
  message: (state, data) => addAnswer(state, data, false),
  agent_message: (state, data) => addAnswer(state, data, true),
  message_replace: replaceAnswer,
  message_end: endMessage,
  message_file: addFile,
  agent_thought: addThought,
  human_input_required: requireForm,
  human_input_form_filled: (state, data) => closeForm(state, data, false),
  human_input_form_timeout: (state, data) => closeForm(state, data, true),
  tts_message: (state) => { state.speechPieces++; },
  tts_message_end: () => {},
  error: fail,
};

function isContainer(data: JsonObject): boolean {
  return data.node_type === "iteration" || data.node_type === "loop";
}

function take(state: RunState, event: JsonObject): void {
  const name = text(event.event) ?? "";
  if (name === "ping") return;
  state.events++;
  state.revs.all++;
  const took = Object.hasOwn(TAKE, name) ? TAKE[name]! : null;
  if (!took) {
    state.unknownEvents++;
    return;
  }
  state.runId ??= word(event.workflow_run_id);
  // A snapshot has the run's id for the task's.
  const taskId = word(event.task_id);
  if (taskId !== null && (state.taskId === null || state.taskId === state.runId)) state.taskId = taskId;
  state.conversationId ??= word(event.conversation_id);
  state.messageId ??= word(event.message_id);
  if (state.phase === "waiting") {
    state.phase = "running";
    state.status = "running";
    touch(state, "head");
  }
  took(state, object(event.data) ?? event, event);
}

export function note(state: RunState, told: Pick<Note, "kind"> & Partial<Note>): void {
  state.notes.push({
    key: `note:${state.notes.length}`, state: "", reason: "", text: "", waitMs: 0,
    at: state.clock.now, node: null, ...told,
  });
  touch(state, "notes");
}

// ---- the run ---------------------------------------------------------------------------------------

function startRun(state: RunState, data: JsonObject): void {
  state.workflowId ??= word(data.workflow_id);
  state.inputs ??= object(data.inputs);
  const isResumption = data.reason === "resumption";
  if (!state.started || isResumption) {
    const moment = state.clock.start(number(data.created_at));
    state.started ??= moment;
  }
  if (state.phase === "paused" && isResumption) {
    state.phase = "running";
    state.status = "running";
    for (const form of state.forms) form.isOpen = false;
    touch(state, "forms");
    note(state, { kind: "continued" });
  }
  touch(state, "head");
}

function pauseRun(state: RunState, data: JsonObject): void {
  for (const reason of list(data.reasons)) {
    const form = object(reason);
    if (form && word(form.form_id) !== null) requireForm(state, form);
  }
  if (state.phase === "paused") return; // a snapshot says so again
  state.phase = "paused";
  state.status = "paused";
  state.totals.steps = number(data.total_steps) ?? state.totals.steps;
  note(state, { kind: "paused" });
  touch(state, "head");
}

function finishRun(state: RunState, data: JsonObject): void {
  const { totals, internal } = state;
  state.status = word(data.status);
  state.workflowId ??= word(data.workflow_id);
  state.workflowOutputs = data.outputs ?? state.workflowOutputs;
  state.elapsed = number(data.elapsed_time);
  totals.steps = number(data.total_steps) ?? totals.steps;
  const tokens = number(data.total_tokens);
  if (tokens !== null && tokens > 0) {
    totals.tokens = tokens;
    internal.hasTokens = true;
  }
  const error = word(data.error);
  if (error !== null) state.error = { code: "", message: error };
  state.started ??= state.clock.start(number(data.created_at));
  state.ended = state.clock.end(state.started, state.elapsed, number(data.finished_at));
  end(state);
}

function end(state: RunState): void {
  state.phase = "ended";
  nodes.leaveOpen(state);
  touch(state, "head");
}

/** Nobody will tell more of it. */
export function loseRun(state: RunState): void {
  if (state.phase === "ended") return;
  state.status = "unseen";
  end(state);
}

function fail(state: RunState, data: JsonObject): void {
  const message = text(data.message) ?? "";
  state.error = { code: text(data.code) ?? "", message };
  state.status = "failed";
  note(state, { kind: "error", text: message });
  startChat(state, data);
  state.ended ??= state.clock.now;
  end(state);
}

function retry(state: RunState, data: JsonObject): void {
  const node = nodes.retryNode(state, data);
  // A chat's answer keeps what the failed attempt said, at Dify too.
  if (!state.isChat) state.text.drop(node.nodeId);
  note(state, { kind: "retry", text: word(data.error) ?? "", node });
  touch(state, "text");
}

// ---- chats -----------------------------------------------------------------------------------------

function startChat(state: RunState, event: JsonObject): void {
  state.started ??= state.clock.start(number(event.created_at));
}

function addAnswer(state: RunState, event: JsonObject, isAgent: boolean): void {
  const piece = text(event.answer) ?? "";
  state.isChat = true;
  startChat(state, event);
  if (isAgent) state.internal.hasAgentMessage = true;
  // A New Agent's closing `message` has the whole answer again.
  if (!isAgent && state.internal.hasAgentMessage && piece.startsWith(String(state.text))) replaceText(state, piece);
  else addText(state, piece, list(event.from_variable_selector));
}

function replaceAnswer(state: RunState, event: JsonObject): void {
  state.isChat = true;
  replaceText(state, event.answer);
  const reason = word(event.reason); // none: a snapshot's
  if (reason !== null) note(state, { kind: "replaced", reason });
}

function endMessage(state: RunState, event: JsonObject): void {
  const metadata = object(event.metadata);
  const usage = object(metadata?.usage);
  state.isChat = true;
  startChat(state, event);
  state.sources = list(metadata?.retriever_resources);
  for (const file of list(event.files)) if (object(file)) addFile(state, object(file)!);
  touch(state, "thoughts");
  if (state.nodes.length > 0) return; // a chatflow: its workflow_finished tells of the end
  const { totals } = state;
  totals.tokens = number(usage?.total_tokens) ?? totals.tokens;
  totals.price = plainDecimal(usage?.total_price) ?? totals.price;
  totals.currency = word(usage?.currency) ?? totals.currency;
  state.elapsed = number(usage?.latency);
  state.status = "succeeded";
  state.ended = state.clock.end(state.started!, state.elapsed, null);
  end(state);
}

function addFile(state: RunState, data: JsonObject): void {
  const id = text(data.id) ?? "";
  const url = text(data.url) ?? "";
  if (state.files.some((file) => file.id === id && file.url === url)) return;
  state.files.push({ id, type: text(data.type) ?? "", belongsTo: text(data.belongs_to) ?? "", url });
  touch(state, "thoughts");
}

function addThought(state: RunState, event: JsonObject): void {
  state.isChat = true;
  startChat(state, event);
  const id = text(event.id) ?? "";
  const thought = {
    id, position: number(event.position) ?? state.thoughts.length + 1,
    thought: text(event.thought) ?? "", observation: text(event.observation) ?? "",
    tool: text(event.tool) ?? "", toolInput: text(event.tool_input) ?? "",
    files: list(event.message_files).filter((file) => typeof file === "string"),
  };
  const known = state.thoughts.findLastIndex((entry) => entry.id === id);
  if (known < 0) state.thoughts.push(thought);
  else state.thoughts[known] = thought;
  touch(state, "thoughts");
}

// ---- forms -----------------------------------------------------------------------------------------

function requireForm(state: RunState, data: JsonObject): void {
  const formId = text(data.form_id) ?? "";
  const nodeId = text(data.node_id) ?? "";
  const node = latestOf(state, nodeId);
  if (node && node.status === "running") nodes.setStatus(state, node, "paused");
  if (state.forms.some((form) => form.formId === formId)) return;
  const expires = number(data.expiration_time);
  const form: PauseForm = {
    formId, nodeId, title: text(data.node_title) ?? "", isOpen: true, hasExpired: false, action: null,
    expiresMs: expires === null ? null : expires * 1000, data,
  };
  state.forms.push(form);
  touch(state, "forms");
}

function closeForm(state: RunState, data: JsonObject, hasExpired: boolean): void {
  const form = state.forms.findLast((entry) => entry.nodeId === text(data.node_id));
  const node = latestOf(state, word(data.node_id));
  if (node?.status === "paused") nodes.setStatus(state, node, "running");
  if (!form) return;
  form.isOpen = false;
  form.hasExpired = hasExpired;
  form.action = word(data.action_text) ?? word(data.action_id);
  touch(state, "forms");
}

// ---- the gateway's stream --------------------------------------------------------------------------

const UPSTREAM = new Set(["streaming", "waiting", "suspect", "searching", "broken", "resuming", "polling"]);

function takeFollow(state: RunState, data: JsonObject): void {
  const told = text(data.state) ?? "";
  if (!UPSTREAM.has(told)) return;
  const { internal } = state;
  // What goes on after a form, or begins, is no news.
  const isExpected = state.phase === "paused" || (told === "streaming" && state.upstream === "none");
  state.upstream = told as Upstream;
  touch(state, "head");
  if (isExpected) return;
  if (told === "streaming" && internal.isBroken) takeUp(state);
  if (told !== "streaming" && told !== "suspect" && told !== "waiting") {
    internal.isBroken = true;
    reopen(state);
  }
  note(state, {
    kind: "connection", state: told, reason: text(data.reason) ?? "", text: text(data.message) ?? "",
    waitMs: number(data.wait_ms) ?? 0,
  });
}

// Another stream: what the one before would have told meanwhile is told in a snapshot, or never.
function takeUp(state: RunState): void {
  state.internal.isBroken = false;
  state.resumed++;
  cutText(state);
  for (const node of state.nodes) if (node.isContainer) node.knowsRound = false;
}

// Some releases make up an end for a stream that they lost: the gateway does not believe it.
function reopen(state: RunState): void {
  if (state.phase !== "ended" || state.result) return;
  state.phase = "running";
  state.status = "running";
  state.error = null;
  state.ended = null;
  for (const node of state.nodes) if (node.status === "unfinished") nodes.setStatus(state, node, "running");
}
