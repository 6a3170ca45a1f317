// The way of an order to the gateway: one at a time, how far it is, and what became of it.

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../lib/api";
import { percent } from "../lib/format";
import { go } from "../lib/route";
import { Icon, Notice } from "../ui/icons";
import { errorText } from "../ui/load";
import { attemptOf, type Attempt, type Order, startRun } from "./send";
import { t } from "./words";

export type Sending =
  | { at: "rest" }
  | { at: "sending"; share: number | null; repeats: boolean } // share: of the files, sent
  | { at: "cancelled" }
  | { at: "failed"; error: unknown; text: string };

export interface Sender {
  now: Sending;
  /** Goes to the run. Else it has failed: `tell` gives the words for that, or null where it has told
   * all of it elsewhere. */
  send: (order: Order, tell?: (error: unknown) => string | null) => Promise<void>;
  cancel: () => void;
  rest: () => void;
}

export function useSender(): Sender {
  const [now, set] = useState<Sending>({ at: "rest" });
  const busy = useRef<AbortController | null>(null);
  const last = useRef<Attempt | null>(null);
  useEffect(() => () => busy.current?.abort(), []);
  // Who reloads now loses the upload, or does not hear of the run and starts another one.
  useEffect(() => {
    if (now.at !== "sending") return;
    const ask = (event: Event) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [now.at]);

  const send: Sender["send"] = async (order, tell) => {
    if (busy.current) return; // a second click
    const stop = (busy.current = new AbortController());
    const attempt = (last.current = attemptOf(order, last.current));
    const start = order.files.length > 0 ? 0 : null;
    set({ at: "sending", share: start, repeats: false });
    try {
      const id = await startRun(attempt, stop.signal, {
        progress: (share) => set({ at: "sending", share, repeats: false }),
        repeats: () => set({ at: "sending", share: start, repeats: true }),
      });
      last.current = null;
      if (!stop.signal.aborted) go({ at: "run", id });
    } catch (error) {
      const text = stop.signal.aborted ? null : (tell ?? errorText)(error);
      if (stop.signal.aborted) set({ at: "cancelled" });
      else set(text === null ? { at: "rest" } : { at: "failed", error, text });
    } finally {
      busy.current = null;
    }
  };
  return {
    now, send,
    cancel: () => busy.current?.abort(),
    rest: () => { if (!busy.current) set({ at: "rest" }); },
  };
}

/** What there is to say of it; above the button. */
export function SendingNotice({ sender }: { sender: Sender }) {
  const { now } = sender;
  if (now.at === "cancelled") return <Notice tone="none" role="status">{t.cancelled}</Notice>;
  if (now.at === "failed") {
    const { error, text } = now;
    const after = error instanceof ApiError ? error.retryAfter : null;
    const lost = error instanceof ApiError && error.status === 0;
    return (
      <Notice tone="bad" role="alert">
        {lost ? t.unanswered : <>{t.refused} {text}</>}{after !== null && <> {t.later(after)}</>}
      </Notice>
    );
  }
  if (now.at !== "sending" || (now.share === null && !now.repeats)) return null;
  const share = now.share ?? 0;
  const sent = t.uploading(percent(Math.floor(share * 100) / 100));
  const what = now.repeats ? t.repeating : share < 1 ? sent : t.starting;
  return (
    <div class="sending">
      <div class="grow stack">
        <span class="num" role={now.repeats ? "status" : undefined}>{what}</span>
        {now.share !== null && <progress max={1} value={share} aria-label={t.uploading("")} />}
      </div>
      <button type="button" class="small" onClick={sender.cancel}>{t.cancel}</button>
    </div>
  );
}

export function SendButton({ sender, label }: { sender: Sender; label: string }) {
  const { now } = sender;
  const busy = now.at === "sending";
  const again = now.at === "failed" && !(now.error instanceof ApiError && now.error.status === 400);
  return (
    <button class="primary" aria-disabled={busy || undefined}>
      <Icon name={busy ? "turn" : again ? "again" : "play"} turning={busy} />
      {busy && now.share === null ? t.starting : again ? t.tryAgain : label}
    </button>
  );
}

const isMac = /mac|iphone|ipad/i.test(navigator.platform);

/** How the keyboard sends; where there is none it is not shown. */
export function SendKeys() {
  return <span class="hint keys">{isMac ? t.sendKeysMac : t.sendKeys}</span>;
}

/** Ctrl or ⌘ and Enter, in whichever field of a form. */
export function sendByKeys(event: KeyboardEvent): void {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  if ((event.target as Element).closest("button")) return;
  event.preventDefault();
  (event.currentTarget as HTMLFormElement).requestSubmit();
}
