// The state of a run as the page shows it. It is changed in place by reduce(), one event after the
// other; nobody else writes to it.
//
// What changed is told by counters, so that a view renders again only for what it shows: a node has
// its own (`rev`), and RunState.revs has one for each part. All counters only rise.
//
// Times are Moments, see clock.ts: at(moment) is Unix milliseconds. Durations are seconds, as Dify
// sends them. What is not known is null; `undefined` stands for JSON that never came.

import type { JsonObject, Result } from "../lib/types";
import { Clock, type Moment } from "./clock";
import { Decimal, Text } from "./parts";

// Dify's words, for nodes: running, succeeded, failed, exception, stopped, paused, retry, pending;
// and one of ours, `unfinished`: the run has ended, and of this node no end was seen.
export type NodeStatus = string;

// A try of a node that failed, from node_retry.
export interface Attempt {
  number: number; // from 1
  error: string | null;
  started: Moment;
  ended: Moment;
  elapsed: number | null;
}

// A step of an agent node (agent_log): a tree by `parent`.
export interface AgentLog {
  id: string;
  parent: string | null;
  label: string;
  status: string; // start, success, error
  error: string | null;
  data: unknown;
  metadata: unknown;
}

// Branches that run beside each other, of releases that tell (the newer do not).
export interface Branch {
  id: string; // parallel_id
  start: string | null; // the node_id that this branch begins with
  parent: string | null; // the branch's own parallel_id around it
  parentStart: string | null;
}

// One execution of a node, or of a container: an iteration or a loop.
export interface NodeRun {
  key: string; // of this execution in this state: for lists and selections
  id: string | null; // Dify's execution id; of a container often unknown
  nodeId: string;
  type: string; // llm, code, http-request, iteration, loop, …
  title: string;
  index: number; // Dify's; 0: unknown
  order: number; // its place in RunState.nodes
  status: NodeStatus;

  isContainer: boolean;
  container: NodeRun | null; // that it runs in
  round: number | null; // of its container, from 0; null: none, or not told yet
  branch: Branch | null;
  // Of containers:
  children: NodeRun[]; // in order of first sight
  byRound: Map<number, NodeRun[]>; // those of which the round is known
  loose: NodeRun[]; // the others
  rounds: number; // that have begun
  length: number | null; // how many there will be; of a loop at most
  isParallel: boolean; // its rounds run beside each other
  knowsRound: boolean; // the latest round that was told is the one that runs
  roundElapsed: Record<string, number> | null; // seconds by round, told at its end

  started: Moment;
  ended: Moment | null;
  elapsed: number | null;
  attempts: Attempt[];
  retries: number; // attempts.length, or more where only the result tells of them

  inputs: unknown;
  outputs: unknown;
  processData: unknown;
  metadata: JsonObject | null; // execution_metadata
  error: string | null;
  tokens: number | null;
  price: string | null; // exact, a plain decimal
  currency: string | null;
  files: unknown[];
  logs: Map<string, AgentLog>; // by its id
  text: Text | null; // what its last attempt streams, until `outputs` has it
  reasoning: Text | null;

  isIncomplete: boolean; // it ended while nobody listened: outputs and figures did not come
  rev: number;
}

// What became of the connection between the gateway and Dify, and what else the timeline should
// mention. `kind` is for icons and words; `text` is the gateway's or Dify's own, in English.
export interface Note {
  key: string;
  kind: "connection" | "retry" | "warning" | "error" | "paused" | "continued" | "replaced";
  // Of `connection`, the gateway's word: waiting, suspect, searching, broken, resuming, polling,
  // streaming
  state: string;
  reason: string;
  text: string;
  waitMs: number;
  at: Moment | null;
  node: NodeRun | null;
}

// The stream that the gateway reads from Dify at this moment, by its last `follow` event.
export type Upstream =
  | "none" // nothing was told yet
  | "streaming"
  | "waiting"
  | "suspect"
  | "searching"
  | "broken"
  | "resuming"
  | "polling";

// An agent app's thought; updated under the same id.
export interface Thought {
  id: string;
  position: number;
  thought: string;
  observation: string;
  tool: string;
  toolInput: string;
  files: string[];
}

// A file of a chat's answer (message_file).
export interface MessageFile {
  id: string;
  type: string;
  belongsTo: string;
  url: string;
}

// A form that a paused run waits for. What it looks like is asked at api/runs/ID/form.
export interface PauseForm {
  formId: string;
  nodeId: string;
  title: string;
  isOpen: boolean;
  hasExpired: boolean;
  action: string | null; // of a form that was filled in
  expiresMs: number | null; // Unix
  data: JsonObject; // as human_input_required told
}

export interface RunError {
  code: string;
  message: string;
}

