// Tables are asked by words of others', which may be names that every object has (`constructor`).

/** What a table itself has under a name. */
export function own<T>(table: { [name: string]: T } | null | undefined, name: string | null | undefined): T | undefined {
  return table != null && name != null && Object.hasOwn(table, name) ? table[name] : undefined;
}
