// A run's inputs once more in the form of its app.

import { go } from "../lib/route";
import type { JsonObject } from "../lib/types";

let waiting: { app: string; inputs: JsonObject } | null = null;

/** Opens the form of the app with these inputs (as workflow_started has them) filled in; files have
 * to be chosen again. */
export function runAgain(app: string, inputs: JsonObject): void {
  waiting = { app, inputs };
  go({ at: "form", app });
}

/** What the form that opens now is to be filled with; once. */
export function takeAgain(app: string): JsonObject | null {
  const inputs = waiting?.app === app ? waiting.inputs : null;
  waiting = null;
  return inputs;
}
