// A field of a form: its label, what is typed or chosen, and what is to be said of it.

import type { ComponentChildren } from "preact";
import { Icon } from "../ui/icons";
import { type Field, isEmpty, lengthOf, type Value } from "./fields";
import { FileField } from "./file-field";
import type { Item, Problem } from "./files";
import { t } from "./words";

export interface FieldProps {
  field: Field;
  value: Value;
  problem: Problem | null;
  /** `problem`: what of it was not taken. */
  set: (value: Value, problem?: Problem | null) => void;
  note?: string | null; // beside its hint
}

/** Whether the browser cannot read what stands in it: its value is then empty. */
export function isBad(field: Field): boolean {
  const element = field.type === "number" ? document.getElementById(field.id) : null;
  return element instanceof HTMLInputElement && element.validity.badInput;
}

export function FieldInput({ field, value, problem, set, note }: FieldProps) {
  const { id } = field;
  const hint = [field.hint, note, field.type === "unknown" ? t.unknownType : null,
    field.type === "json_object" && !field.hint ? t.jsonHint : null].filter(Boolean).join(" ");
  const described = [hint && `${id}-hint`, field.max !== null && `${id}-max`, problem && `${id}-error`]
    .filter(Boolean).join(" ") || undefined;
  const label = (
    <>
      {field.label}
      {field.required && <span class="required" aria-hidden="true"> *</span>}
    </>
  );
  const rest = (
    <>
      {hint && <span class="hint" id={`${id}-hint`}>{hint}</span>}
      {problem && <FieldError id={`${id}-error`}>{problem()}</FieldError>}
    </>
  );
  if (field.type === "checkbox")
    return (
      <div class="field">
        <label class="check" for={id}>
          <input type="checkbox" id={id} checked={value === true} aria-describedby={described}
            aria-invalid={problem ? true : undefined} onChange={(event) => set(event.currentTarget.checked)} />
          <span>{field.label}</span>
        </label>
        {rest}
      </div>
    );
  if (field.files)
    return (
      <div class="field">
        <span class="label" id={`${id}-label`}>{label}</span>
        <FileField id={id} rules={field.files} items={value as Item[]} described={described}
          set={set} required={field.required} />
        {rest}
      </div>
    );
  return (
    <div class="field">
      <div class="field-head">
        <label for={id}>{label}</label>
        {field.max !== null && <Counter id={id} text={value as string} max={field.max} />}
      </div>
      <Control field={field} value={value as string} set={set} more={{
        id, required: field.required, "aria-describedby": described,
        "aria-invalid": problem ? true : undefined, placeholder: field.placeholder ?? undefined,
      }} />
      {rest}
    </div>
  );
}

function Control({ field, value, set, more }: {
  field: Field; value: string; set: FieldProps["set"];
  more: {
    id: string; required: boolean; placeholder: string | undefined;
    "aria-describedby": string | undefined; "aria-invalid": true | undefined;
  };
}) {
  const onInput = (event: { currentTarget: { value: string } }) => set(event.currentTarget.value);
  switch (field.type) {
    case "paragraph":
      return <textarea {...more} value={value} rows={3} onInput={onInput} />;
    case "json_object":
      return <textarea {...more} class="mono" value={value} rows={4} spellcheck={false} autocomplete="off"
        autocapitalize="off" onInput={onInput} />;
    case "select":
      return (
        <select {...more} value={value} onChange={onInput}>
          {(isEmpty(field.initial) || value === "") &&
            <option value="">{field.required ? t.pick : t.none}</option>}
          {field.options.map((option) => <option key={option} value={option}>{option}</option>)}
        </select>
      );
    case "number":
      // The wheel scrolls the page, and changes nothing that stands under it.
      return <input {...more} type="number" step="any" inputMode="decimal" autocomplete="off" value={value}
        onInput={onInput} onWheel={(event) => event.currentTarget.blur()} />;
    default:
      return <input {...more} type="text" autocomplete={field.id === "field-user" ? "name" : "off"}
        value={value} onInput={onInput} />;
  }
}

/** Of a long text only once it matters. */
function Counter({ id, text, max }: { id: string; text: string; max: number }) {
  const length = lengthOf(text);
  const matters = length > (max > 100 ? max / 2 : 0);
  return (
    <span class={`counter num${length > max ? " over" : ""}`}>
      <span aria-hidden="true">{matters && `${length}/${max}`}</span>
      <span class="hidden-text" id={`${id}-max`}>{t.atMost(max)}</span>
    </span>
  );
}

function FieldError({ id, children }: { id: string; children: ComponentChildren }) {
  return <span class="error" id={id}><Icon name="alert" /><span>{children}</span></span>;
}
