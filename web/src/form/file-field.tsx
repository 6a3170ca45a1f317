// A field that takes files: dropped, pasted, chosen, taken by the camera, or by their address.

import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, listed } from "../lib/format";
import { Icon } from "../ui/icons";
import {
  acceptOf, addAddress, addFiles, extensionsOf, type FileRules, type Item, kindOf, type Problem,
} from "./files";
import { t } from "./words";

const hasCamera = matchMedia("(pointer: coarse)").matches;
const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

// A folder that is dropped looks like a file that cannot be read.
function droppedFiles({ dataTransfer }: DragEvent): File[] {
  return [...dataTransfer?.items ?? []]
    .filter((item) => item.kind === "file" && !item.webkitGetAsEntry()?.isDirectory)
    .map((item) => item.getAsFile()).filter((file) => file !== null);
}

/** A file that is dropped beside a field would open in place of the page. */
export function useDropGuard(): void {
  useEffect(() => {
    const guard = (event: DragEvent) => {
      if (event.defaultPrevented || !carriesFiles(event)) return;
      event.preventDefault();
      event.dataTransfer!.dropEffect = "none";
    };
    addEventListener("dragover", guard);
    addEventListener("drop", guard);
    return () => {
      removeEventListener("dragover", guard);
      removeEventListener("drop", guard);
    };
  }, []);
}

/** Files that are pasted anywhere on the page. Where there is a text as well (as of a table that was
 * copied) it is the text that is meant. */
export function usePaste(paste: (files: File[], at: Element | null) => boolean): void {
  const latest = useRef(paste);
  latest.current = paste;
  useEffect(() => {
    const pasted = (event: ClipboardEvent) => {
      const { clipboardData: data } = event;
      if (!data || data.files.length === 0 || data.types.includes("text/plain")) return;
      if (document.querySelector("dialog[open]")) return;
      if (latest.current([...data.files], event.target as Element | null)) event.preventDefault();
    };
    addEventListener("paste", pasted);
    return () => removeEventListener("paste", pasted);
  }, []);
}

