// How the page is connected to the gateway, and the gateway to Dify: one quiet line.

import { useEffect, useState } from "preact/hooks";
import { count, shortTime } from "../lib/format";
import { at } from "./clock";
import type { Connection } from "./follow";
import { type LiveRun, useRev, useTick } from "./live";
import { t } from "./words";

const RETURN_SHOWN_MS = 8000;

type Line = { tone: "live" | "busy" | "warn" | "none"; text: string; more?: string };

function lineOf(live: LiveRun, connection: Connection, hasJustReturned: boolean): Line {
  switch (connection.state) {
    case "connecting":
      return connection.attempt === 0 ? { tone: "busy", text: t.connecting } : { tone: "warn", text: t.reconnecting };
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((connection.untilMs - Date.now()) / 1000));
      return { tone: "warn", text: t.lost(connection.reason), more: t.againIn(seconds) };
    }
    case "live": {
      const { upstream, phase } = live.state;
      if (hasJustReturned) return { tone: "live", text: t.takenUp(count(live.returnedAt)) };
      if (upstream !== "streaming" && upstream !== "none") return { tone: "warn", text: t.upstream(upstream) };
      return phase === "waiting" ? { tone: "busy", text: t.waitsToStart } : { tone: "live", text: t.live };
    }
    case "paused": return { tone: "none", text: t.waitsForForm };
    case "refused": return { tone: "warn", text: t.refused(connection.reason) };
    case "ended": {
      const { ended, result } = live.state;
      const seconds = ended ? at(ended) / 1000 : result?.data.finished_at ?? null;
      return { tone: "none", text: seconds === null ? "" : t.endedAt(shortTime(seconds)) };
    }
  }
}

export function ConnectionLine({ live }: { live: LiveRun }) {
  useRev(live, () => live.connections + live.state.revs.head);
  const { connection } = live;
  useTick(connection.state === "waiting" ? 1000 : 0);
  const [shown, setShown] = useState(0); // the return that was told long enough
  useEffect(() => {
    if (live.returns === shown) return;
    const timer = setTimeout(() => setShown(live.returns), RETURN_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [live.returns, shown]);
  const line = lineOf(live, connection, live.returns !== shown);
  const isNews = line.tone === "warn" || live.returns !== shown;
  return (
    <p class={`run-line ${line.tone}`}>
      {line.tone !== "none" && <i aria-hidden="true" />}
      {/* That all is well is read where one looks for it; the seconds would be read out each time. */}
      <span role="status">{isNews ? line.text : ""}</span>
      {!isNews && <span>{line.text}</span>}
      {line.more && <span class="num" aria-hidden="true">{line.more}</span>}
    </p>
  );
}
