// A failure in words: what happened, where, what Dify said, and what to try.

import { own } from "../lib/own";
import type { NodeResult, Result } from "../lib/types";
import { Icon, Notice, type Tone } from "../ui/icons";
import { StatusIcon } from "../ui/status";
import { explain } from "./codes";
import { failedNodes, nodeName } from "./failure";
import { t } from "./words";

const MOST_NODES = 5;
const tones: { [code: string]: Tone } =
  { workflow_stopped: "none", cancelled: "none", workflow_partial_succeeded: "warn", workflow_paused: "busy" };

type ShowNode = (id: string) => void;

function FailedPlace({ node, times, message, showNode }: {
  node: NodeResult; times: number; message: string; showNode: ShowNode | undefined;
}) {
  const error = node.error ?? "";
  return (
    <li>
      <span class="row wrap result-failed">
        <StatusIcon status={node.status ?? "failed"} />
        <strong>{nodeName(node)}</strong>
        {times > 1 && <span class="muted num">× {times}</span>}
        {showNode && node.id && (
          <button type="button" class="plain small" onClick={() => showNode(node.id!)}>
            {t.showNode}<span class="hidden-text"> {nodeName(node)}</span><Icon name="right" />
          </button>
        )}
      </span>
      {error !== "" && error !== message && <pre class="result-message">{error}</pre>}
    </li>
  );
}

export function Failure({ result, onShowNode }: { result: Result; onShowNode?: ShowNode | undefined }) {
  const { what, advice } = explain(result.code);
  const message = result.message ?? "";
  const failed = failedNodes(result.data);
  return (
    <Notice tone={own(tones, result.code) ?? "bad"}>
      <div class="result-failure">
        <p><strong>{what}</strong> {advice}</p>
        {failed.length > 0 && (
          <ul aria-label={t.where}>
            {failed.slice(0, MOST_NODES).map((place, i) => (
              <FailedPlace key={i} {...place} message={message} showNode={onShowNode} />
            ))}
            {failed.length > MOST_NODES && <li class="muted">{t.moreNodes(failed.length - MOST_NODES)}</li>}
          </ul>
        )}
        {message !== "" && (
          <div>
            <div class="small muted">{t.message}</div>
            <pre class="result-message">{message}</pre>
          </div>
        )}
        {result.code && <div class="small muted">{t.code} <code>{result.code}</code></div>}
      </div>
    </Notice>
  );
}
