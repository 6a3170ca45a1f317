// Asks for a run. A request whose answer was lost may have started one: it is repeated with the same
// Idempotency-Key, so that there is one run however often it is asked for.

import { ApiError, authorization, errorOf, here, parseAnswer } from "../lib/api";
import { newToken, token } from "../lib/session";
import type { JsonObject } from "../lib/types";

export interface Order {
  app: string;
  user?: string | undefined;
  query?: string | undefined;
  conversation?: string | undefined;
  inputs: JsonObject;
  files: [name: string, file: File][];
}

export interface Attempt {
  key: string;
  order: Order;
}

const SILENCE_MS = 60_000; // of a connection that is taken for dead
const PAUSES_MS = [1000, 2000, 4000]; // before it is asked again

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const text = ({ files: _, ...order }: Order) => JSON.stringify(order);

function sameFiles(some: Order["files"], others: Order["files"]): boolean {
  return some.length === others.length &&
    some.every(([name, file], at) => others[at]![0] === name && others[at]![1] === file);
}

/** The attempt of an order: that of before, if it asks for the same. */
export function attemptOf(order: Order, before: Attempt | null): Attempt {
  const isSame = before !== null && text(before.order) === text(order) && sameFiles(before.order.files, order.files);
  return isSame ? before : { key: newKey(), order };
}

/** Inputs go as one part, so that none of them is taken for a field of the gateway's own. */
export function bodyOf({ app, user, query, conversation, inputs, files }: Order): FormData | string {
  const fields = { app, user, query, conversation_id: conversation };
  if (files.length === 0) return JSON.stringify({ ...fields, inputs });
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.append(name, value);
  form.append("inputs", JSON.stringify(inputs));
  for (const [name, file] of files) form.append(name, file, file.name);
  return form;
}

type Progress = (share: number) => void; // of the files, sent

// fetch() cannot tell how much of a body has left.
function post({ key, order }: Attempt, progress: Progress, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let silence: ReturnType<typeof setTimeout>;
    const stop = () => request.abort();
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE_MS);
    };
    const fail = () => reject(signal.aborted ? signal.reason : new ApiError(0, "unreachable", "no answer"));
    request.open("POST", here("api/runs"));
    const body = bodyOf(order);
    if (typeof body === "string") request.setRequestHeader("Content-Type", "application/json");
    request.setRequestHeader("Prefer", "respond-async");
    request.setRequestHeader("Idempotency-Key", key);
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    if (order.files.length > 0)
      request.upload.onprogress = (event) => {
        heard();
        progress(event.total > 0 ? event.loaded / event.total : 1);
      };
    request.onload = () => {
      const after = request.getResponseHeader("Retry-After");
      const headers = new Headers(after ? { "Retry-After": after } : {});
      // Of a status that has no body (of a server before the gateway) there is no Response with one.
      resolve(new Response(request.responseText || null, { status: request.status, headers }));
    };
    request.onerror = fail;
    request.onabort = fail;
    request.onloadend = () => {
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
    };
    signal.addEventListener("abort", stop);
    heard();
    request.send(body);
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

function runOf(answer: { run_id?: unknown }): string {
  if (typeof answer.run_id === "string") return answer.run_id;
  throw new ApiError(0, "not_the_gateway", "this names no run");
}

async function ask(attempt: Attempt, progress: Progress, signal: AbortSignal): Promise<string> {
  for (;;) {
    const used = token();
    const answer = await post(attempt, progress, signal);
    if (answer.status === 401) {
      await newToken(used);
      continue;
    }
    if (answer.ok) return runOf(parseAnswer(await answer.text()));
    const error = await errorOf(answer);
    if (error.runId !== null) return error.runId; // it has begun all the same, and says what became of it
    throw error;
  }
}

/** The id of the run. `repeats` is told before each further try. */
export async function startRun(attempt: Attempt, signal: AbortSignal,
  { progress, repeats }: { progress: Progress; repeats: () => void }): Promise<string> {
  for (const ms of [...PAUSES_MS, null]) {
    try {
      return await ask(attempt, progress, signal);
    } catch (error) {
      if (ms === null || !(error instanceof ApiError) || error.status !== 0) throw error;
      repeats();
      await pause(ms, signal);
    }
  }
  throw new Error("not reached");
}
