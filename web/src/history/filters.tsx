// What is listed is chosen here. Every change is at once in the address, in place of the one before.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { appTitle } from "../lib/titles";
import { Icon } from "../ui/icons";
import { statusText } from "../ui/status";
import { type Filter, SPANS, type Span } from "./filter";
import { floorTo } from "./span";
import { t } from "./words";

const TYPING_MS = 300;
const STATUSES = ["running", "succeeded", "partial-succeeded", "failed", "stopped", "paused"];

type Change = (part: Partial<Filter>) => void;

function Field({ label, error, class: more, children }: {
  label: string; error?: string | null; class?: string; children: (id: string, described: string | undefined) => ComponentChildren;
}) {
  const id = useId();
  return (
    <div class={`field ${more ?? ""}`}>
      <label for={id}>{label}</label>
      {children(id, error ? `${id}-error` : undefined)}
      {error && <span class="error" id={`${id}-error`}><Icon name="alert" />{error}</span>}
    </div>
  );
}

/** A field whose value counts once its writer rests, leaves it or presses Enter. */
function Typed({ value, set, ...more }: {
  value: string; set: (value: string) => void; id: string; type: "search" | "text" | "datetime-local";
  placeholder?: string; maxLength?: number; "aria-invalid"?: boolean; "aria-describedby"?: string | undefined;
}) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    if (!timer.current) setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const flush = (to: string) => {
    clearTimeout(timer.current);
    timer.current = undefined;
    if (to !== value) set(to);
  };
  const type = (event: Event) => {
    const to = (event.currentTarget as HTMLInputElement).value;
    setText(to);
    clearTimeout(timer.current);
    timer.current = setTimeout(flush, TYPING_MS, to);
  };
  return (
    <input {...more as { type: "text" }} value={text} onInput={type} autocomplete="off" spellcheck={false}
      onChange={(event) => flush(event.currentTarget.value)} />
  );
}

function Choice({ id, value, set, options }: {
  id: string; value: string; set: (value: string) => void; options: [value: string, text: string][];
}) {
  const all = options.some(([one]) => one === value) ? options : [...options, [value, value] as const];
  return (
    <select id={id} value={value} onChange={(event) => set(event.currentTarget.value)}>
      {all.map(([one, text]) => <option key={one} value={one} selected={one === value}>{text}</option>)}
    </select>
  );
}

/** As <input type="datetime-local"> has it: in local time. */
function localTime(seconds: number | null): string {
  if (seconds === null) return "";
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function fromLocal(text: string): number | null {
  const ms = new Date(text).getTime();
  return text === "" || Number.isNaN(ms) ? null : Math.max(0, ms / 1000);
}

function CustomSpan({ filter: { since, until }, change }: { filter: Filter; change: Change }) {
  const isUpsideDown = since !== null && until !== null && until <= since;
  return (
    <>
      <Field label={t.since} class="double">
        {(id) => <Typed id={id} type="datetime-local" value={localTime(since)}
          set={(text) => change({ since: fromLocal(text) })} />}
      </Field>
      <Field label={t.until} class="double" error={isUpsideDown ? t.upsideDown : null}>
        {(id, described) => <Typed id={id} type="datetime-local" value={localTime(until)} aria-invalid={isUpsideDown}
          aria-describedby={described} set={(text) => change({ until: fromLocal(text) })} />}
      </Field>
    </>
  );
}

/** `apps` null: which there are is not known yet, so which fields there will be is not, either. */
export function Filters({ id, filter, change, apps, isOpen }: {
  id: string; filter: Filter; change: Change; apps: string[] | null; isOpen: boolean;
}) {
  const choose = (span: Span) => change({
    span,
    since: span === "custom" ? filter.since ?? floorTo(86400, Date.now() / 1000) : null,
    until: null,
  });
  return (
    <form id={id} role="search" aria-label={t.filters(0)} class={`history-filters ${isOpen ? "open" : ""} ${apps ? "" : "early"}`}
      onSubmit={(event) => event.preventDefault()}>
      <Field label={t.search} class="double">
        {(field) => <Typed id={field} type="search" value={filter.q} placeholder={t.searchHint} maxLength={255}
          set={(q) => change({ q })} />}
      </Field>
      <Field label={t.status}>
        {(field) => <Choice id={field} value={filter.status} set={(status) => change({ status })}
          options={[["", t.anyStatus], ...STATUSES.map((one): [string, string] =>
            [one, one === "running" ? t.goesOn : statusText(one)])]} />}
      </Field>
      {apps && (apps.length > 1 || filter.app) && (
        <Field label={t.app}>
          {(field) => <Choice id={field} value={filter.app} set={(app) => change({ app })}
            options={[["", t.anyApp], ...apps.map((app): [string, string] => [app, appTitle(app)])]} />}
        </Field>
      )}
      <Field label={t.user}>
        {(field) => <Typed id={field} type="text" value={filter.user} placeholder={t.userHint} maxLength={255}
          set={(user) => change({ user })} />}
      </Field>
      <Field label={t.span}>
        {(field) => <Choice id={field} value={filter.span} set={(span) => choose(span as Span)}
          options={SPANS.map((span) => [span, t[span]])} />}
      </Field>
      {filter.span === "custom" && <CustomSpan filter={filter} change={change} />}
    </form>
  );
}
