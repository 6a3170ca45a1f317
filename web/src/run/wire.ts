// Reading what servers send: a member of another type than expected is as if it were not there.

import type { JsonObject } from "../lib/types";

export function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** A text that says something. */
export function word(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

export function number(value: unknown): number | null {
  if (typeof value === "number") return value;
  const read = typeof value === "string" && value.trim() !== "" ? Number(value) : NaN;
  return Number.isFinite(read) ? read : null;
}

export function object(value: unknown): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
