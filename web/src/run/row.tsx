// A row of the timeline. What it says is rendered when it has changed; where its bar is, which moves
// with every frame of a run, is set by place().

import { Component } from "preact";
import { clock, duration } from "../lib/format";
import { own } from "../lib/own";
import { Icon, type IconName } from "../ui/icons";
import { StatusIcon, statusText, statusTone } from "../ui/status";
import { at } from "./clock";
import { familyOf, KindIcon, kindText } from "./kinds";
import { type Axis, type Bar, barOf, type Row } from "./layout";
import { isOpen, type NodeRun } from "./model";
import { t } from "./words";

/** Pixels that the sign behind a bar takes. */
export const MARK = 18;
const LEAST = 3; // px, of a bar
const MOST_INDENTS = 6;

const marks: { [status: string]: IconName } = {
  failed: "cross", exception: "alert", paused: "pause", stopped: "stop", retry: "again", unfinished: "dash",
};

/** The status as ui/status has it. */
export function shownStatus(status: string): string {
  return status === "unfinished" ? "unseen" : status;
}

export function rowTitle(row: Row): string {
  return row.kind === "round" ? t.round(row.round ?? 0) : row.kind === "branch" ? t.branch(row.node.title) : row.node.title;
}

/** Seconds that it took, or takes until now. */
export function secondsOf(node: NodeRun, presentMs: number | null): number | null {
  if (node.elapsed !== null) return node.elapsed;
  const end = node.ended ? at(node.ended) : isOpen(node) ? presentMs : null;
  return end === null ? null : Math.max(0, end - at(node.started)) / 1000;
}

export interface RowProps {
  row: Row;
  rev: number; // of its node
  index: number;
  id: string;
  top: number;
  isActive: boolean;
  isChosen: boolean;
  lang: string;
  fold: (row: Row) => void;
  open: (row: Row, index: number) => void;
  mounted: Set<TimelineRow>; // all that are in the document
}

export class TimelineRow extends Component<RowProps> {
  private element: HTMLElement | null = null; // the bar's
  private mark: HTMLElement | null = null;
  private time: HTMLElement | null = null;
  private bar: Bar | null = null;
  private axis: Axis | null = null; // on which it was placed
  private width = 0;
  private x = -1;
  private wide = -1;

  override shouldComponentUpdate(next: RowProps): boolean {
    const now = this.props;
    return next.row !== now.row || next.rev !== now.rev || next.index !== now.index || next.top !== now.top ||
      next.isActive !== now.isActive || next.isChosen !== now.isChosen || next.lang !== now.lang;
  }

  /** Moves the bar to where it is on `axis`, of a track of `width` pixels. What cannot have moved
   * since is not looked at. */
  place(axis: Axis, width: number, presentMs: number, hasMoved: boolean): void {
    if (this.axis === axis && this.width === width && !hasMoved && !this.bar?.isGrowing) return;
    this.axis = axis;
    this.width = width;
    const bar = this.bar = barOf(this.props.row, axis, presentMs);
    const wide = Math.max(LEAST, Math.round((bar.end - bar.start) * width * 2) / 2);
    const x = Math.min(Math.round(bar.start * width * 2) / 2, Math.max(0, width - wide));
    if (x !== this.x || wide !== this.wide) this.move(x, wide);
    this.x = x;
    this.wide = wide;
    if (!this.time) return;
    const text = this.seconds(bar, axis, presentMs);
    if (this.time.textContent !== text) this.time.textContent = text;
  }

  private move(x: number, wide: number): void {
    const { element, mark, bar } = this;
    if (!element || !bar) return;
    element.style.transform = `translateX(${x}px)`;
    element.style.width = `${wide}px`;
    if (mark) mark.style.transform = `translateX(${x + wide + 2}px)`;
    const span = bar.end - bar.start;
    bar.attempts.forEach((attempt, i) => {
      const part = element.children[i] as HTMLElement | undefined;
      if (!part || span <= 0) return;
      part.style.insetInlineStart = `${((attempt.start - bar.start) / span) * 100}%`;
      part.style.inlineSize = `${((attempt.end - attempt.start) / span) * 100}%`;
    });
  }

  // Before the first rendering: layout effects, which place bars, come before componentDidMount.
  override componentWillMount(): void {
    this.props.mounted.add(this);
  }

  override componentWillUnmount(): void {
    this.props.mounted.delete(this);
  }

  private seconds(bar: Bar, axis: Axis, presentMs: number): string {
    const { row } = this.props;
    if (row.kind !== "node") {
      const told = row.kind === "round" ? row.node.roundElapsed?.[String(row.round)] : undefined;
      const seen = ((bar.end - bar.start) * (axis.endMs - axis.startMs)) / 1000;
      return bar.isGrowing ? clock(seen) : duration(told ?? seen);
    }
    const seconds = secondsOf(row.node, axis.isOpen ? presentMs : null);
    if (seconds === null) return "";
    return bar.isGrowing ? clock(seconds) : duration(seconds);
  }

  render({ row, index, id, top, isActive, isChosen, fold, open }: RowProps) {
    const { node, count, isCollapsed } = row;
    this.axis = null; // it may be another row than before: its bar is placed anew
    this.x = -1;
    const isNode = row.kind === "node";
    const status = shownStatus(node.status);
    const mark = isNode ? own(marks, node.status) : undefined;
    const classes = `tl-row k-${familyOf(node.type)} ${row.kind}${node.isContainer ? " container" : ""}` +
      `${isNode ? ` is-${node.status}` : ""}${isActive ? " active" : ""}${isChosen ? " chosen" : ""}`;
    return (
      <div class={classes} role="row" id={id} aria-rowindex={index + 1} aria-level={row.depth + 1}
        aria-expanded={count > 0 ? !isCollapsed : undefined} aria-selected={isChosen}
        style={{ transform: `translateY(${top}px)`, "--depth": Math.min(row.depth, MOST_INDENTS) }}
        onClick={() => open(row, index)}>
        <div class="tl-label" role="gridcell">
          {count > 0
            ? <span class="tl-fold" data-fold onClick={(event) => { event.stopPropagation(); fold(row); }}>
                <Icon name={isCollapsed ? "right" : "down"} />
              </span>
            : <span class="tl-fold none" />}
          {isNode && <KindIcon type={node.type} />}
          <span class="cut tl-title" title={rowTitle(row)}>{rowTitle(row)}</span>
          {isNode && <span class="hidden-text">{`, ${kindText(node.type)}, ${statusText(status)}`}</span>}
          {node.retries > 0 && isNode &&
            <span class="tl-count" title={t.retried(node.retries)}><Icon name="again" />{node.retries}</span>}
          {isCollapsed && count > 0 && <span class="tl-count">{t.rows(count)}</span>}
          {isNode && <span class={`status ${statusTone(status)}`}><StatusIcon status={status} /></span>}
        </div>
        <div class="tl-time num" role="gridcell" ref={(element) => { this.time = element; }} />
        <div class="tl-track" role="gridcell" aria-hidden="true">
          <div class="tl-bar" ref={(element) => { this.element = element; }}>
            {isNode && node.attempts.map(({ number }) => <i key={number} />)}
          </div>
          {mark && (
            <span class={`tl-mark ${statusTone(status)}`} ref={(element) => { this.mark = element; }}>
              <Icon name={mark} />
            </span>
          )}
        </div>
      </div>
    );
  }
}
