// Changes the state of a run by what came, one event after the other.

import type { RunEvent } from "./follow";
import type { RunState } from "./model";

/** A run of which nothing was told yet. */
export function newRun(): RunState {
  throw new Error("not yet");
}

/** Forgets all that was told; counters go on. */
export function resetRun(_state: RunState): void {
  throw new Error("not yet");
}

/** Takes what came into the state. Never throws, whatever a server sent. */
export function reduce(_state: RunState, _event: RunEvent): void {
  throw new Error("not yet");
}
