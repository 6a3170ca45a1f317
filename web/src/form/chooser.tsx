// The apps, to choose one.

import { useEffect } from "preact/hooks";
import { formatRoute } from "../lib/route";
import { titleOf } from "../lib/titles";
import type { App } from "../lib/types";
import { Icon, Notice } from "../ui/icons";
import { AppIcon, modeText } from "./app-head";
import { t } from "./words";

const AGAIN_MS = 10_000; // what runs and waits changes

export function Chooser({ apps, unknown, again }: { apps: App[]; unknown: string | null; again: () => void }) {
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) again(); }, AGAIN_MS);
    return () => clearInterval(timer);
  }, [again]);
  return (
    <div class="stack">
      {unknown !== null && <Notice tone="warn">{t.noSuchApp(unknown)}</Notice>}
      <h1>{t.choose}</h1>
      <ul class="apps">
        {apps.map((app) => (
          <li key={app.app} class="card">
            <AppIcon app={app} />
            <div class="grow">
              <h2><a href={formatRoute({ at: "form", app: app.app })}>{titleOf(app)}</a></h2>
              <div class="muted small">{modeText(app)}</div>
              {app.description && <p class="small">{app.description}</p>}
              <State app={app} />
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

function State({ app }: { app: App }) {
  if (!app.available)
    return (
      <p class="status bad small">
        <Icon name="cross" /><span>{t.unavailable}{app.message && `: ${app.message}`}</span>
      </p>
    );
  const parts = [
    app.running > 0 && t.running(app.running), app.waiting > 0 && t.waiting(app.waiting),
  ].filter(Boolean);
  if (parts.length === 0) return null;
  return <p class="status busy small"><Icon name="turn" />{parts.join(" · ")}</p>;
}
