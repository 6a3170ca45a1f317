// What stands in a form when it opens, and what is kept of it for the next time. The address comes
// first, then the run whose inputs are wanted once more, then the values of last time.

import { own } from "../lib/own";
import { remember, remembered } from "../lib/session";
import type { Json, JsonObject } from "../lib/types";
import { type Field, type Value, type Values, valueFor } from "./fields";

export interface Sources {
  address: URLSearchParams | null; // by the variable's name, or its label
  again: JsonObject | null;
  last: JsonObject | null;
}

export function startValues(fields: Field[], { address, again, last }: Sources): Values {
  const start = (field: Field): Value => {
    const said = address?.get(field.name) ?? address?.get(field.label) ?? undefined;
    const before: Json | undefined = own(again ?? last, field.name);
    // A run that was asked for without it is asked for without it again.
    const none = again && !field.files ? valueFor(field, "") ?? field.initial : field.initial;
    return valueFor(field, said) ?? valueFor(field, before) ?? none;
  };
  return Object.fromEntries(fields.map((field) => [field.id, start(field)]));
}

const key = (app: string) => `form.${app}`;

export function lastValues(app: string): JsonObject | null {
  return remembered<JsonObject | null>(key(app), null);
}

/** Files are not kept. null: nothing is. */
export function keepValues(app: string, fields: Field[], values: Values | null): void {
  const texts = fields.filter((field) => !field.files);
  remember(key(app), values && Object.fromEntries(texts.map(({ name, id }) => [name, values[id]])));
}
