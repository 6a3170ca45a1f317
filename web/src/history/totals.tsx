// Totals of the span: figures, a plot over time, and its numbers as a table.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { count, duration, NONE, percent, price, short, timeRange } from "../lib/format";
import type { Stats, Totals } from "../lib/types";
import { Icon } from "../ui/icons";
import type { Summed } from "./load";
import { type Mode, Plot } from "./plot";
import type { Plan } from "./span";
import { t } from "./words";

function Figure({ name, value, title, children }: {
  name: string; value: ComponentChildren; title?: string | undefined; children?: ComponentChildren;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={title}><strong class="num">{value}</strong>{children && <span class="muted num">{children}</span>}</dd>
    </div>
  );
}

function prices(stats: Stats | null): string[] {
  const sums = Object.entries(stats?.total_price ?? {}).map(([currency, sum]) => price(sum, currency));
  return sums.length > 0 ? sums : [stats ? price(0) : NONE];
}

function Figures({ stats }: { stats: Stats | null }) {
  const ended = stats ? stats.succeeded + stats.failed : 0;
  const share = (part: number | undefined) => (ended && part !== undefined ? percent(part / ended) : null);
  return (
    <dl class="history-figures">
      <Figure name={t.runs} value={count(stats?.runs)}>{stats?.open ? t.open(count(stats.open)) : null}</Figure>
      <Figure name={t.succeeded} value={count(stats?.succeeded)}>{share(stats?.succeeded)}</Figure>
      <Figure name={t.failed} value={count(stats?.failed)}>{share(stats?.failed)}</Figure>
      <Figure name={t.ratings} value={
        <span class="row">
          <Icon name="like" />{count(stats?.likes)}<span class="hidden-text"> {t.likes} </span>
          <Icon name="dislike" />{count(stats?.dislikes)}<span class="hidden-text"> {t.dislikes}</span>
        </span>
      } />
      <Figure name={t.median} value={duration(stats?.median_seconds)} />
      <Figure name={t.p95} value={duration(stats?.p95_seconds)} />
      <Figure name={t.tokens} value={short(stats?.total_tokens)} title={count(stats?.total_tokens)} />
      <Figure name={t.price} value={prices(stats).map((sum) => <span key={sum}>{sum} </span>)} />
    </dl>
  );
}

function partTime({ since, until }: Totals, plan: Plan): string {
  return timeRange(since ?? 0, until ?? 0, plan.step >= 86400);
}

function Numbers({ summed }: { summed: Summed | null }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="history-numbers" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t.numbers}</summary>
      {isOpen && summed && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t.plot}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.span}</th>
                {[t.runs, t.succeeded, t.failed, t.median, t.p95, t.tokens].map((title) =>
                  <th key={title} scope="col" class="number">{title}</th>)}
              </tr>
            </thead>
            <tbody>
              {(summed.stats.buckets ?? []).filter(({ runs }) => runs > 0).map((part) => (
                <tr key={part.since}>
                  <th scope="row">{partTime(part, summed.plan)}</th>
                  {[count(part.runs), count(part.succeeded), count(part.failed), duration(part.median_seconds),
                    duration(part.p95_seconds), count(part.total_tokens)].map((text, i) =>
                    <td key={i} class="number num">{text}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

const LEGENDS: { [mode in Mode]: [kind: string, text: () => string][] } = {
  runs: [["good", () => t.succeeded], ["bad", () => t.failed], ["busy", () => t.goesOn]],
  duration: [["median", () => t.median], ["p95", () => t.p95]],
};

/** What the pointer is at, in the place of the legend. */
function Reading({ part, plan }: { part: Totals; plan: Plan }) {
  return (
    <>
      <strong>{partTime(part, plan)}</strong>
      <span><i class="history-swatch good" />{count(part.succeeded)}</span>
      <span><i class="history-swatch bad" />{count(part.failed)}</span>
      {part.open > 0 && <span><i class="history-swatch busy" />{count(part.open)}</span>}
      {part.median_seconds !== null && <span><i class="history-swatch median" />{duration(part.median_seconds)}</span>}
    </>
  );
}

function Chart({ summed: { plan, stats } }: { summed: Summed }) {
  const [mode, setMode] = useState<Mode>("runs");
  const [at, point] = useState<number | null>(null);
  const parts = stats.buckets ?? [];
  const read = at === null ? undefined : parts[at];
  const summary = t.plotSummary(timeRange(plan.since, plan.since, plan.step >= 86400),
    timeRange(plan.until, plan.until, plan.step >= 86400), count(stats.runs), count(stats.failed), duration(stats.median_seconds));
  return (
    <>
      <div class="history-key">
        <div class="history-legend grow num">
          {read ? <Reading part={read} plan={plan} /> : LEGENDS[mode].map(([kind, text]) => (
            <span key={kind}><i class={`history-swatch ${kind}`} />{text()}</span>
          ))}
        </div>
        <div class="history-modes" role="group" aria-label={t.plot}>
          {(["runs", "duration"] as const).map((one) => (
            <button key={one} type="button" class="small" aria-pressed={mode === one} onClick={() => setMode(one)}>
              {one === "runs" ? t.plotRuns : t.plotDuration}
            </button>
          ))}
        </div>
      </div>
      <div class="history-canvas">
        <Plot plan={plan} parts={parts} mode={mode} summary={summary} point={point} />
        {stats.runs === 0 && <p class="muted">{t.noRuns}</p>}
      </div>
    </>
  );
}

/** `isPartial`: the list has filters that the gateway's totals do not know. */
export function TotalsCard({ summed, isPartial, problem }: {
  summed: Summed | null; isPartial: boolean; problem: ComponentChildren;
}) {
  return (
    <section class="card history-totals" aria-label={t.totals}>
      <div class="stack">
        <Figures stats={summed?.stats ?? null} />
        {isPartial && <p class="small muted row"><Icon name="info" /><span>{t.ofAllRuns}</span></p>}
        {problem}
      </div>
      <div class="history-chart">{summed && <Chart summed={summed} />}</div>
      <Numbers summed={summed} />
    </section>
  );
}
