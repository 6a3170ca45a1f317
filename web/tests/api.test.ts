// lib/api.ts: what is asked of the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, getRow, getRun, listRuns } from "../src/lib/api";

Object.assign(globalThis, { location: new URL("http://page.example/difystream/") });

test("a run's row is looked for where its id says; that of a workflow_run_id everywhere", async () => {
  const asked: URLSearchParams[] = [];
  const row = { run_id: "019ad3a7-0c80-7f00-8000-0000000000aa", workflow_run_id: "019ad3a7-0c81-7f00-8000-0000000000bb" };
  globalThis.fetch = (async (url: string) => {
    const query = new URL(url, "http://x/").searchParams;
    asked.push(query);
    const inSpan = !query.has("since") || query.get("since") === new Date(0x019ad3a70c80).toISOString();
    return Response.json({ data: inSpan && JSON.stringify(row).includes(query.get("q")!) ? [row] : [] });
  }) as typeof fetch;

  assert.deepEqual(await getRow(row.run_id), row);
  assert.equal(asked.length, 1);
  assert.equal(Date.parse(asked[0]!.get("until")!) - Date.parse(asked[0]!.get("since")!), 1);
  assert.deepEqual(await getRow(row.workflow_run_id), row);
  assert.deepEqual(asked.slice(1).map((query) => query.has("since")), [true, false]);
  assert.equal(await getRow("8f14e45f-ceea-467f-ab2b-2f9c1d0d0b6e"), null);
  assert.equal(asked.length, 4);
  assert.ok(!asked[3]!.has("since"));
});

test("an answer that never comes is not waited for, and one that is not wanted any more neither", async () => {
  let late = () => {};
  const { setTimeout: real } = globalThis;
  globalThis.setTimeout = ((callback: () => void) => { late = callback; return 0; }) as never;
  globalThis.fetch = ((_: string, { signal }: RequestInit) => new Promise((_, reject) => {
    if (signal!.aborted) reject(signal!.reason);
    signal!.addEventListener("abort", () => reject(signal!.reason));
  })) as typeof fetch;
  try {
    const asked = getRun("x");
    late();
    await assert.rejects(asked, (error) => error instanceof ApiError && error.status === 0);
    const stop = new AbortController();
    const listed = listRuns({}, stop.signal);
    stop.abort();
    await assert.rejects(listed, { name: "AbortError" });
    await assert.rejects(listRuns({}, stop.signal), { name: "AbortError" });
  } finally {
    globalThis.setTimeout = real;
  }
});
