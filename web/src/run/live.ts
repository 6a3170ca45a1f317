// A run as the page has it: its state, how it is followed, and who wants to know of changes. Views
// are told 20 times a second, however many events have come, and less where a rendering takes long:
// most frames are left to what moves by itself.

import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { ApiError, authorization, getRun, here } from "../lib/api";
import { newToken, token } from "../lib/session";
import type { Result } from "../lib/types";
import { at, Present } from "./clock";
import { type Connection, type Follow, followRun, type RunEvent } from "./follow";
import { Layout } from "./layout";
import { loseRun, newRun, reduce, resetRun } from "./reduce";

const SHARE = 3; // a rendering may take one of so many frames
const MOST_MS = 80; // a frame that took longer was held up by something else

export class LiveRun {
  readonly state = newRun();
  readonly layout = new Layout(this.state);
  connection: Connection = { state: "connecting", attempt: 0 };
  connections = 0; // rises with each change of it
  /** How often the page came back to the gateway after it had lost it, and at which event. */
  returns = 0;
  returnedAt = 0;
  /** When it was over, Unix milliseconds, where that is known before its events are all there. */
  finishedMs = Infinity;
  private readonly present = new Present();
  private readonly watchers = new Set<() => void>();
  private readonly follow: Follow;
  private told = false;
  private wasLost = false;
  private flushedMs = 0;
  private frameMs = 0; // how long the frame took in which views were told

  constructor(readonly id: string) {
    let used: string | null = null;
    this.follow = followRun({
      url: here(`api/runs/${encodeURIComponent(id)}/events`),
      headers: () => {
        used = token();
        return authorization();
      },
      onEvent: (event) => this.take(event),
      onReset: () => {
        resetRun(this.state);
        this.tell();
      },
      onDate: (ms) => this.present.answered(ms, Date.now()),
      onConnection: (connection) => {
        this.connected(connection);
        if (connection.state !== "refused") return;
        if (connection.reason === "token") newToken(used).then(() => this.follow.resume(), () => {});
        else void this.resultAlone(connection.reason === "unknown");
      },
    });
    addEventListener("online", this.wake);
    addEventListener("pageshow", this.wake);
    document.addEventListener("visibilitychange", this.seen);
  }

  close(): void {
    this.follow.close();
    removeEventListener("online", this.wake);
    removeEventListener("pageshow", this.wake);
    document.removeEventListener("visibilitychange", this.seen);
  }

  /** Goes on after a form was submitted. */
  resume(): void {
    this.follow.resume();
  }

  /** The present in the time of the run's moments, Unix milliseconds; a paused run's stands still. */
  presentMs(): number {
    const { phase, clock } = this.state;
    const latestMs = clock.now ? at(clock.now) : -Infinity;
    if (phase === "paused" && clock.now) return latestMs;
    return Math.max(latestMs, Math.min(this.present.at(Date.now()), this.finishedMs));
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  private readonly wake = () => this.follow.wake();

  private readonly seen = () => {
    if (!document.hidden) this.wake();
    this.flush(); // the frame that was asked for may never come
  };

  private take(event: RunEvent): void {
    reduce(this.state, event);
    if (this.state.clock.now && event.kind === "event")
      this.present.told(at(this.state.clock.now), Date.now());
    this.tell();
  }

  private connected(connection: Connection): void {
    if (connection.state === "waiting") this.wasLost = true;
    if (connection.state === "live" && this.wasLost) {
      this.wasLost = false;
      this.returns++;
      this.returnedAt = this.state.events;
    }
    this.connection = connection;
    this.connections++;
    this.tell();
  }

  // A run whose log is not kept any more has a result all the same. One that the gateway has lost (it
  // keeps none, and was started again) has what has come of it.
  private async resultAlone(isUnknown: boolean): Promise<void> {
    let result: Result | null = null;
    try {
      result = await getRun(this.id);
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) return this.follow.resume();
    }
    if (this.state.result) return;
    if (result && result.success !== null) {
      this.connected({ state: "ended" });
      this.take({ kind: "end", data: result });
    } else if (!result && isUnknown && this.state.events > 0) {
      loseRun(this.state);
      this.tell();
    }
  }

  private tell(): void {
    if (this.told) return;
    this.told = true;
    // A hidden page has no frames, but its title still tells how the run is.
    if (document.hidden) setTimeout(() => this.flush(), 250);
    else requestAnimationFrame(this.frame);
  }

  private readonly frame = (now: number) => {
    if (now - this.flushedMs < SHARE * this.frameMs) {
      requestAnimationFrame(this.frame);
      return;
    }
    this.flushedMs = now;
    this.flush();
    requestAnimationFrame((then) => { this.frameMs = Math.min(MOST_MS, then - now); });
  };

  private flush(): void {
    if (!this.told) return;
    this.told = false;
    for (const watcher of this.watchers) watcher();
  }
}

/** Follows a run as long as the view is there. */
export function useRun(id: string): LiveRun {
  const [live] = useState(() => new LiveRun(id));
  useEffect(() => () => live.close(), [live]);
  return live;
}

/** Renders again when what `rev` gives has changed: a sum of counters, which only rise. */
export function useRev(live: LiveRun, rev: () => unknown): void {
  const [, render] = useReducer((turn: number) => turn + 1, 0);
  const seen = useRef<unknown>(null);
  const now = useRef(rev);
  now.current = rev;
  seen.current = rev();
  useLayoutEffect(() => live.watch(() => {
    if (now.current() !== seen.current) render(0);
  }), [live]);
}

/** Renders again every so many milliseconds; 0: not. */
export function useTick(ms: number): void {
  const [, render] = useReducer((turn: number) => turn + 1, 0);
  useEffect(() => {
    if (!ms) return;
    const timer = setInterval(() => render(0), ms);
    return () => clearInterval(timer);
  }, [ms]);
}
