// A client of Dify for Node.js as sdks.py asks it; as sdks_python.py, with the folder of packages:
//
//     node sdks_node.mjs CLIENT FOLDER

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [name, folder] = process.argv.slice(2);
const load = (...path) => import(pathToFileURL(join(folder, "node_modules", ...path)).href);

async function textOf(stream) {
  let text = "";
  for await (const piece of stream.setEncoding("utf8")) text += piece;
  return text;
}

async function picture(path) {
  return new Blob([await readFile(path)], { type: "image/png" });
}

// dify-client: answers are those of axios.
async function official(url, key) {
  const { ChatClient, CompletionClient } = await load("dify-client", "index.js");
  const talk = new ChatClient(key, url);
  const writer = new CompletionClient(key, url);
  const read = async (asked, mode) => {
    const { data } = await asked;
    if (mode !== "streaming") return data;
    const frames = (await textOf(data)).split("\n\n");
    return frames.filter((frame) => frame.startsWith("data:")).map((frame) => JSON.parse(frame.slice(5)));
  };
  return {
    parameters: ({ user }) => read(talk.getApplicationParameters(user)),
    upload: async ({ user, path }) => {
      const form = new FormData();
      form.append("file", await picture(path), "label.png");
      form.append("user", user);
      return read(talk.fileUpload(form));
    },
    feedback: ({ message, user }) => read(talk.messageFeedback(message, "like", user)),
    workflow: ({ inputs, user, mode }) =>
      read(writer.runWorkflow(inputs, user, mode === "streaming"), mode),
    completion: ({ inputs, user, mode }) =>
      read(writer.createCompletionMessage(inputs, user, mode === "streaming"), mode),
    chat: ({ query, user, mode, conversation }) =>
      read(talk.createChatMessage({}, query, user, mode === "streaming", conversation), mode),
    conversations: ({ user }) => read(talk.getConversations(user)),
    messages: ({ conversation, user }) => read(talk.getConversationMessages(user, conversation)),
  };
}

// dify-ai-provider: a model of the AI SDK; a stream's value is the list of its parts.
async function provider(url, key) {
  const { createDifyProvider } = await load("dify-ai-provider", "dist", "index.mjs");
  const model = createDifyProvider({ baseURL: url }).chat("any", { apiKey: key, logger: false });
  const ask = async ({ user, mode, conversation }, content) => {
    const options = {
      prompt: [{ role: "user", content }],
      headers: { "user-id": user, ...(conversation && { "chat-id": conversation }) },
    };
    if (mode !== "streaming") {
      const { content: parts, usage, providerMetadata } = await model.doGenerate(options);
      return { parts, usage, providerMetadata };
    }
    const parts = [];
    for await (const part of (await model.doStream(options)).stream) {
      parts.push(part.type === "error" ? { type: "error", message: String(part.error?.message) } : part);
    }
    return parts;
  };
  return {
    chat: (words) => ask(words, [{ type: "text", text: words.query }]),
    // The file goes up with the message.
    picture: async (words) =>
      ask(words, [
        { type: "text", text: words.query },
        { type: "file", mediaType: "image/png", data: new Uint8Array(await readFile(words.path)) },
      ]),
  };
}

async function told(error) {
  let said = error.response?.data ?? error.responseBody;
  if (said?.setEncoding) said = await textOf(said);
  if (typeof said === "string") {
    try {
      said = JSON.parse(said);
    } catch {
      said = {};
    }
  }
  return {
    type: error.name,
    status: error.response?.status ?? error.statusCode ?? null,
    code: said?.code ?? null,
    message: said?.message ?? error.message,
  };
}

const clients = { "dify-client": official, "dify-ai-provider": provider };
for await (const line of createInterface({ input: process.stdin })) {
  const { url, key, call, ...words } = JSON.parse(line);
  let answer;
  try {
    const client = await clients[name](url, key);
    answer = { value: await client[call](words) };
  } catch (error) {
    answer = { error: await told(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
