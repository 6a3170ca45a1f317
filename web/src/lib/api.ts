// The gateway's API. Addresses are relative: the page may stand behind a path of a proxy. A request
// that lacks a good token waits until the user has given one.

import { parseJson } from "./exact";
import { newToken, token } from "./session";
import type { App, Parameters, PausedForm, Rating, Result, Row, Rows, Stats } from "./types";

/** What went wrong, in the gateway's words. `status` 0: no answer came, or not one of the gateway's. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfter: number | null = null,
    readonly runId: string | null = null,
  ) {
    super(message);
  }
}

/** Where a path lies. Not left to the browser: from a page that was opened with a name and password
 * in its address (for a server before the gateway) it would ask for nothing. */
export function here(path: string): string {
  return new URL(path, location.href).href;
}

export function authorization(): { [name: string]: string } {
  const value = token();
  return value === null ? {} : { Authorization: `Bearer ${value}` };
}

const word = (value: unknown) => (typeof value === "string" && value !== "" ? value : null);

/** The error that an answer tells of; it may be one of a server before the gateway. */
export async function errorOf(answer: Response): Promise<ApiError> {
  const after = Number(answer.headers.get("Retry-After"));
  const told = await answer.json().catch(() => null) as { [name: string]: unknown } | null;
  return new ApiError(answer.status, word(told?.["code"]) ?? "http_error",
    word(told?.["message"]) ?? `HTTP ${answer.status}`, after > 0 ? after : null, word(told?.["run_id"]));
}

/** What an answer says that is no error. A network that wants a login, or a server before the
 * gateway, may answer in its place. */
export function parseAnswer(text: string): object {
  try {
    const value = parseJson(text);
    if (typeof value === "object" && value !== null) return value;
  } catch { /* a page, most likely */ }
  throw new ApiError(0, "not_the_gateway", "this is no answer of the gateway");
}

const SILENCE_MS = 60_000; // of a connection that is taken for dead: a machine that slept may have such

/** fetch() that does not wait for ever for an answer. */
async function answerOf(path: string, init: RequestInit): Promise<Response> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  if (init.signal?.aborted) abort();
  init.signal?.addEventListener("abort", abort);
  const timer = setTimeout(abort, SILENCE_MS);
  try {
    return await fetch(path, { ...init, signal: stop.signal });
  } finally {
    clearTimeout(timer);
  }
}

/** An answer of any status but 401, which asks for a token first. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const used = token();
    let answer: Response;
    try {
      answer = await answerOf(here(path), { ...init, cache: "no-store", headers: { ...init.headers, ...authorization() } });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, "unreachable", String(error));
    }
    if (answer.status !== 401) return answer;
    await newToken(used);
  }
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  const answer = await send(path, init);
  if (!answer.ok) throw await errorOf(answer);
  return parseAnswer(await answer.text()) as T;
}

function post<T>(path: string, body: unknown): Promise<T> {
  return json<T>(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

const run = (id: string) => `api/runs/${encodeURIComponent(id)}`;

/** An address of the API that has a query; what is empty is left out. */
function withQuery(path: string, query: { [name: string]: string | number | null | undefined }): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value != null && value !== "") search.set(name, String(value));
  return search.size ? `${path}?${search}` : path;
}

export async function listApps(signal?: AbortSignal): Promise<App[]> {
  return (await json<{ data: App[] }>("api/apps", signal ? { signal } : {})).data;
}

export function getParameters(app: string): Promise<Parameters> {
  return json(`api/apps/${encodeURIComponent(app)}/parameters`);
}

export type RunFilter = {
  app?: string; user?: string; status?: string; q?: string;
  since?: number | string; until?: number | string; limit?: number; cursor?: string;
};

export function listRuns(filter: RunFilter, signal?: AbortSignal): Promise<Rows> {
  return json(withQuery("api/runs", filter), signal ? { signal } : {});
}

/** The row of a run: what its result does not tell (app, user, rating). null: there is none. A run_id
 * tells when the run was created: only who comes with a workflow_run_id has the whole store searched. */
export async function getRow(id: string): Promise<Row | null> {
  const createdMs = uuidMs(id);
  for (const span of createdMs === null ? [{}] : [{ since: iso(createdMs), until: iso(createdMs + 1) }, {}]) {
    const { data } = await listRuns({ q: id, limit: 10, ...span });
    const found = data.find((row) => row.run_id === id || row.workflow_run_id === id);
    if (found) return found;
  }
  return null;
}

const iso = (ms: number) => new Date(ms).toISOString();

/** The Unix milliseconds of a UUID of version 7 (RFC 9562 §5.7); null: it is another. */
function uuidMs(id: string): number | null {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}$/i.test(id) ? parseInt(id.replace("-", "").slice(0, 12), 16) : null;
}

/** 200 whatever became of the run: look at `success`. */
export function getRun(id: string): Promise<Result> {
  return json(run(id));
}

export function stopRun(id: string): Promise<unknown> {
  return json(`${run(id)}/stop`, { method: "POST" });
}

export function rateRun(id: string, rating: Rating, comment: string | null):
  Promise<{ rating: Rating; comment: string | null; passed_on: boolean | null }> {
  return post(`${run(id)}/feedback`, { rating, comment });
}

export function getForm(id: string, formToken?: string): Promise<PausedForm> {
  return json(withQuery(`${run(id)}/form`, { token: formToken }));
}

export function submitForm(id: string, action: string, inputs: object, formToken: string): Promise<Result> {
  return post(`${run(id)}/form`, { action, inputs, token: formToken });
}

export function getStats(filter: { app?: string; since?: number; until?: number; buckets?: number },
  signal?: AbortSignal): Promise<Stats> {
  return json(withQuery("api/stats", filter), signal ? { signal } : {});
}

/** A file of a result, by its number: see result/files. */
export async function getFile(id: string, n: number, signal?: AbortSignal): Promise<Blob> {
  const answer = await send(`${run(id)}/files/${n}`, signal ? { signal } : {});
  if (!answer.ok) throw await errorOf(answer);
  return answer.blob();
}
