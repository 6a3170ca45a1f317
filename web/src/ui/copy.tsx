// Copies a text, and says so.

import { useEffect, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";
import { t } from "./words";

/** False where the browser does not let it: without TLS there is no clipboard but the old way. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden-text";
    const focused = document.activeElement as HTMLElement | null;
    (focused?.closest("dialog") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }
}

export function Copy({ text, label, icon = "copy", small = true }: {
  text: string | (() => string); label?: string; icon?: IconName; small?: boolean;
}) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  const name = label ?? t.copy;
  const copy = async () => setDone(await copyText(typeof text === "string" ? text : text()));
  return (
    <button type="button" class={small ? "plain small" : ""} onClick={copy}>
      <Icon name={done ? "check" : icon} />
      <span aria-live="polite">{done ? t.copied : name}</span>
    </button>
  );
}
