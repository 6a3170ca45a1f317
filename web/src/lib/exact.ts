// JSON whose integers keep their digits. What JavaScript cannot hold, such as an id of 19 digits,
// is an Exact in place of a number: it is written, shown and copied as it came. Where the browser
// does not tell the text of a number it stays rounded (Firefox before 135, Safari before 18.4).

import type { Json } from "./types";

export class Exact {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }

  valueOf(): number {
    return Number(this.#text);
  }

  toJSON(): unknown {
    return (JSON as { rawJSON?: (text: string) => unknown }).rawJSON?.(this.#text) ?? this.valueOf();
  }
}

function keep(_: string, value: unknown, context?: { source?: string }): unknown {
  const text = context?.source;
  return typeof value === "number" && text !== undefined && !Number.isSafeInteger(value) && /^-?\d+$/.test(text)
    ? new Exact(text)
    : value;
}

export function parseJson(text: string): Json {
  return /\d{16}/.test(text) ? JSON.parse(text, keep) : JSON.parse(text);
}

/** A number, whichever way it is held. */
export function isNumber(value: unknown): value is number {
  return typeof value === "number" || value instanceof Exact;
}
