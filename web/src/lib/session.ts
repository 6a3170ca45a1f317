// The access token, kept for the session of this tab, and who waits for one. Other things that are
// kept (last values of forms, a user's name, colours, language) are no secrets: localStorage.

// Of this gateway: behind another path of the same proxy may be another one.
const key = () => `difystream.token ${location.pathname}`;
let memory: string | null = null; // where storage is refused, or full
let ask: (() => Promise<string>) | null = null;
let asking: Promise<string> | null = null;

export function token(): string | null {
  try {
    return sessionStorage.getItem(key()) ?? memory;
  } catch {
    return memory;
  }
}

/** Whether a header can hold it: if not, no request would even leave. */
export function isToken(value: string): boolean {
  return /^[!-~]{1,512}$/.test(value);
}

export function setToken(value: string | null): void {
  memory = value;
  try {
    if (value === null) sessionStorage.removeItem(key());
    else sessionStorage.setItem(key(), value);
    if (sessionStorage.getItem(key()) === value) memory = null;
  } catch { /* it stays in memory */ }
}

/** Who shows the question for a token. */
export function onTokenWanted(show: () => Promise<string>): void {
  ask = show;
}

/** A token of the user's, after the gateway has refused the one there is (or that there is none):
 * asked for once, whoever wants it. */
export async function newToken(refused: string | null): Promise<string> {
  const there = token();
  if (there !== null && there !== refused) return there;
  if (!ask) throw new Error("nobody asks for tokens");
  asking ??= ask().finally(() => (asking = null));
  const value = await asking;
  setToken(value);
  return value;
}

export function remembered<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(`difystream.${key}`);
    return text === null ? otherwise : (JSON.parse(text) as T | null) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(`difystream.${key}`, JSON.stringify(value));
  } catch { /* full, or refused: it is a comfort, no more */ }
}
