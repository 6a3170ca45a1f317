// Where links of untrusted texts may lead.

const LINKS = new Set(["http:", "https:", "mailto:"]);

/** An address that a link may lead to, in the browser's own reading; else null. */
export function linkAddress(text: string | null): string | null {
  try {
    const url = new URL(text ?? "");
    return LINKS.has(url.protocol) ? url.href : null;
  } catch {
    return null; // relative ones lead into the gateway
  }
}
