// The outputs by name: texts, figures, lists, tables, files, and whatever else as a tree.

import { useState } from "preact/hooks";
import { count } from "../lib/format";
import { isNumber } from "../lib/exact";
import { own } from "../lib/own";
import { save } from "../lib/save";
import type { Json, JsonObject } from "../lib/types";
import { Copy } from "../ui/copy";
import { Icon } from "../ui/icons";
import { useMore } from "../ui/more";
import { FileList } from "./file-list";
import { isFile, type OutputFile } from "./files";
import { JsonView } from "./json";
import { cellText, columnsOf, fileName, jsonIn, toCsv } from "./outputs";
import { formatPath, isBranch } from "./tree";
import { t } from "./words";

const FOLDED_TEXT = 600; // characters
const FOLDED_LINES = 10;
const FOLDED_ROWS = 50;
const MORE_ROWS = 1000;
const OUTPUTS = 100; // at a time
const CELL = 300;

function Text({ text }: { text: string }) {
  const [isOpen, setOpen] = useState(false);
  if (text === "") return <span class="muted">{t.emptyText}</span>;
  const begin = text.slice(0, FOLDED_TEXT).split("\n").slice(0, FOLDED_LINES).join("\n");
  const folds = begin.length < text.trimEnd().length;
  return (
    <div class="result-text">
      <div>{folds && !isOpen ? `${begin}…` : text}</div>
      <div class="row wrap">
        {folds && (
          <button type="button" class="plain small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            <Icon name={isOpen ? "down" : "right"} />{isOpen ? t.less : t.showAll(text.length)}
          </button>
        )}
        {text.length > 80 && <Copy text={text} />}
      </div>
    </div>
  );
}

function Cell({ value, numeric }: { value: Json | undefined; numeric: boolean }) {
  const text = cellText(value);
  return (
    <td class={numeric ? "num to-end" : isBranch(value ?? null) ? "mono" : undefined}>
      {text.length > CELL ? `${text.slice(0, CELL)}…` : text}
    </td>
  );
}

function Table({ name, rows, columns, runId }: { name: string; rows: JsonObject[]; columns: string[]; runId: string }) {
  const [most, more] = useMore(rows.length, FOLDED_ROWS, MORE_ROWS, t.moreRows);
  const [asTree, setTree] = useState(false);
  const numeric = columns.map((column) => rows.every((row) => own(row, column) == null || isNumber(own(row, column))));
  const shown = rows.slice(0, most);
  return (
    <div class="stack result-table">
      {asTree ? <JsonView value={rows} name={name} /> : (
        <div class="wide-box" tabIndex={0} role="region" aria-label={name}>
          <table>
            <thead>
              <tr>
                {columns.map((column, i) => (
                  <th key={column} scope="col" class={numeric[i] ? "to-end" : undefined}>{column}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((row, i) => (
                <tr key={i}>
                  {columns.map((column, j) => <Cell key={column} value={own(row, column)} numeric={numeric[j]!} />)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div class="row wrap">
        {!asTree && more}
        <button type="button" class="plain small" aria-pressed={asTree} onClick={() => setTree(!asTree)}>{t.asTree}</button>
        <button type="button" class="plain small"
          onClick={() => save(`${fileName(name, runId)}.csv`, toCsv(rows, columns))}>
          <Icon name="download" /><span class="hidden-text">{t.download} </span>CSV<span class="hidden-text"> {name}</span>
        </button>
      </div>
    </div>
  );
}

function Value({ runId, name, value, files }: { runId: string; name: string; value: Json; files: OutputFile[] }) {
  if (value === null) return <code class="muted">null</code>;
  if (typeof value === "string") {
    const inner = jsonIn(value);
    return inner === undefined ? <Text text={value} /> : <Value runId={runId} name={name} value={inner} files={[]} />;
  }
  if (!isBranch(value)) return <code>{String(value)}</code>;
  if (isFile(value)) return <FileList runId={runId} files={files} />;
  if (Array.isArray(value)) {
    if (value.length === 0) return <span class="muted">{t.emptyList}</span>;
    if (value.every(isFile)) return <FileList runId={runId} files={files} />;
    const columns = columnsOf(value);
    if (columns) return <Table runId={runId} name={name} rows={value as JsonObject[]} columns={columns} />;
    if (value.length <= 20 && value.every((one) => typeof one === "string" && one.length <= FOLDED_TEXT))
      return <ul class="result-list">{value.map((one, i) => <li key={i}>{one as string}</li>)}</ul>;
  }
  return <JsonView value={value} name={formatPath(name, [])} />;
}

/** Outputs by name. `files`: those of the result, by their paths. */
export function OutputList({ runId, outputs, files }: { runId: string; outputs: JsonObject; files: OutputFile[] }) {
  const entries = Object.entries(outputs);
  const [most, more] = useMore(entries.length, OUTPUTS, OUTPUTS, t.more);
  return (
    <>
    <dl class="result-outputs">
      {entries.slice(0, most).map(([name, value]) => (
        <div key={name}>
          <dt>
            {name}
            {Array.isArray(value) && value.length > 0 && <span class="muted num"> {count(value.length)}</span>}
          </dt>
          <dd><Value runId={runId} name={name} value={value} files={files.filter(({ path }) => path[0] === name)} /></dd>
        </div>
      ))}
    </dl>
    {more}
    </>
  );
}
