// Of many things those that one looks at: a browser with a hundred thousand of them stands still.

import { useState } from "preact/hooks";
import { Icon } from "./icons";

/** How many of `total` are shown, and the button for `step` more of them; null: that is all. `text`
 * says how many are left. */
export function useMore(total: number, first: number, step: number, text: (left: number) => string) {
  const [most, setMost] = useState(first);
  const left = total - most;
  const button = left <= 0 ? null : (
    <button type="button" class="plain small" onClick={() => setMost(most + step)}><Icon name="down" />{text(left)}</button>
  );
  return [most, button] as const;
}
