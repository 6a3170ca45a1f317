// Follows a run by its events at the gateway, and does not lose it: whatever breaks, it comes again
// with the last id and goes on. It knows no clock, timer or network but what it is given.

import { parseJson } from "../lib/exact";
import { SseParser, type SseEvent } from "../lib/sse";
import type { JsonObject, Result } from "../lib/types";
import { object } from "./wire";

/** What came, in order, each once. */
export type RunEvent =
  | { kind: "event"; data: JsonObject } // of Dify
  | { kind: "follow"; data: JsonObject } // what became of the gateway's stream from Dify
  | { kind: "unreadable" } // no JSON object, or too large
  | { kind: "end"; data: Result }; // of a paused run not the last one

/** How the page is connected.
 * connecting: the request is under way; `attempt` 0 is the first.
 * live: events come as they happen (or none, which the gateway says every 15 s).
 * waiting: for the next try, at `untilMs` (now()); wake() does not wait. `reason` says why.
 * paused: the run waits for a form; it is looked at again now and then, and at once by resume().
 * ended: nothing more will come.
 * refused: no use to try again but after resume(): a `token` is lacking or not good, it is
 *   `forbidden` for this one, the run is `unknown`, or the gateway answers with another `error`. */
export type Connection =
  | { state: "connecting"; attempt: number }
  | { state: "live" }
  | { state: "waiting"; reason: WaitReason; untilMs: number; attempt: number }
  | { state: "paused" }
  | { state: "ended" }
  | { state: "refused"; reason: "token" | "forbidden" | "unknown" | "error"; status: number };

/** unreachable: no answer. broken: the stream ended. silent: nothing came, not even a comment (a
 * proxy may hold it back, or the connection is dead).
 * busy: the gateway said when to come again. failing: it, or who stands before it, has trouble. */
export type WaitReason = "unreachable" | "broken" | "silent" | "busy" | "failing";

export interface FollowOptions {
  url: string; // api/runs/ID/events
  headers(): { [name: string]: string }; // for each request: Authorization, if there is a token
  onEvent(event: RunEvent): void;
  onReset(): void; // what follows begins anew: forget what was told
  onConnection(connection: Connection): void;
  onDate?(dateMs: number): void; // the `Date` of an answer that has just come
  // The world; the browser's own by default.
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  now?(): number; // Unix milliseconds
  setTimer?(callback: () => void, ms: number): unknown;
  clearTimer?(timer: unknown): void;
  random?(): number; // 0 … 1
}

export interface Follow {
  /** The network is back, or the page is seen again: look at once whether all is well. */
  wake(): void;
  /** Goes on after `refused` (a token was given) or `paused` (a form was submitted). */
  resume(): void;
  /** Nothing is told from now on. */
  close(): void;
}

const SILENCE_MS = 40_000; // the gateway writes at least every 15 s
const STALE_MS = 20_000; // of a connection that may have died while the machine slept
const BACKOFF_MS = [300, 10_000] as const;
const LIFE_MS = 5_000; // a connection that lived so long was a good one, though it told nothing
const PAUSED_MS = 10_000; // somebody else may submit the form

/** Begins at once. */
export function followRun(options: FollowOptions): Follow {
  return new Following(options);
}

class Following implements Follow {
  private readonly now: () => number;
  private readonly setTimer: (callback: () => void, ms: number) => unknown;
  private readonly clearTimer: (timer: unknown) => void;
  private connection: Connection = { state: "connecting", attempt: 0 };
  private timer: unknown = null; // of the next try, or of silence
  private abort: AbortController | null = null; // of the request under way
  private attempt = 0; // since something came
  private askedMs = 0;
  private heardMs = 0;
  private lastId: string | null = null;
  private lastEnd = ""; // of a paused run: the same again is no news
  private isClosed = false;

  constructor(private readonly options: FollowOptions) {
    this.now = options.now ?? Date.now;
    this.setTimer = options.setTimer ?? ((callback, ms) => setTimeout(callback, ms));
    this.clearTimer = options.clearTimer ?? ((timer) => clearTimeout(timer as number));
    void this.connect();
  }

  wake(): void {
    const { state } = this.connection;
    const isStale = this.abort !== null && this.now() - this.heardMs > STALE_MS;
    if (state === "waiting" || state === "paused" || isStale) void this.connect();
  }

  resume(): void {
    const { state } = this.connection;
    if (state !== "refused" && state !== "paused") return;
    this.attempt = 0;
    this.connection = { state: "connecting", attempt: 0 }; // so that it is told again, see connect()
    void this.connect();
  }

  close(): void {
    this.isClosed = true;
    this.leave();
  }

  private tell(connection: Connection): void {
    this.connection = connection;
    if (!this.isClosed) this.options.onConnection(connection);
  }

  // The request under way is given up, and no timer is left.
  private leave(): void {
    this.abort?.abort();
    this.abort = null;
    this.clearTimer(this.timer);
    this.timer = null;
  }

  private async connect(): Promise<void> {
    this.leave();
    if (this.isClosed) return;
    const abort = new AbortController();
    const isCurrent = () => this.abort === abort;
    this.abort = abort;
    this.askedMs = this.heardMs = this.now();
    // A look at a paused run is not told, as long as it brings nothing.
    if (this.connection.state !== "paused") this.tell({ state: "connecting", attempt: this.attempt });
    this.watch();
    const request = this.options.fetch ?? ((url, init) => fetch(url, init));
    try {
      const headers: { [name: string]: string } = { ...this.options.headers(), Accept: "text/event-stream" };
      if (this.lastId !== null) headers["Last-Event-ID"] = this.lastId;
      const answer = await request(this.options.url, { headers, cache: "no-store", signal: abort.signal });
      if (!isCurrent()) return;
      this.answered(answer);
      if (isCurrent()) await this.read(answer.body!, isCurrent);
    } catch {
      if (isCurrent()) this.retry(this.connection.state === "live" ? "broken" : "unreachable");
    }
  }

