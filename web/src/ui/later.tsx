// A part of the page that comes when it is first shown.

import type { VNode } from "preact";
import { useLater } from "../lib/later";
import { Failed, Loading } from "./load";

/** `load` is the same function each time. */
export function Later<T extends object>({ load, show }: { load: () => Promise<T>; show: (file: T) => VNode }) {
  const [file, error, again] = useLater(load);
  if (file) return show(file);
  return error ? <Failed error={error} again={again} /> : <Loading />;
}
