// What is missing from a result, and what was odd about its events.

import type { ResultData } from "../lib/types";
import { Icon, Notice } from "../ui/icons";
import { incompleteNodes } from "./failure";
import { t } from "./words";

const NAMES = 50; // that are named

export function Notes({ data }: { data: ResultData }) {
  const missing = data.metadata.complete === false ? incompleteNodes(data) : null;
  return (
    <>
      {missing && (
        <Notice tone="warn">
          <p>{t.incomplete} {t.incompleteOk}</p>
          {missing.length > 0 && (
            <ul class="result-names">
              {missing.slice(0, NAMES).map((name) => <li key={name}>{name}</li>)}
              {missing.length > NAMES && <li>{t.moreNodes(missing.length - NAMES)}</li>}
            </ul>
          )}
        </Notice>
      )}
      {data.skipped_events > 0 && (
        <details class="result-fold small">
          <summary><Icon name="right" />{t.skipped(data.skipped_events)}</summary>
          <ul class="result-names">
            {data.warnings?.map(({ offset, reason }, i) => (
              <li key={i}>{reason} <span class="muted">({t.atByte(offset)})</span></li>
            ))}
          </ul>
        </details>
      )}
      {data.unknown_events > 0 && <p class="small muted">{t.unknownEvents(data.unknown_events)}</p>}
    </>
  );
}
