// When things happened in a run, as well as can be known.
//
// Dify tells the seconds in which something began or ended, without their fractions, and how long it
// took; the gateway's log keeps no times. But events come in the order of time. So an event happened
// not before the one before it, and within the second that it tells. That leaves a whole run free to
// move within a second: it is taken to have begun as early as its first event says, and moved later
// as a whole once some event shows that it must have. For this all times are Moments: a place on a
// Segment of the run, the segment at a place in time. A new segment begins after a true pause.
//
// What is read is the same whenever it is read: nothing here looks at a clock but Present.

/** A stretch of the run whose moments move together. */
export interface Segment {
  baseMs: number; // Unix
  slackMs: number; // how much later it can be
}

/** A point in time. It may still move by less than a second: read it with at(). */
export interface Moment {
  readonly segment: Segment;
  readonly offsetMs: number;
}

/** Unix milliseconds. */
export function at(moment: Moment): number {
  return moment.segment.baseMs + moment.offsetMs;
}

// Told later than this after the second that it tells, an event is not one of now: the events of
// parallel iterations come in a burst when each is done, those that a gap hid when it is over.
const LATE_MS = 250;

/** The second that was told: [first, last] in which it was. A fraction is believed as it is. */
function within(seconds: number): [number, number] {
  return [seconds * 1000, Number.isInteger(seconds) ? (seconds + 1) * 1000 : seconds * 1000];
}

// What is told is believed if it is a time that anybody can mean: with others nothing that counts in
// milliseconds comes to an end.
const LATEST_S = 253402300799; // the end of the year 9999
export const sane = (seconds: number | null) =>
  seconds !== null && seconds >= 0 && seconds <= LATEST_S ? seconds : null;

export class Clock {
  /** The latest moment told; null: none yet. */
  now: Moment | null = null;
  /** Rises when moments that were told have moved. */
  rev = 0;
  private before: Moment | null = null; // of the event before, also of one told late

  /** Something began in that second (null: not told), within something that began at `outer`. */
  start(told: number | null, outer: Moment | null = null): Moment {
    const second = sane(told);
    if (second === null) return this.now ?? this.begin(0, 0);
    const [first, last] = within(second);
    if (!this.now) return this.begin(first, last - first);
    const now = at(this.now);
    if (now >= last + LATE_MS) return this.late(first, last, outer);
    if (now < first) {
      this.move(this.now.segment, first - now);
      if (at(this.now) < first - 0.5) return this.begin(first, last - first);
    }
    return this.told(Math.max(first, at(this.now)), last);
  }

  /** What began at `started` ended in that second, after so many seconds. */
  end(started: Moment, tookSeconds: number | null, toldSecond: number | null): Moment {
    const [elapsed, second] = [sane(tookSeconds), sane(toldSecond)];
    const took = (elapsed ?? 0) * 1000;
    if (!this.now) return started;
    if (second === null) return this.told(Math.max(at(this.now), at(started) + took), null);
    const [first, last] = within(second);
    const now = at(this.now);
    const own = at(started) + took;
    if (now >= last + LATE_MS || (elapsed !== null && now >= own + LATE_MS && own >= first)) {
      this.before = this.place(Math.min(now, Math.max(own, first)));
      return this.before;
    }
    this.move(started.segment, first - Math.max(now, own));
    return this.told(Math.max(first, at(this.now), at(started) + took), last);
  }

  /** Something in that second that runs beside what is told otherwise, not before `after`: it tells
   * nothing of the present. */
  beside(second: number | null, after: Moment): Moment {
    return { segment: after.segment, offsetMs: Math.max(after.offsetMs, (sane(second) ?? 0) * 1000 - after.segment.baseMs) };
  }

  private begin(baseMs: number, slackMs: number): Moment {
    this.now = this.before = { segment: { baseMs, slackMs }, offsetMs: 0 };
    return this.now;
  }

  private place(ms: number): Moment {
    const { segment } = this.now!;
    return { segment, offsetMs: ms - segment.baseMs };
  }

  private told(ms: number, lastMs: number | null): Moment {
    const moment = this.place(ms);
    if (lastMs !== null) moment.segment.slackMs = Math.max(0, Math.min(moment.segment.slackMs, lastMs - ms));
    this.now = this.before = moment;
    return moment;
  }

  // The event before is near if it is of the same burst; else all that is known is what is around.
  private late(first: number, last: number, outer: Moment | null): Moment {
    const before = this.before ? at(this.before) : first;
    const from = before <= last ? before : outer ? at(outer) : first;
    this.before = this.place(Math.min(last, Math.max(first, from)));
    return this.before;
  }

  private move(segment: Segment, ms: number): void {
    const moved = Math.min(ms, segment.slackMs);
    if (moved <= 0) return;
    segment.baseMs += moved;
    segment.slackMs -= moved;
    this.rev++;
  }
}

/** The present, in the time of a run's moments: for bars that still grow. It never runs backwards.
 * The browser's clock and Dify's may differ; what is read of the one is set right by what comes of
 * the other. All times are milliseconds, `localMs` the browser's Unix time. */
export class Present {
  private aheadMs = Infinity; // of the browser's clock, at most
  private date: { ms: number; localMs: number } | null = null;
  private lastMs = -Infinity;

  /** An event has just come; `nowMs`: at(clock.now) after it. */
  told(nowMs: number, localMs: number): void {
    this.aheadMs = Math.min(this.aheadMs, localMs - nowMs);
    // What comes a while after the stream began is news: better than the gateway's clock, whose
    // machine need not be Dify's.
    if (this.date && localMs - this.date.localMs > 2000) this.date = null;
  }

  /** The stream's answer has just come, with this `Date`. */
  answered(dateMs: number, localMs: number): void {
    this.date = { ms: dateMs, localMs };
  }

  at(localMs: number): number {
    let ms = localMs - (this.aheadMs === Infinity ? 0 : this.aheadMs);
    // A second less: moments are as early as they can be.
    if (this.date) ms = Math.max(ms, this.date.ms - 1000 + localMs - this.date.localMs);
    this.lastMs = Math.max(this.lastMs, ms);
    return this.lastMs;
  }
}
