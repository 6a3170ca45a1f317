// Files of a result. The access token goes in a header, so each is asked for by the page and shown
// from its memory; only as what its type is known to be, and never as a document.

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, getFile } from "../lib/api";
import { bytes } from "../lib/format";
import { save } from "../lib/save";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { errorText } from "../ui/load";
import { useMore } from "../ui/more";
import { type OutputFile, showAs } from "./files";
import { linkAddress } from "./address";
import { t } from "./words";

const FILES = 100; // at a time
const MOST_PICTURE = 20_000_000; // bytes that are fetched unasked

function fileError(error: unknown): string {
  const code = error instanceof ApiError ? error.code : "";
  if (code === "file_expired" || code === "file_not_found") return t.expired;
  if (code === "file_elsewhere") return t.elsewhere;
  return errorText(error);
}

type State = { at: "rest" } | { at: "loading" } | { at: "there"; url: string } | { at: "failed"; text: string };

/** A file's content, once it was asked for, at an address of this page's memory. */
function useContent(runId: string, file: OutputFile, type: string) {
  const [state, setState] = useState<State>({ at: "rest" });
  const blob = useRef<Promise<Blob> | null>(null);
  const url = useRef("");
  const isHere = useRef(true);
  useEffect(() => () => {
    isHere.current = false;
    URL.revokeObjectURL(url.current);
  }, []);
  const ask = async (): Promise<Blob | null> => {
    try {
      return await (blob.current ??= getFile(runId, file.number));
    } catch (error) {
      blob.current = null;
      setState({ at: "failed", text: fileError(error) });
      return null;
    }
  };
  const show = async () => {
    setState({ at: "loading" });
    const content = await ask();
    if (!content || !isHere.current) return;
    url.current = URL.createObjectURL(new Blob([content], { type }));
    setState({ at: "there", url: url.current });
  };
  const download = async () => {
    const content = await ask();
    if (content) save(file.name || t.file, content);
  };
  return { state, show, download };
}

/** Asks for it when it comes into sight. */
function useSight(act: () => void, when: boolean) {
  const element = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (!when || !element.current) return;
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watch.disconnect();
      act();
    }, { rootMargin: "200px" });
    watch.observe(element.current);
    return () => watch.disconnect();
  }, [when]);
  return element;
}

function Picture({ file, state, show }: { file: OutputFile; state: State; show: () => void }) {
  const [isLarge, setLarge] = useState(false);
  const [isBroken, setBroken] = useState(false);
  if (state.at === "there" && isBroken) return <Icon name="file" />;
  if (state.at === "there") {
    return (
      <>
        <button type="button" class="result-file-picture" aria-label={t.larger(file.name)} onClick={() => setLarge(true)}>
          <img src={state.url} alt="" onError={() => setBroken(true)} />
        </button>
        {isLarge && (
          <Dialog title={file.name || t.file} close={() => setLarge(false)}>
            <img class="result-file-large" src={state.url} alt={file.name} />
            <div><button type="button" autofocus onClick={() => setLarge(false)}>{t.close}</button></div>
          </Dialog>
        )}
      </>
    );
  }
  if (state.at === "rest") return <button type="button" class="plain small" onClick={show}>{t.showIt}</button>;
  return <Icon name={state.at === "loading" ? "turn" : "file"} turning={state.at === "loading"} />;
}

function Player({ how, file, state, show }: {
  how: "audio" | "video"; file: OutputFile; state: State; show: () => void;
}) {
  if (state.at === "there") {
    const Tag = how;
    return <Tag class="result-file-player" src={state.url} controls autoplay aria-label={file.name} />;
  }
  if (state.at === "failed") return null;
  return (
    <button type="button" class="small" disabled={state.at === "loading"} onClick={show}>
      <Icon name={state.at === "loading" ? "turn" : "play"} turning={state.at === "loading"} />
      {t.play}<span class="hidden-text"> {file.name}</span>
    </button>
  );
}

function FileItem({ runId, file }: { runId: string; file: OutputFile }) {
  const shown = file.isElsewhere ? null : showAs(file);
  const { state, show, download } = useContent(runId, file, shown?.type ?? "");
  const isPicture = shown?.how === "picture";
  const item = useSight(show, isPicture && (file.size ?? 0) <= MOST_PICTURE);
  const address = file.isElsewhere ? linkAddress(file.url) : null;
  return (
    <li ref={item} class="result-file">
      <div class="result-file-sign">
        {isPicture ? <Picture file={file} state={state} show={show} /> : <Icon name="file" />}
      </div>
      <div class="result-file-body">
        <div class="result-file-name">{file.name || t.file}</div>
        <div class={`small muted result-file-about${isPicture ? " two" : ""}`} role="status">
          {state.at === "failed"
            ? <span class="result-error"><Icon name="alert" />{state.text}</span>
            : [file.type || file.kind, file.size === null ? "" : bytes(file.size)].filter(Boolean).join(" · ")}
        </div>
        {file.isElsewhere && <div class="small muted">{t.elsewhere}</div>}
        {shown && !isPicture && <Player how={shown.how as "audio" | "video"} file={file} state={state} show={show} />}
      </div>
      {!file.isElsewhere && (
        <button type="button" class="plain small" onClick={download}>
          <Icon name="download" />{t.download}<span class="hidden-text"> {file.name}</span>
        </button>
      )}
      {address && (
        <a class="button plain small" href={address} target="_blank" rel="noopener noreferrer nofollow">
          <Icon name="link" />{t.openElsewhere}<span class="hidden-text"> {file.name}</span>
        </a>
      )}
    </li>
  );
}

export function FileList({ runId, files }: { runId: string; files: OutputFile[] }) {
  const [most, more] = useMore(files.length, FILES, FILES, t.more);
  return (
    <>
      <ul class="result-files">
        {files.slice(0, most).map((file) => <FileItem key={file.number} runId={runId} file={file} />)}
      </ul>
      {more}
    </>
  );
}
