// A human-input form of Dify: Markdown in which {{#$output.NAME#}} stands for an input.

import { own } from "../lib/own";
import type { Json, JsonObject, PausedForm } from "../lib/types";

export type Piece = { text: string } | { input: string };
export type FormInput = { name: string; type: string; initial: string; options: string[] };

/** The content in order; inputs that it does not mention come last, of those that it mentions twice
 * the first place counts. Names that are none of the inputs stand for nothing. */
export function piecesOf(content: string, names: string[]): Piece[] {
  const pieces: Piece[] = [];
  const left = new Set(names);
  let from = 0;
  const text = (to: number) => {
    const part = content.slice(from, to);
    if (part.trim() !== "") pieces.push({ text: part });
  };
  for (const match of content.matchAll(/\{\{#\$output\.([^#{}]+)#\}\}/g)) {
    text(match.index);
    from = match.index + match[0].length;
    if (left.delete(match[1]!)) pieces.push({ input: match[1]! });
  }
  text(content.length);
  for (const name of left) pieces.push({ input: name });
  return pieces;
}

function asText(value: Json | undefined): string {
  return value == null ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

/** The inputs with what is in them at first: what Dify has made of a default, else a constant one. */
export function inputsOf(form: PausedForm["form"]): FormInput[] {
  return (form.inputs ?? []).map((input) => {
    const name = input.output_variable_name;
    const resolved = own(form.resolved_default_values, name);
    const given = input.default as JsonObject | string | null | undefined;
    const constant = given && typeof given === "object" ? (given["type"] === "constant" ? given["value"] : undefined) : given;
    const options = (input as { options?: unknown }).options;
    return {
      name, type: input.type ?? "paragraph", initial: asText(resolved ?? constant),
      options: Array.isArray(options) ? options.filter((one) => typeof one === "string") : [],
    };
  });
}
