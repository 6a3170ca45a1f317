// Clients as browsers have them, by which clients.py asks the gateway. Each event is a line of JSON
// on standard output as it comes, {"id", "event", "data"}; the last line is {"closed": true}.
//
//     node clients.mjs fetch URL INPUTS            POST /api/runs, the body read as a stream
//     node clients.mjs eventsource URL PACKAGE     an EventSource, until it stops by itself

import { pathToFileURL } from "node:url";

const [kind, url, last] = process.argv.slice(2);
const show = (value) => process.stdout.write(JSON.stringify(value) + "\n");

// A front end's few lines, as they stand in many.
async function readStream() {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ inputs: JSON.parse(last) }),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) {
      const fields = { event: "message" };
      for (const line of frame.split("\n")) {
        const [, name, text] = line.match(/^([^:]*):? ?(.*)$/);
        if (name) fields[name] = text;
      }
      if ("data" in fields) show({ id: fields.id ?? "", event: fields.event, data: fields.data });
    }
  }
  show({ closed: true });
}

async function listen() {
  const { EventSource } = await import(pathToFileURL(last).href);
  const source = new EventSource(url);
  for (const name of ["message", "follow", "reset", "end"]) {
    source.addEventListener(name, ({ type, lastEventId, data }) => {
      show({ id: lastEventId, event: type, data });
    });
  }
  // It comes again by itself after each break; what it is told not to come again for closes it.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) show({ closed: true });
  });
}

await (kind === "fetch" ? readStream() : listen());
