// The files of a result. The gateway gives them by number, in the order in which they stand in
// data.outputs, and takes the same values for files (docs/gateway.md, src/gateway/files.c). Names
// that are whole numbers would come first here, wherever they stand: Dify has no such names, and
// what code puts into an object of its own is no place for files.

import type { Json, JsonObject } from "../lib/types";
import { isBranch, membersOf, type Step } from "./tree";

export interface OutputFile {
  number: number; // the gateway's
  path: Step[];
  name: string;
  kind: string; // Dify's: image, document, audio, video, custom; "" where it does not say
  type: string; // as media have it, or ""
  size: number | null; // bytes
  isElsewhere: boolean; // the gateway does not give it
  url: string;
}

export function isFile(value: Json): value is JsonObject {
  return isBranch(value) && !Array.isArray(value) &&
    (value["dify_model_identity"] === "__dify__file__" ||
      ("transfer_method" in value && typeof value["url"] === "string"));
}

const text = (value: Json | undefined) => (typeof value === "string" ? value : "");

function lastOf(url: string): string {
  return url.split(/[?#]/)[0]!.split("/").pop() ?? "";
}

// Signs that turn the writing around: "exe.gnp" would be read as "png.exe", here and among downloads.
const TURNS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function fileOf(value: JsonObject, path: Step[], number: number): OutputFile {
  const url = text(value["url"]) || text(value["remote_url"]);
  return {
    number, path, url,
    name: (text(value["filename"]) || lastOf(url)).replace(TURNS, ""),
    kind: text(value["type"]),
    type: text(value["mime_type"]).toLowerCase(),
    size: typeof value["size"] === "number" && value["size"] >= 0 ? value["size"] : null,
    isElsewhere: value["transfer_method"] === "remote_url" || !/^[^?#]*\/files\//.test(url),
  };
}

/** All files in the outputs of a result, by number. */
export function filesOf(outputs: Json): OutputFile[] {
  const files: OutputFile[] = [];
  const waiting: { path: Step[]; value: Json }[] = [{ path: [], value: outputs }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { path, value } = next;
    if (isFile(value)) {
      files.push(fileOf(value, path, files.length)); // which holds no further ones
      continue;
    }
    for (const [step, member] of membersOf(value).reverse()) waiting.push({ path: [...path, step], value: member });
  }
  return files;
}

const PICTURES = /^image\/(?:png|jpeg|gif|webp|avif|bmp)$/;
const NAMES: { [ending: string]: string } = {
  png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", avif: "image/avif",
  bmp: "image/bmp", mp3: "audio/mpeg", wav: "audio/wav", m4a: "audio/mp4", ogg: "audio/ogg", opus: "audio/ogg",
  flac: "audio/flac", mp4: "video/mp4", webm: "video/webm", mov: "video/quicktime",
};

/** How a file is shown, and as what; null: by its name alone. Never SVG: it is a document. */
export function showAs({ type, name }: { type: string; name: string }):
  { how: "picture" | "audio" | "video"; type: string } | null {
  const named = NAMES[name.split(".").pop()!.toLowerCase()];
  const says = type !== "" && type !== "application/octet-stream";
  const is = says ? type.split(";")[0]!.trim() : named;
  if (is === undefined || !/^(?:image|audio|video)\//.test(is)) return null;
  if (is.startsWith("image/")) return PICTURES.test(is) ? { how: "picture", type: is } : null;
  return { how: is.startsWith("audio/") ? "audio" : "video", type: is };
}
