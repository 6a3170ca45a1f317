// The axis behind the rows: ticks with their times, and what should be mentioned of the run where it
// happened, each a line through all rows. For screen readers the notes stand below in words.

import { Component } from "preact";
import { clock, duration } from "../lib/format";
import { Icon } from "../ui/icons";
import { at } from "./clock";
import type { Axis } from "./layout";
import { toldIcon } from "./notes";
import { type Told } from "./told";

const MOST_TICKS = 12;
const LABEL_REM = 3.5;
const MOST_MARKERS = 40; // the latest

function tickText(seconds: number): string {
  if (seconds === 0) return "0";
  return seconds < 60 ? duration(seconds).replace(/[.,]0+(?= )/, "") : clock(seconds);
}

export class AxisScale extends Component<{ told: Told[]; handle: { current: AxisScale | null } }> {
  private track: HTMLElement | null = null;
  private readonly ticks: (HTMLElement | null)[] = [];
  private readonly marks: (HTMLElement | null)[] = [];

  private axis: Axis | null = null;
  private width = 0;
  private label = LABEL_REM * 16; // px
  private isPlaced = false; // as it was rendered last

  override shouldComponentUpdate(next: { told: Told[] }): boolean {
    const { told } = this.props;
    return next.told.length !== told.length || next.told.at(-1)?.kind !== told.at(-1)?.kind;
  }

  // Before the first rendering: layout effects, which place it, come before componentDidMount.
  override componentWillMount(): void {
    this.props.handle.current = this;
  }

  trackWidth(): number {
    this.label = LABEL_REM * (parseFloat(getComputedStyle(document.documentElement).fontSize) || 16);
    return this.track?.clientWidth ?? 0;
  }

  private shown(): Told[] {
    return this.props.told.slice(-MOST_MARKERS);
  }

  place(axis: Axis, width: number): void {
    if (this.isPlaced && axis === this.axis && width === this.width) return;
    this.isPlaced = true;
    this.axis = axis;
    this.width = width;
    const { label } = this;
    let end = -Infinity; // of the labels so far
    this.ticks.forEach((element, i) => {
      const tick = axis.ticks[i];
      if (!element) return;
      element.hidden = !tick || tick.at > 1;
      if (!tick || element.hidden) return;
      const x = Math.round(tick.at * width);
      const isLast = x > width - label / 2;
      element.style.transform = `translateX(${x}px)`;
      element.classList.toggle("last", isLast);
      const text = (isLast ? x - label : x) < end ? "" : tickText(tick.seconds);
      end = x + label;
      if (element.textContent !== text) element.textContent = text;
    });
    const span = axis.endMs - axis.startMs;
    this.shown().forEach((told, i) => {
      const element = this.marks[i];
      if (!element) return;
      const part = told.at && span > 0 ? (at(told.at) - axis.startMs) / span : 0;
      element.style.transform = `translateX(${Math.round(Math.min(1, Math.max(0, part)) * width)}px)`;
    });
  }

  render() {
    this.isPlaced = false;
    return (
      <div class="tl-axis" aria-hidden="true" ref={(element) => { this.track = element; }}>
        {Array.from({ length: MOST_TICKS }, (_, i) =>
          <span key={i} class="tl-tick num" hidden ref={(element) => { this.ticks[i] = element; }} />)}
        {this.shown().map((told, i) => (
          <span key={told.key} class="tl-note" ref={(element) => { this.marks[i] = element; }}>
            <Icon name={toldIcon(told)} />
          </span>
        ))}
      </div>
    );
  }
}