  // Leads on to read(), or not: then `abort` is another one.
  private answered(answer: Response): void {
    const date = Date.parse(answer.headers.get("Date") ?? "");
    if (date > 0) this.options.onDate?.(date);
    const { status } = answer;
    const isStream = answer.headers.get("Content-Type")?.startsWith("text/event-stream") && answer.body;
    if (status === 200 && isStream) {
      if (this.connection.state !== "paused") this.tell({ state: "live" });
    } else if (status === 204) {
      this.end({ state: "ended" });
    } else if (status === 429 || status === 503) {
      this.retry("busy", retryAfterMs(answer.headers.get("Retry-After"), this.now()));
    } else if (status < 400 || status >= 500 || [408, 425].includes(status) || (status === 404 && !isGateways(answer))) {
      this.retry("failing");
    } else {
      const reason = status === 401 ? "token" : status === 403 ? "forbidden" : status === 404 ? "unknown" : "error";
      this.end({ state: "refused", reason, status });
    }
  }

  private async read(body: ReadableStream<Uint8Array>, isCurrent: () => boolean): Promise<void> {
    const parser = new SseParser((event) => {
      if (isCurrent()) this.take(event);
    });
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (!isCurrent()) return;
      if (done) break;
      this.heardMs = this.now();
      if (this.heardMs - this.askedMs > LIFE_MS) this.attempt = 0;
      parser.feed(value);
      if (!isCurrent()) return;
    }
    this.retry("broken");
  }

  private take({ event, data, id, isTooLarge }: SseEvent): void {
    if (id !== null && !isAfter(id, this.lastId)) return; // it was told before
    this.attempt = 0;
    const object = isTooLarge ? null : parseObject(data);
    if (event === "reset") {
      this.lastId = null;
      this.lastEnd = "";
      this.options.onReset();
      return;
    }
    if (id !== null && SENDABLE.test(id)) this.lastId = id;
    if (event === "end") {
      this.takeEnd(object as Result | null, data, id === null);
      return;
    }
    if (this.connection.state === "paused") this.tell({ state: "live" });
    if (!object) this.options.onEvent({ kind: "unreadable" });
    else if (event === "message") this.options.onEvent({ kind: "event", data: object });
    else if (event === "follow") this.options.onEvent({ kind: "follow", data: object });
  }

  private takeEnd(result: Result | null, text: string, isPaused: boolean): void {
    if (!isPaused || text !== this.lastEnd) {
      this.lastEnd = isPaused ? text : "";
      this.options.onEvent(result ? { kind: "end", data: result } : { kind: "unreadable" });
    }
    if (this.isClosed) return;
    if (this.connection.state === "paused" && isPaused) this.leave();
    else this.end({ state: isPaused ? "paused" : "ended" });
    if (isPaused) this.timer = this.setTimer(() => void this.connect(), PAUSED_MS);
  }

  private end(connection: Connection): void {
    this.leave();
    this.tell(connection);
  }

  // Between a half and the whole of 0.3, 0.6, 1.2 … 10 s, so that many pages do not come at once.
  private retry(reason: WaitReason, afterMs = 0): void {
    this.leave();
    const [least, most] = BACKOFF_MS;
    const backoff = Math.min(most, least * 2 ** Math.min(this.attempt, 10));
    const ms = Math.max(afterMs, backoff * (0.5 + 0.5 * (this.options.random ?? Math.random)()));
    this.attempt++;
    this.timer = this.setTimer(() => void this.connect(), ms);
    if (this.connection.state === "paused") return; // no matter: it is only looked at now and then
    this.tell({ state: "waiting", reason, untilMs: this.now() + ms, attempt: this.attempt });
  }

  private watch(): void {
    const quiet = this.now() - this.heardMs;
    if (quiet >= SILENCE_MS) this.retry("silent");
    else this.timer = this.setTimer(() => this.watch(), SILENCE_MS - quiet);
  }
}

function parseObject(text: string): JsonObject | null {
  try {
    return object(parseJson(text));
  } catch {
    return null;
  }
}

// What stands before a gateway that is away may say that there is nothing at all.
function isGateways(answer: Response): boolean {
  return answer.headers.get("Content-Type")?.startsWith("application/json") === true;
}

// What no header can hold is not sent back: no request would even leave.
const SENDABLE = /^[!-~]{1,200}$/;

// Ids are EPOCH-NUMBER, and rise within an epoch. What cannot be compared is new.
function isAfter(id: string, last: string | null): boolean {
  const one = /^(\d+)-(\d+)$/.exec(id);
  const other = /^(\d+)-(\d+)$/.exec(last ?? "");
  return !one || !other || one[1] !== other[1] || Number(one[2]) > Number(other[2]);
}

// Seconds or a date (RFC 9110 §10.2.3); half an hour at most.
function retryAfterMs(value: string | null, nowMs: number): number {
  if (value === null) return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return ms > 0 ? Math.min(ms, 30 * 60_000) : 0;
}
