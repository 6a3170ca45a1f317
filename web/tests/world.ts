// A world for run/follow.ts: its clock, its timers, and a gateway that serves the events of a run,
// breaking off where it is told to.

import type { FollowOptions } from "../src/run/follow";

/** What is waiting to be carried out has been, without a clock. */
export async function settle(): Promise<void> {
  for (let n = 0; n < 8; n++) await new Promise((done) => setImmediate(done));
}

export class World {
  nowMs = 1_800_000_000_000;
  private timers = new Map<number, { atMs: number; callback: () => void }>();
  private serial = 0;

  get waiting(): number {
    return this.timers.size;
  }

  readonly parts = {
    now: () => this.nowMs,
    setTimer: (callback: () => void, ms: number): unknown => {
      this.timers.set(++this.serial, { atMs: this.nowMs + ms, callback });
      return this.serial;
    },
    clearTimer: (timer: unknown) => { this.timers.delete(timer as number); },
  } satisfies Partial<FollowOptions>;

  /** The time passes, and whatever falls due meanwhile happens. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.timers].filter(([, { atMs }]) => atMs <= untilMs).sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.nowMs = Math.max(this.nowMs, due[1].atMs);
      due[1].callback();
      await settle();
    }
    this.nowMs = untilMs;
    await settle();
  }

  /** The machine slept: time has passed, and no timer was looked at. */
  sleep(ms: number): void {
    this.nowMs += ms;
  }
}

/** A connection's other end. */
export class Line {
  readonly lastId: string | null;
  readonly authorization: string | null;
  isLeft = false;
  private writer!: ReadableStreamDefaultController<Uint8Array>;
  private answer!: (response: Response) => void;
  private refuse!: (error: Error) => void;
  readonly response: Promise<Response>;

  constructor(init: RequestInit) {
    const headers = new Headers(init.headers);
    this.lastId = headers.get("Last-Event-ID");
    this.authorization = headers.get("Authorization");
    this.response = new Promise((resolve, reject) => {
      this.answer = resolve;
      this.refuse = reject;
    });
    init.signal!.addEventListener("abort", () => {
      this.isLeft = true;
      this.fail();
    });
  }

  open(headers: { [name: string]: string } = {}): this {
    const body = new ReadableStream<Uint8Array>({ start: (writer) => { this.writer = writer; } });
    this.answer(new Response(body, { headers: { "Content-Type": "text/event-stream; charset=utf-8", ...headers } }));
    return this;
  }

  status(status: number, headers: { [name: string]: string } = {}): void {
    this.answer(new Response(status === 204 ? null : "{}", {
      status, headers: { "Content-Type": "application/json", ...headers },
    }));
  }

  write(data: string | Uint8Array): this {
    this.writer.enqueue(typeof data === "string" ? new TextEncoder().encode(data) : data);
    return this;
  }

  close(): void {
    this.writer.close();
  }

  fail(): void {
    this.refuse(new TypeError("network"));
    try {
      this.writer?.error(new TypeError("network"));
    } catch { /* it was closed */ }
  }
}

/** Requests, as they come. */
export class Lines {
  readonly all: Line[] = [];

  readonly fetch = (_url: string, init: RequestInit): Promise<Response> => {
    const line = new Line(init);
    this.all.push(line);
    return line.response;
  };

  get last(): Line {
    return this.all.at(-1)!;
  }
}