export function FileField({ id, rules, items, described, required, set }: {
  id: string; rules: FileRules; items: Item[]; described: string | undefined; required: boolean;
  set: (items: Item[], problem?: Problem | null) => void;
}) {
  const [isOver, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const camera = useRef<HTMLInputElement>(null);
  const one = rules.most === 1;
  const add = (files: File[]) => {
    if (files.length === 0) return;
    const added = addFiles(rules, items, files);
    set(added.items, added.problem);
  };
  const chosen = (event: { currentTarget: HTMLInputElement }) => {
    add([...event.currentTarget.files ?? []]);
    event.currentTarget.value = ""; // so that the same file can be chosen again
  };
  const over = (event: DragEvent) => {
    if (!rules.local || !carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = "copy";
    setOver(true);
  };
  const left = (event: DragEvent) => {
    if (!(event.currentTarget as Element).contains(event.relatedTarget as Node | null)) setOver(false);
  };
  const drop = (event: DragEvent) => {
    setOver(false);
    if (!rules.local || !carriesFiles(event)) return;
    event.preventDefault();
    add(droppedFiles(event));
  };
  const remove = (item: Item) => {
    set(items.filter((other) => other !== item));
    document.getElementById(id)?.focus();
  };
  const takesImages = rules.kinds.length === 0 || rules.kinds.includes("image");
  return (
    <div class={`drop${isOver ? " over" : ""}`} role="group" aria-labelledby={`${id}-label`}
      onDragEnter={over} onDragOver={over} onDragLeave={left} onDrop={drop} data-field={id}>
      {items.length > 0 && (
        <ul>
          {items.map((item) => <FileItem key={item.id} item={item} remove={() => remove(item)} />)}
        </ul>
      )}
      <div class="drop-ask">
        {rules.local && (
          <>
            <span class="drop-hint"><Icon name="upload" />{one ? t.dropFile : t.dropFiles}</span>
            <button type="button" id={id} onClick={() => chooser.current!.click()} aria-describedby={described}>
              {one ? t.chooseFile : t.chooseFiles}
              {required && <span class="hidden-text">, {t.required}</span>}
            </button>
            <input ref={chooser} type="file" hidden multiple={!one} accept={acceptOf(rules)} onChange={chosen} />
          </>
        )}
        {rules.local && takesImages && hasCamera && (
          <>
            <button type="button" onClick={() => camera.current!.click()}><Icon name="camera" />{t.camera}</button>
            <input ref={camera} type="file" hidden accept="image/*" capture="environment" onChange={chosen} />
          </>
        )}
        {rules.remote && <Address id={rules.local ? `${id}-address` : id} add={(text) => {
          const added = addAddress(rules, items, text);
          set(added.items, added.problem);
          return added.problem === null;
        }} isOpen={!rules.local} described={described} />}
      </div>
      <div class="drop-foot small">
        <span>{rulesText(rules)}</span>
        <span class="num" role="status">{!one && items.length > 0 && t.files(items.length, rules.most)}</span>
      </div>
    </div>
  );
}

/** What is taken, in words: a list of extensions only where there is no word for them. */
function rulesText(rules: FileRules): string {
  const words = t as { [name: string]: unknown };
  const named = rules.kinds.filter((kind) => kind !== "custom").map((kind) => words[`kind_${kind}`] ?? kind);
  const more = rules.kinds.includes("custom") ? rules.extensions.map((one) => one.toUpperCase()) : [];
  const limits = (rules.kinds.length > 0 ? rules.kinds : ["document" as const])
    .map((kind) => rules.megabytes[kind]).filter((limit) => limit !== undefined);
  return [
    extensionsOf(rules).length > 0 ? listed([...named, ...more]) : null,
    limits.length > 0 ? t.upTo(Math.max(...limits)) : null,
    rules.most !== null && rules.most > 1 ? t.most(rules.most) : null,
  ].filter(Boolean).join(" · ");
}

function Address({ id, add, isOpen, described }: {
  id: string; add: (text: string) => boolean; isOpen: boolean; described: string | undefined;
}) {
  const [open, setOpen] = useState(isOpen);
  const field = useRef<HTMLInputElement>(null);
  if (!open)
    return (
      <button type="button" class="plain" onClick={() => {
        setOpen(true);
        setTimeout(() => field.current?.focus());
      }}><Icon name="link" />{t.byAddress}</button>
    );
  const submit = () => {
    if (field.current!.value.trim() && add(field.current!.value)) field.current!.value = "";
    field.current!.focus();
  };
  return (
    <div class="drop-address">
      <input ref={field} id={id} type="url" placeholder="https://…" aria-label={t.address}
        aria-describedby={described}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          submit();
        }} />
      <button type="button" onClick={submit}>{t.add}</button>
    </div>
  );
}

function FileItem({ item, remove }: { item: Item; remove: () => void }) {
  const { name, file } = item;
  return (
    <li>
      <Preview file={file} />
      <div class="grow">
        <div class="drop-name">{name}</div>
        <div class="muted small">
          {file ? bytes(file.size) : <span class="drop-name">{item.url}</span>}
        </div>
      </div>
      <button type="button" class="plain icon small" onClick={remove} aria-label={t.remove(name)}
        title={t.remove(name)}>
        <Icon name="cross" />
      </button>
    </li>
  );
}

/** The picture itself, as far as the browser can show it. */
function Preview({ file }: { file: File | null }) {
  const [source, setSource] = useState<string | null>(null);
  useEffect(() => {
    if (!file || kindOf(file.name) !== "image") return;
    const url = URL.createObjectURL(file);
    setSource(url);
    return () => URL.revokeObjectURL(url);
  }, [file]);
  return (
    <div class="drop-preview">
      {source ? <img src={source} alt="" onError={() => setSource(null)} /> : <Icon name={file ? "file" : "link"} />}
    </div>
  );
}
