// Runs over time, or how long they took. The plot is a picture to screen readers; its numbers are in
// a table (totals.tsx). Its colours are the page's own, read each time it is drawn.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { duration, short, tick } from "../lib/format";
import type { Totals } from "../lib/types";
import { type Plan, ticksOf } from "./span";

export type Mode = "runs" | "duration";

const TICK_PX = 76; // room for a label of the time axis
const AXIS_PX = 48; // about what the other axis takes
const WIDEST_BAR_PX = 40;

/** A colour of the page as a canvas takes it: what a variable says may be one thing in light and
 * another in dark. */
function colour(within: HTMLElement, name: string): string {
  const probe = within.ownerDocument.createElement("i");
  probe.style.color = `var(--${name})`;
  within.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Failed runs are striped: seen as such without colours, too. */
function stripes(plot: uPlot): CanvasPattern | string {
  const size = 5 * devicePixelRatio;
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const pen = tile.getContext("2d")!;
  pen.fillStyle = colour(plot.root, "bad-soft");
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = colour(plot.root, "bad");
  pen.lineWidth = size / 2.5;
  for (const x of [-size, 0, size]) {
    pen.moveTo(x, size);
    pen.lineTo(x + size, 0);
  }
  pen.stroke();
  return plot.ctx.createPattern(tile, "repeat") ?? colour(plot.root, "bad");
}

function dataOf(parts: Totals[], mode: Mode): uPlot.AlignedData {
  const x = parts.map(({ since, until }) => (since! + until!) / 2);
  if (mode === "duration") {
    return [x, parts.map((part) => part.median_seconds), parts.map((part) => part.p95_seconds)];
  }
  // Stacked: each stands on the next.
  return [
    x,
    parts.map(({ runs }) => runs),
    parts.map(({ succeeded, failed }) => succeeded + failed),
    parts.map(({ succeeded }) => succeeded),
  ];
}

function seriesOf(mode: Mode): uPlot.Series[] {
  const by = (name: string) => (plot: uPlot) => colour(plot.root, name);
  if (mode === "duration") {
    const line = (name: string, dash: number[]): uPlot.Series => ({
      stroke: by(name), width: 1.5, dash, spanGaps: true, points: { show: true, size: 5, fill: by(name) },
    });
    return [{}, line("accent", []), line("ink-3", [4, 4])];
  }
  const bars = uPlot.paths.bars!({
    size: [0.8, WIDEST_BAR_PX],
    disp: {
      y0: { unit: 1, values: ({ data }, series) => [...data[series + 1] ?? data[0].map(() => 0)] },
      y1: { unit: 1, values: ({ data }, series) => [...data[series]!] },
    },
  });
  const bar = (fill: uPlot.Series.Fill): uPlot.Series =>
    ({ paths: bars, fill, width: 0, points: { show: false } });
  return [{}, bar(by("busy")), bar(stripes), bar(by("good"))];
}

function optionsOf(host: HTMLElement, plan: Plan, mode: Mode, point: (part: number | null) => void): uPlot.Options {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const axis: uPlot.Axis = {
    font: `${0.75 * rem}px ${getComputedStyle(host).fontFamily}`,
    stroke: (plot) => colour(plot.root, "ink-3"),
    grid: { stroke: (plot) => colour(plot.root, "line"), width: 1 },
    ticks: { show: false },
  };
  const format = (value: number) =>
    (mode === "runs" || value === 0 ? short(value) : value < 1 || value >= 60 ? duration(value) : `${short(value)} s`);
  return {
    width: host.clientWidth,
    height: host.clientHeight,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: false, range: () => [plan.since, plan.until] },
      y: { range: (_, __, most) => [0, Math.max(most ?? 0, mode === "runs" ? 1 : 0.001) * 1.08] },
    },
    series: seriesOf(mode),
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { ...axis.grid, show: true, size: 4 },
        size: 1.75 * rem,
        splits: (plot) => ticksOf(plan, Math.floor((plot.width - AXIS_PX) / TICK_PX)),
        values: (_, splits) => splits.map((at, i) =>
          tick(at, (splits[i + 1] ?? at + plan.step) - at, plan.until - plan.since > 300 * 86400)),
      },
      {
        ...axis,
        space: 2 * rem,
        ...(mode === "runs" && { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6] }),
        size: (_, values) => (Math.max(2, ...(values ?? []).map((text) => text.length)) * 0.45 + 0.75) * rem,
        values: (_, splits) => splits.map(format),
      },
    ],
    hooks: { setCursor: [({ cursor }) => point(cursor.left! >= 0 ? cursor.idx ?? null : null)] },
  };
}

/** Calls when the page's colours have changed. */
function onColours(changed: () => void): () => void {
  const browsers = matchMedia("(prefers-color-scheme: dark)");
  const chosen = new MutationObserver(changed);
  chosen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  browsers.addEventListener("change", changed);
  return () => {
    chosen.disconnect();
    browsers.removeEventListener("change", changed);
  };
}

export function Plot({ plan, parts, mode, summary, point }: {
  plan: Plan; parts: Totals[]; mode: Mode; summary: string; point: (part: number | null) => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const shown = useRef({ plan, parts });
  shown.current = { plan, parts };
  // `summary` is in the reader's language, as are the labels; the plan is another when its parts are.
  const frame = [mode, document.documentElement.lang, plan.since, plan.step, plan.parts].join();
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = host.current!;
    const drawn = new uPlot(optionsOf(element, shown.current.plan, mode, point), dataOf(shown.current.parts, mode), element);
    plot.current = drawn;
    const size = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element;
      if (width !== drawn.width || height !== drawn.height) drawn.setSize({ width, height });
    });
    size.observe(element);
    const leave = onColours(() => drawn.redraw());
    return () => {
      leave();
      size.disconnect();
      plot.current = null;
      drawn.destroy();
      point(null);
    };
  }, [frame]);
  useEffect(() => plot.current?.setData(dataOf(parts, mode)), [parts]);
  return <div ref={host} class="history-plot" role="img" aria-label={summary} />;
}
