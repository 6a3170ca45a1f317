import type { Json } from "../lib/types";

export function JsonView({ value, name }: { value: Json; name: string }) {
  return <pre class="plain-text" tabIndex={0} aria-label={name}>{JSON.stringify(value, null, 2)}</pre>;
}