// waiting: nothing of Dify's was seen. ended: no event will change it but the result.
export type Phase = "waiting" | "running" | "paused" | "ended";

export interface Totals {
  nodes: number; // known, containers not counted
  done: number; // of them, ended in whatever way
  failed: number;
  running: number;
  tokens: number | null; // the run's own word where there is one, else the sum
  price: string | null; // exact, a plain decimal; null: no node told of one
  currency: string | null;
  steps: number | null; // as Dify counts, told at the end
}

// What a view looks at to know whether it has to render again.
export interface Revs {
  all: number; // any of them, and any node
  head: number; // status, totals, times of the run, upstream, error
  rows: number; // which rows the timeline has, and where
  nodes: number; // any node's own `rev`
  times: number; // where moments are, also those that were told before
  text: number;
  thoughts: number; // and files of the answer
  notes: number;
  forms: number;
  result: number;
}

export interface RunState {
  runId: string | null; // Dify's workflow_run_id
  taskId: string | null;
  workflowId: string | null;
  conversationId: string | null;
  messageId: string | null;
  phase: Phase;
  status: string | null; // Dify's word, as in Result
  isChat: boolean;
  inputs: JsonObject | null; // sys.* among them
  workflowOutputs: unknown;
  error: RunError | null;
  totals: Totals;
  elapsed: number | null; // seconds, as Dify told at the end
  started: Moment | null;
  ended: Moment | null;

  nodes: NodeRun[]; // in order of first sight, containers among them
  byKey: Map<string, NodeRun>;

  text: Text; // the answer, or what a workflow streamed
  hasTextGap: boolean; // some of it was lost with a connection; the result has it all
  reasoning: Text;
  thoughts: Thought[];
  files: MessageFile[];
  sources: unknown[]; // retriever_resources of message_end
  speechPieces: number; // tts_message

  notes: Note[];
  upstream: Upstream;
  resumed: number; // how often the stream from Dify was taken up again after a break
  forms: PauseForm[];
  result: Result | null; // of `end`; of a paused run, too

  events: number; // of Dify's
  unknownEvents: number;
  unreadableEvents: number;

  clock: Clock;
  revs: Revs;
  internal: Internal;
}

/** For reduce.ts and what belongs to it alone. */
export interface Internal {
  byId: Map<string, NodeRun>; // Dify's execution id
  byNodeId: Map<string, NodeRun[]>; // executions of a node, in order
  price: Decimal;
  tokens: number;
  serial: number;
  isBroken: boolean; // the stream from Dify, and none began since
  cutText: string | null; // node_id of whose text alone a part is lacking
  cutNodes: number; // that were known when the latest stream began
  hasAgentMessage: boolean;
  hasTokens: boolean; // the run itself told how many
}

/** A run of which nothing was told yet. */
export function newRun(): RunState {
  return {
    runId: null, taskId: null, workflowId: null, conversationId: null, messageId: null,
    phase: "waiting", status: null, isChat: false, inputs: null, workflowOutputs: null, error: null,
    totals: {
      nodes: 0, done: 0, failed: 0, running: 0, tokens: null, price: null, currency: null, steps: null,
    },
    elapsed: null, started: null, ended: null,
    nodes: [], byKey: new Map(),
    text: new Text(), hasTextGap: false, reasoning: new Text(), thoughts: [], files: [], sources: [],
    speechPieces: 0,
    notes: [], upstream: "none", resumed: 0, forms: [], result: null,
    events: 0, unknownEvents: 0, unreadableEvents: 0,
    clock: new Clock(),
    revs: {
      all: 0, head: 0, rows: 0, nodes: 0, times: 0, text: 0, thoughts: 0, notes: 0, forms: 0, result: 0,
    },
    internal: {
      byId: new Map(), byNodeId: new Map(), price: new Decimal(), tokens: 0, serial: 0,
      isBroken: false, cutText: null, cutNodes: 0, hasAgentMessage: false, hasTokens: false,
    },
  };
}

/** Forgets all that was told; the counters go on. */
export function resetRun(state: RunState): void {
  const { revs } = state;
  Object.assign(state, newRun(), { revs });
  for (const part of Object.keys(revs) as (keyof Revs)[]) revs[part]++;
}

/** These parts of the state have changed. */
export function touch(state: RunState, ...parts: Exclude<keyof Revs, "all">[]): void {
  for (const part of parts) state.revs[part]++;
  state.revs.all++;
}

export function touchNode(state: RunState, node: NodeRun): void {
  node.rev++;
  touch(state, "nodes");
}

/** Whether more is to come of it. */
export function isOpen(node: NodeRun): boolean {
  return OPEN.has(node.status);
}

export function hasFailed(node: NodeRun): boolean {
  return node.status === "failed" || node.status === "exception";
}

const OPEN = new Set(["running", "retry", "paused", "pending", "scheduled"]);
