// The result of a run: what failed, what came out of it, and what one thinks of it. What it cost
// stands above it, with the run.

import { type ComponentChildren } from "preact";
import { useId, useMemo, useState } from "preact/hooks";
import { errorOf, parseAnswer, send } from "../lib/api";
import { count } from "../lib/format";
import { save } from "../lib/save";
import type { JsonObject, Result, Row } from "../lib/types";
import { Copy } from "../ui/copy";
import { Icon } from "../ui/icons";
import { Failed, Loading, useLoad } from "../ui/load";
import { type Tab, Tabs } from "../ui/tabs";
import { Failure } from "./failure-view";
import { FileList } from "./file-list";
import { JsonView } from "./json";
import { Markdown } from "./markdown";
import { Notes } from "./notes";
import { OutputList } from "./output-list";
import { fileName, isWhole, outputsOf, shownFiles, type TextOutput, textsOf } from "./outputs";
import { Rating } from "./rating";
import { t } from "./words";

const TEXTS = 100; // to choose from; all of them are among the outputs

/** Stands before what it belongs to, at the end of its line. */
function Actions({ children }: { children: ComponentChildren }) {
  return <div class="row wrap result-actions">{children}</div>;
}

function TextView({ runId, texts }: { runId: string; texts: TextOutput[] }) {
  const [chosen, choose] = useState(0);
  const id = useId();
  const { name, text } = texts[chosen] ?? texts[0]!;
  return (
    <div class="stack">
      <Actions>
        {texts.length > 1 && (
          <>
            <label class="hidden-text" for={id}>{t.output}</label>
            <select id={id} class="result-choice" value={chosen}
              onChange={(event) => choose(Number(event.currentTarget.value))}>
              {texts.map((one, i) => <option key={i} value={i}>{one.name || t.answer}</option>)}
            </select>
          </>
        )}
        <Copy text={text} />
        <button type="button" class="plain small" onClick={() => save(`${fileName(name || "answer", runId)}.md`, text)}>
          <Icon name="download" /><span class="hidden-text">{t.download} </span>Markdown
        </button>
      </Actions>
      <Markdown key={chosen} text={text} />
    </div>
  );
}

/** Content that is made when it is unfolded. */
function Folded({ title, children }: { title: string; children: () => ComponentChildren }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="result-fold" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary><Icon name="right" />{title}</summary>
      {isOpen && children()}
    </details>
  );
}

/** The whole result, as the gateway writes it: to the last digit. */
function RawView({ runId }: { runId: string }) {
  const [loaded, again] = useLoad(runId, async (signal) => {
    const answer = await send(`api/runs/${encodeURIComponent(runId)}`, { signal });
    if (!answer.ok) throw await errorOf(answer);
    const text = (await answer.text()).trim();
    return { text, value: parseAnswer(text) as JsonObject };
  });
  if (loaded.state === "failed") return <Failed error={loaded.error} again={again} />;
  if (!loaded.value) return <Loading />;
  const { text, value } = loaded.value;
  return (
    <div class="stack">
      <Actions>
        <Copy text={text} />
        <button type="button" class="plain small" onClick={() => save(`${fileName("result", runId)}.json`, text)}>
          <Icon name="download" /><span class="hidden-text">{t.download} </span>JSON
        </button>
      </Actions>
      <JsonView value={value} name="result" />
    </div>
  );
}

/** `onShowNode`: shows an execution of a node, by its id. */
export function ResultView({ runId, result, row, onShowNode }: {
  runId: string; result: Result; row: Row | null; onShowNode?: (id: string) => void;
}) {
  const { data, success } = result;
  const [chosen, choose] = useState("");
  const title = useId();
  const texts = useMemo(() => textsOf(data).slice(0, TEXTS), [data]);
  const files = useMemo(() => shownFiles(data), [data]);
  const outputs = outputsOf(data);
  const has = Object.keys(outputs).length;
  const isPartial = !isWhole(data) && has > 0 && success !== true && !data.answer;
  const tabs: Tab[] = [];
  if (texts.length > 0) tabs.push({ id: "text", title: t.text, content: () => <TextView runId={runId} texts={texts} /> });
  if (has > 0) tabs.push({
    id: "outputs", title: t.outputs, count: count(has),
    content: () => <OutputList runId={runId} outputs={outputs} files={files} />,
  });
  if (files.length > 0) tabs.push({
    id: "files", title: t.files, count: count(files.length), content: () => <FileList runId={runId} files={files} />,
  });
  const isEmpty = tabs.length === 0;
  if (!isEmpty) tabs.push({ id: "json", title: t.json, content: () => <RawView runId={runId} /> });
  return (
    <section class="card result stack" aria-labelledby={title}>
      <h2 id={title}>{t.result}</h2>
      {success === false && <Failure result={result} onShowNode={onShowNode} />}
      {isEmpty && success !== false && <p class="muted">{success === null ? t.nothingYet : t.nothing}</p>}
      {isPartial && <p class="muted">{t.soFar}</p>}
      {isEmpty
        ? <Folded title={t.json}>{() => <RawView runId={runId} />}</Folded>
        : <Tabs tabs={tabs} chosen={chosen || (isPartial ? "outputs" : "")} choose={choose} label={t.views} />}
      <Notes data={data} />
      {success !== null && <Rating runId={runId} row={row} />}
    </section>
  );
}
