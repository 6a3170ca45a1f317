// The forms that a paused run waits for: filled in here, and the run goes on.

import { useEffect, useId, useState } from "preact/hooks";
import { FieldInput } from "../form/field";
import { makeField, type Value } from "../form/fields";
import { ApiError, getForm, submitForm } from "../lib/api";
import { ago, time } from "../lib/format";
import type { PausedForm } from "../lib/types";
import { Markdown } from "../result/markdown";
import { Icon, Notice } from "../ui/icons";
import { errorText, Failed, Loading, useLoad } from "../ui/load";
import { type LiveRun, useRev, useTick } from "./live";
import type { PauseForm } from "./model";
import { inputsOf, piecesOf } from "./pieces";
import { t } from "./words";

// Somebody else has filled it in, its time is over, or the run does not wait any more.
function isGone(error: unknown): boolean {
  return error instanceof ApiError && [404, 409, 412].includes(error.status);
}

function Expiry({ seconds, live }: { seconds: number; live: LiveRun }) {
  const left = seconds - Date.now() / 1000;
  useTick(left < 120 ? 1000 : 20_000);
  const isOver = left <= 0;
  useEffect(() => { if (isOver) live.resume(); }, [isOver]);
  return (
    <span class="small muted" title={time(seconds)}>{isOver ? t.expired : t.expires(ago(seconds))}</span>
  );
}

function Fill({ live, paused, look }: { live: LiveRun; paused: PausedForm; look: () => void }) {
  const { form } = paused;
  const id = useId();
  const inputs = inputsOf(form).map(({ name, type, initial, options }) =>
    ({ name, initial, field: makeField(`${id}-${name}`, type, { variable: name, options }) }));
  const [values, setValues] = useState<{ [name: string]: Value }>(
    () => Object.fromEntries(inputs.map(({ name, initial }) => [name, initial])));
  const [sent, setSent] = useState<string | null>(null); // the action
  const [error, setError] = useState<unknown>(null);
  const submit = async (action: string) => {
    setSent(action);
    setError(null);
    try {
      await submitForm(live.id, action, values, paused.form_token);
      live.resume();
    } catch (problem) {
      setSent(null);
      setError(problem);
      if (!isGone(problem)) return;
      live.resume();
      look();
    }
  };
  return (
    <form class="stack" onSubmit={(event) => event.preventDefault()}>
      {piecesOf(form.form_content ?? "", inputs.map(({ name }) => name)).map((piece, i) => {
        if ("text" in piece) return <Markdown key={i} text={piece.text} />;
        const { field } = inputs.find(({ name }) => name === piece.input)!;
        if (field.files) return <Notice key={i} tone="warn">{t.formFile(field.name)}</Notice>;
        return (
          <FieldInput key={i} field={field} value={values[field.name] ?? ""} problem={null}
            set={(value) => setValues((now) => ({ ...now, [field.name]: value }))} />
        );
      })}
      {error !== null && <Notice tone="bad" role="alert">{isGone(error) ? t.formGone : errorText(error)}</Notice>}
      <div class="row wrap">
        {(form.user_actions ?? []).map(({ id, title, button_style: style }) => (
          <button key={id} type="button" class={style === "primary" || style === "accent" ? "primary" : style === "ghost" ? "plain" : ""}
            disabled={sent !== null} onClick={() => submit(id)}>
            {sent === id && <Icon name="turn" turning />}{title || id}
          </button>
        ))}
      </div>
    </form>
  );
}

function OneForm({ live, form }: { live: LiveRun; form: PauseForm }) {
  const token = typeof form.data["form_token"] === "string" ? form.data["form_token"] : null;
  const [loaded, look] = useLoad(`${live.id} ${token}`, () => getForm(live.id, token ?? undefined));
  const name = useId();
  const expires = form.expiresMs === null ? null : form.expiresMs / 1000;
  return (
    <section class="card stack pause" aria-labelledby={name}>
      <div class="row wrap pause-head">
        <h2 id={name}>{form.title || t.formTitle}</h2>
        {expires !== null && <Expiry seconds={expires} live={live} />}
      </div>
      {token === null ? <Notice tone="none">{t.formElsewhere}</Notice>
        : loaded.value ? <Fill live={live} paused={loaded.value} look={look} />
        : loaded.state === "failed"
          ? <Failed error={loaded.error} again={() => { live.resume(); look(); }}>{isGone(loaded.error) && t.formGone}</Failed>
          : <Loading />}
    </section>
  );
}

export function Pause({ live }: { live: LiveRun }) {
  const { state } = live;
  useRev(live, () => state.revs.forms + state.revs.head);
  const open = state.forms.filter(({ isOpen }) => isOpen);
  return <>{open.map((form) => <OneForm key={form.formId} live={live} form={form} />)}</>;
}
