// The fold of fold_requests.py in JavaScript: eventsource-parser, JSON.parse, an object.
//
//     node fold_eventsource.mjs PARSER STREAM REPEATS
//
// PARSER is the path of eventsource-parser's module. The stream is in memory before the clock
// starts and is fed in chunks of 64 KiB, decoded as they come. Prints the seconds of each fold.
import {readFileSync} from "node:fs";
import {pathToFileURL} from "node:url";

const [parserPath, path, repeats] = process.argv.slice(2);
const {createParser} = await import(pathToFileURL(parserPath));
const bytes = readFileSync(path);
const CHUNK = 65536;

function fold() {
  const result = {outputs: {}, answer: "", totalTokens: 0, totalPrice: 0, nodes: new Map()};
  let events = 0;
  const parser = createParser({
    onEvent({data: text}) {
      if (text === "") return;
      const event = JSON.parse(text);
      const data = event.data ?? {};
      events++;
      switch (event.event) {
        case "workflow_started":
          result.runId = event.workflow_run_id;
          break;
        case "node_started":
          result.nodes.set(data.id, {title: data.title, status: "running"});
          break;
        case "node_finished":
          result.nodes.set(data.id, {title: data.title, status: data.status,
                                     elapsedTime: data.elapsed_time});
          Object.assign(result.outputs, data.outputs);
          result.totalTokens += data.execution_metadata?.total_tokens ?? 0;
          result.totalPrice += Number(data.execution_metadata?.total_price ?? 0);
          break;
        case "message":
          result.answer += event.answer;
          break;
        case "workflow_finished":
          result.status = data.status;
          Object.assign(result.outputs, data.outputs);
          break;
      }
    },
  });
  const decoder = new TextDecoder();
  for (let at = 0; at < bytes.length; at += CHUNK)
    parser.feed(decoder.decode(bytes.subarray(at, at + CHUNK), {stream: true}));
  if (events === 0 || result.status !== "succeeded") throw new Error("the fold failed");
}

for (let i = 0; i < Number(repeats); i++) {
  const start = performance.now();
  fold();
  console.log((performance.now() - start) / 1000);
}
