// Follows a run by its events at the gateway, and does not lose it: whatever breaks, it comes again
// with the last id and goes on. It knows no clock, timer or network but what it is given.

import type { JsonObject, Result } from "../lib/types";

/** What came, in order, each once. */
export type RunEvent =
  | { kind: "event"; data: JsonObject } // of Dify
  | { kind: "follow"; data: JsonObject } // what became of the gateway's stream from Dify
  | { kind: "unreadable" } // no JSON object, or too large
  | { kind: "end"; data: Result };

/** How the page is connected.
 * connecting: the request is under way.
 * live: events come as they happen (or none, which the gateway says every 15 s).
 * waiting: for the next try, at `untilMs` (now()); wake() does not wait. `reason` says why.
 * paused: the run waits for a form; it is looked at again now and then, and at once by resume().
 * ended: nothing more will come.
 * refused: no use to try again, but after resume(): `token` is lacking or not good, or it is
 *   `forbidden` for this one, the run is `unknown`, or the gateway gives an `error` of 4xx. */
export type Connection =
  | { state: "connecting"; attempt: number } // 0: the first
  | { state: "live" }
  | { state: "waiting"; reason: "unreachable" | "broken" | "silent" | "busy" | "failing"; untilMs: number; attempt: number }
  | { state: "paused" }
  | { state: "ended" }
  | { state: "refused"; reason: "token" | "forbidden" | "unknown" | "error"; status: number };

export interface FollowOptions {
  url: string; // api/runs/ID/events
  headers(): { [name: string]: string }; // for each request: Authorization, if there is a token
  onEvent(event: RunEvent): void;
  onReset(): void; // what follows begins anew: forget what was told
  onConnection(connection: Connection): void;
  onDate?(dateMs: number): void; // the `Date` of an answer that has just come
  // The world; the browser's own by default.
  fetch?: typeof fetch;
  now?(): number; // Unix milliseconds
  setTimer?(callback: () => void, ms: number): unknown;
  clearTimer?(timer: unknown): void;
  random?(): number;
}

export interface Follow {
  /** The network is back, or the page is seen again: look at once whether all is well. */
  wake(): void;
  /** Goes on after `refused` (a token was given) or `paused` (a form was submitted). */
  resume(): void;
  close(): void;
}

export function followRun(_options: FollowOptions): Follow {
  throw new Error("not yet");
}
