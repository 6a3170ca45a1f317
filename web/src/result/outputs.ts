// What of a result is read as text, what as a table, and how these leave the page.

import { isNumber } from "../lib/exact";
import { own } from "../lib/own";
import type { Json, JsonObject, ResultData } from "../lib/types";
import { filesOf, isFile, type OutputFile } from "./files";
import { isBranch } from "./tree";

/** Whether it came to outputs of its own: one that failed may have none, or empty ones. */
export function isWhole({ status, workflow_outputs: own }: ResultData): boolean {
  return own !== null && (status === "succeeded" || Object.keys(own).length > 0);
}

/** The run's own outputs; of one that came to none those that its nodes gave. */
export function outputsOf(data: ResultData): JsonObject {
  return isWhole(data) ? data.workflow_outputs! : data.outputs;
}

/** The files among them, under the gateway's numbers: a name of the run's outputs has the same value
 * in those of all nodes. */
export function shownFiles(data: ResultData): OutputFile[] {
  const files = filesOf(data.outputs);
  const shown = outputsOf(data);
  return files.filter(({ path }) => Object.hasOwn(shown, path[0]!));
}

/** The value of a text that is JSON of a branch; undefined: it is no such text. */
export function jsonIn(text: string): Json | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value = JSON.parse(text) as Json;
    return isBranch(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export interface TextOutput {
  name: string; // "": the answer of a chat
  text: string;
}

const FIRST = ["text", "answer", "result", "output"];

/** The texts that a person reads, the one meant first in front: the answer, then those named so,
 * then by length. Texts that are JSON are read as such, not here. */
export function textsOf(data: ResultData): TextOutput[] {
  const texts: TextOutput[] = [];
  if (data.answer) texts.push({ name: "", text: data.answer });
  const named: TextOutput[] = [];
  for (const [name, value] of Object.entries(outputsOf(data)))
    if (typeof value === "string" && value.trim() !== "" && value !== data.answer && jsonIn(value) === undefined)
      named.push({ name, text: value });
  const rank = ({ name }: TextOutput) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  named.sort((a, b) => rank(a) - rank(b) || b.text.length - a.text.length);
  return [...texts, ...named];
}

const MOST_COLUMNS = 30;

/** The columns of a list of objects; null: it is no table. */
export function columnsOf(value: Json): string[] | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const columns = new Set<string>();
  for (const row of value) {
    if (!isBranch(row) || Array.isArray(row) || isFile(row)) return null;
    for (const name of Object.keys(row)) columns.add(name);
    if (columns.size > MOST_COLUMNS) return null;
  }
  return columns.size > 0 ? [...columns] : null;
}

export function cellText(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return isBranch(value) ? JSON.stringify(value) : String(value);
}

// A program for tables would take a text that begins so for a formula, and a formula can send
// what is in the table away.
function csvCell(value: Json | undefined): string {
  let text = cellText(value);
  if (!isNumber(value) && /^[=+\-@\t\r\n＝＋－＠]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 4180, with the mark by which Excel takes it for UTF-8. */
export function toCsv(rows: JsonObject[], columns: string[]): string {
  const lines = [columns.map(csvCell), ...rows.map((row) => columns.map((name) => csvCell(own(row, name))))];
  return "\uFEFF" + lines.map((line) => line.join(",") + "\r\n").join("");
}

/** A name that any file system takes. */
export function fileName(...parts: string[]): string {
  const name = parts.join("-").replace(/[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069"*/:<>?\\|]+/g, "_");
  return name.replace(/^[.\s]+|[.\s]+$/g, "").slice(0, 100) || "result";
}

