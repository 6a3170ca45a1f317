// Icons of one kind: 16 × 16, strokes of 1.5, in the colour of the text. They say nothing to screen
// readers: what they stand for is in words beside them, or in the name of their button.

import type { ComponentChildren } from "preact";

const paths = {
  check: "M3 8.5 6.5 12 13 4.5",
  cross: "M4 4l8 8M12 4l-8 8",
  alert: "M8 5v4M8 11.4v.1M8 1.5 15 14H1z",
  info: "M8 7.2V11.5M8 4.6v.1",
  clock: "M8 4.5V8l2.5 1.5",
  stop: "M5 5h6v6H5z",
  pause: "M6 4v8M10 4v8",
  play: "M5 3.5v9l7-4.5z",
  turn: "M13.5 8A5.5 5.5 0 1 1 11 3.4",
  again: "M13 3v3.5H9.5M13 6.5A5.5 5.5 0 1 0 13.3 9.5",
  dash: "M4 8h8",
  down: "M4 6l4 4 4-4",
  up: "M4 10l4-4 4 4",
  right: "M6 4l4 4-4 4",
  left: "M10 4 6 8l4 4",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  download: "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
  upload: "M8 10.5V2.5M4.5 6 8 2.5 11.5 6M2.5 13.5h11",
  file: "M4 1.5h5l3.5 3.5v9.5H4zM9 1.5V5h3.5",
  camera: "M1.5 5h3l1-2h5l1 2h3v8.5h-13zM8 11.2a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6z",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14",
  link: "M6.5 9.5l3-3M7 4.5 8.5 3a3.2 3.2 0 0 1 4.5 4.5L11.5 9M4.5 7 3 8.5A3.2 3.2 0 0 0 7.5 13L9 11.5",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z",
  language: "M1.5 3.5h7M5 2v1.5M7 3.5C6.5 6 4.5 8 2 9M3.5 5.5C4.5 7.5 6 8.5 7.5 9M8 14l3-7.5 3 7.5M9 11.8h4",
  like: "M5 7v6.5H2.5V7zM5 7l2.5-5c1.2 0 2 .8 1.8 2L9 6.5h4.2l-1 6.2c-.1.5-.5.8-1 .8H5",
  dislike: "M5 9V2.5H2.5V9zM5 9l2.5 5c1.2 0 2-.8 1.8-2L9 9.5h4.2l-1-6.2c-.1-.5-.5-.8-1-.8H5",
  more: "M3.5 8h.1M8 8h.1M12.5 8h.1",
} satisfies { [name: string]: string };

export type IconName = keyof typeof paths;
const CIRCLED = new Set<IconName>(["info", "clock"]);

export function Icon({ name, turning }: { name: IconName; turning?: boolean }) {
  return (
    <svg class={turning ? "turning" : undefined} width="16" height="16" viewBox="0 0 16 16" fill="none"
      stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {CIRCLED.has(name) && <circle cx="8" cy="8" r="6.25" />}
      <path d={paths[name]} />
    </svg>
  );
}

export type Tone = "good" | "bad" | "warn" | "busy" | "none";

const notices: { [tone in Tone]: IconName } =
  { good: "check", bad: "alert", warn: "alert", busy: "info", none: "info" };

export function Notice({ tone, children, role }: {
  tone: Tone; children: ComponentChildren; role?: "alert" | "status";
}) {
  return (
    <div class={`notice ${tone}`} role={role}>
      <Icon name={notices[tone]} />
      <div class="grow">{children}</div>
    </div>
  );
}
