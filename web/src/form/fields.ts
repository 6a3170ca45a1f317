// The fields of a form, as an app describes them: what may stand in each, and what is sent of it.

import type { FileUpload, InputDescription, Json, JsonObject, Parameters } from "../lib/types";
import type { FileRules, Item, Kind, Problem } from "./files";
import { remoteFile } from "./files";
import type { Order } from "./send";
import { t } from "./words";

const TYPES = ["text-input", "paragraph", "select", "number", "checkbox", "json_object", "file",
  "file-list"] as const;

export interface Field {
  id: string; // of its element in the page
  name: string; // of the variable
  label: string;
  type: (typeof TYPES)[number] | "unknown";
  required: boolean;
  hidden: boolean;
  hint: string | null;
  placeholder: string | null;
  max: number | null; // characters
  options: string[];
  files: FileRules | null;
  initial: Value;
}

/** What stands in a field: a text as it was typed, a tick, files. */
export type Value = string | boolean | Item[];
export type Values = { [id: string]: Value };
export type Problems = { [id: string]: Problem };

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
const lower = (value: unknown) => strings(value).map((one) => one.toLowerCase().replace(/^\./, ""));

type Limits = Parameters["system_parameters"];

/** What Dify says of files, for a field of its own or for an app as a whole. */
export function fileRules(of: FileUpload, most: number | null, limits: Limits = {}): FileRules {
  const methods = strings(of.allowed_file_upload_methods);
  const rules: FileRules = {
    kinds: lower(of.allowed_file_types) as Kind[],
    extensions: lower(of.allowed_file_extensions),
    local: methods.includes("local_file") || !methods.includes("remote_url"),
    remote: methods.includes("remote_url"),
    most,
    megabytes: {},
  };
  for (const kind of ["image", "audio", "video", "document", "custom"] as const) {
    const name = kind === "document" || kind === "custom" ? "file" : `${kind}_file`;
    const limit = limits[`${name}_size_limit`];
    if (typeof limit === "number" && limit > 0) rules.megabytes[kind] = limit;
  }
  return rules;
}

export function makeField(id: string, type: string, of: InputDescription, limits?: Limits): Field {
  const known = TYPES.find((name) => name === type);
  const max = typeof of.max_length === "number" && of.max_length > 0 ? of.max_length : null;
  const field: Field = {
    id,
    name: of.variable,
    label: of.label || of.variable,
    type: known ?? "unknown",
    required: of.required === true,
    hidden: of.hide === true,
    hint: of.hint || null,
    placeholder: of.placeholder || null,
    max: known === "text-input" || known === "paragraph" ? max : null,
    options: strings(of.options),
    files: null,
    initial: "",
  };
  if (known === "file") field.files = fileRules(of, 1, limits);
  if (known === "file-list")
    field.files = fileRules(of, max ?? limits?.["workflow_file_upload_limit"] ?? null, limits);
  const nothing = field.files ? [] : known === "checkbox" ? false : "";
  field.initial = valueFor(field, of.default) ?? nothing;
  return field;
}

export function fieldsOf(parameters: Parameters): Field[] {
  return (parameters.user_input_form ?? []).flatMap((entry, at) => {
    const [type, of] = Object.entries(entry)[0] ?? [];
    if (!type || !of || typeof of.variable !== "string") return [];
    return [makeField(`field-${at}`, type, of, parameters.system_parameters)];
  });
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

// Words of a checkbox that Dify knows.
const YES = /^\s*(true|1|yes|on)\s*$/i;
const NO = /^\s*(false|0|no|off)\s*$/i;

/** What a value that comes from elsewhere (an address, another run, a default) is in the field;
 * undefined: nothing that fits. */
export function valueFor(field: Field, value: Json | undefined): Value | undefined {
  if (value == null || field.files) return undefined;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  switch (field.type) {
    case "checkbox":
      return YES.test(text) ? true : NO.test(text) ? false : undefined;
    case "select":
      return field.options.includes(text) ? text : undefined;
    case "number":
      return isNumber(text) || text === "" ? text : undefined;
    case "json_object":
      if (isObject(value)) return JSON.stringify(value, null, 2);
      return typeof value === "string" ? value : undefined;
    default:
      return text;
  }
}

const isNumber = (text: string) => text.trim() !== "" && Number.isFinite(Number(text));

/** As Dify counts. */
export function lengthOf(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

export function isEmpty(value: Value): boolean {
  return typeof value === "string" ? value.trim() === "" : typeof value !== "boolean" && value.length === 0;
}

/** What is wrong with a value. `isBad`: the browser itself cannot read what was typed. */
export function check(field: Field, value: Value, isBad = false): Problem | null {
  if (isBad) return () => t.noNumber;
  if (isEmpty(value)) {
    if (!field.required) return null;
    return () => field.files ? t.needsFile : field.type === "select" ? t.needsChoice : t.needsText;
  }
  if (typeof value !== "string") return null;
  const { max } = field;
  if (max !== null && lengthOf(value) > max) return () => t.tooLong(lengthOf(value), max);
  if (field.type === "number" && !isNumber(value)) return () => t.noNumber;
  if (field.type === "json_object") return checkObject(value);
  return null;
}

function checkObject(text: string): Problem | null {
  try {
    if (isObject(JSON.parse(text))) return null;
  } catch (error) {
    const why = (error as Error).message;
    return () => t.noJson(why);
  }
  return () => t.noObject;
}

// More digits than a number of JavaScript holds go as they were typed: Dify reads them, too.
const numberOf = (text: string): Json => text.replace(/\D/g, "").length > 15 ? text.trim() : Number(text);

/** What a run is asked for with. What was left empty is not sent, unless a default would come back. */
export function inputsOf(fields: Field[], values: Values): Pick<Order, "inputs" | "files"> {
  const inputs = new Map<string, Json>(); // a name may be any
  const files: Order["files"] = [];
  for (const field of fields) {
    const value = values[field.id] ?? field.initial;
    if (Array.isArray(value)) {
      const remote = value.filter(({ url }) => url).map((item) => remoteFile(field.files!, item));
      for (const { file } of value) if (file) files.push([field.name, file]);
      if (remote.length > 0) inputs.set(field.name, field.type === "file" ? remote[0]! : remote);
    } else if (typeof value === "boolean") {
      inputs.set(field.name, value);
    } else if (isEmpty(value) && field.type !== "text-input" && field.type !== "paragraph") {
      if (field.initial !== "") inputs.set(field.name, field.type === "json_object" ? {} : "");
    } else if (value !== "" || field.initial !== "") {
      inputs.set(field.name, field.type === "number" ? numberOf(value)
        : field.type === "json_object" ? JSON.parse(value) as Json : value);
    }
  }
  return { inputs: Object.fromEntries(inputs), files };
}

const SAYS = ["is required", "in input form", "takes "];

/** A refusal names all that is wrong, with semicolons between: what belongs beside which field, and
 * what is left. */
export function placeErrors(message: string, fields: Field[]): { problems: Problems; rest: string } {
  const problems: Problems = {};
  const rest: string[] = [];
  for (const part of message.split("; ")) {
    const field = fields.find(({ name }) => SAYS.some((says) => part.startsWith(`${name} ${says}`)) ||
      part.includes(`"${name}"`) || part.includes(`['${name}'`) || part.includes(` ${name} in input form`));
    if (field) problems[field.id] ??= () => part;
    else rest.push(part);
  }
  return { problems, rest: rest.join("; ") };
}
