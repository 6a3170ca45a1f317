// Files of a form: which a field takes, and what it holds. What is checked here is what Dify would
// refuse: after the upload, or only in the middle of the run.

import type { Json } from "../lib/types";
import { t } from "./words";

/** What is wrong, in the reader's language of the moment. */
export type Problem = () => string;

export type Kind = "image" | "document" | "audio" | "video" | "custom";

// Dify's own lists.
const EXTENSIONS: { [kind in Exclude<Kind, "custom">]: string } = {
  image: "jpg jpeg png gif webp svg",
  document: "txt md mdx markdown pdf html htm xlsx xls doc docx csv eml msg pptx ppt xml epub vtt properties",
  audio: "mp3 m4a wav amr mpga",
  video: "mp4 mov mpeg webm",
};
const KINDS = Object.keys(EXTENSIONS) as Exclude<Kind, "custom">[];

export interface FileRules {
  kinds: Kind[]; // none: any
  extensions: string[]; // of kind custom, in small letters; none: any
  local: boolean;
  remote: boolean; // by an address that Dify fetches
  most: number | null; // files
  megabytes: { [kind in Kind]?: number };
}

/** A file that was chosen, or the address of one. */
export interface Item {
  id: number;
  name: string;
  file: File | null;
  url: string | null;
}

function extensionOf(name: string): string {
  return /\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
}

export function kindOf(name: string): Kind {
  const extension = extensionOf(name);
  return KINDS.find((kind) => EXTENSIONS[kind].split(" ").includes(extension)) ?? "custom";
}

function takes(rules: FileRules, name: string): boolean {
  if (rules.kinds.length === 0 || rules.kinds.includes(kindOf(name))) return true;
  return rules.kinds.includes("custom") &&
    (rules.extensions.length === 0 || rules.extensions.includes(extensionOf(name)));
}

/** The extensions that are taken; empty: all. */
export function extensionsOf(rules: FileRules): string[] {
  const takesAny = rules.kinds.includes("custom") && rules.extensions.length === 0;
  if (rules.kinds.length === 0 || takesAny) return [];
  return [...new Set(rules.kinds.flatMap((kind) =>
    kind === "custom" ? rules.extensions : EXTENSIONS[kind].split(" ")))];
}

/** For the browser's own choice of files. Images by their types: so phones offer their pictures, and
 * turn those of their own format into one of these. */
export function acceptOf(rules: FileRules): string {
  const images = new Set(EXTENSIONS.image.split(" "));
  return extensionsOf(rules).map((extension) => {
    if (!images.has(extension)) return `.${extension}`;
    return `image/${{ jpg: "jpeg", svg: "svg+xml" }[extension] ?? extension}`;
  }).filter((type, at, all) => all.indexOf(type) === at).join(",");
}

function wrongType(rules: FileRules, name: string): Problem {
  return () => t.wrongType(name, extensionsOf(rules).join(", ").toUpperCase());
}

function problemOf(rules: FileRules, file: File): Problem | null {
  const { name, size } = file;
  if (!takes(rules, name)) return wrongType(rules, name);
  const limit = rules.megabytes[kindOf(name)];
  if (limit !== undefined && size > limit * 1024 * 1024) return () => t.tooLarge(name, limit);
  return null;
}

const both = (one: Problem | null, other: Problem): Problem => one ? () => `${one()} ${other()}` : other;

let ids = 0;

interface Added {
  items: Item[];
  problem: Problem | null;
}

/** What a field holds once files are added: those that it takes, in their order. One that takes a
 * single file takes it in place of the one it has. */
export function addFiles(rules: FileRules, before: Item[], files: File[]): Added {
  let problem: Problem | null = null;
  const taken: Item[] = [];
  for (const file of files) {
    const wrong = problemOf(rules, file);
    if (wrong) problem = both(problem, wrong);
    else taken.push({ id: ++ids, name: file.name, file, url: null });
  }
  return join(rules, before, taken, problem);
}

function nameIn(url: URL): string {
  const last = url.pathname.split("/").pop()!;
  try {
    return decodeURIComponent(last) || url.host;
  } catch {
    return last;
  }
}

/** The same of an address. */
export function addAddress(rules: FileRules, before: Item[], text: string): Added {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return { items: before, problem: () => t.badAddress };
  }
  if (!/^https?:$/.test(url.protocol)) return { items: before, problem: () => t.badAddress };
  const name = nameIn(url);
  // An address may say nothing of what it leads to.
  if (extensionOf(name) && !takes(rules, name) && kindOf(name) !== "custom")
    return { items: before, problem: wrongType(rules, name) };
  return join(rules, before, [{ id: ++ids, name, file: null, url: url.href }], null);
}

function join(rules: FileRules, before: Item[], added: Item[], problem: Problem | null): Added {
  const { most } = rules;
  if (added.length === 0) return { items: before, problem };
  const items = most === 1 && added.length === 1 ? added : [...before, ...added];
  // A request has either for one input: its files take the place of what else is said.
  if (items.some(({ file }) => file) && items.some(({ url }) => url))
    return { items: before, problem: both(problem, () => t.mixed) };
  if (most !== null && items.length > most)
    return { items: items.slice(0, most), problem: both(problem, () => t.tooMany(most)) };
  return { items, problem };
}

/** A file by its address, as Dify wants it said. */
export function remoteFile(rules: FileRules, item: Item): Json {
  const kind = kindOf(item.name);
  const fits = rules.kinds.length === 0 || rules.kinds.includes(kind);
  const type = fits ? kind : rules.kinds.includes("custom") ? "custom" : rules.kinds[0]!;
  return { type, transfer_method: "remote_url", url: item.url };
}
