// Server-sent events, read as they come, to the letter of the HTML standard (9.2.6), but for `retry`,
// which says how an EventSource is to behave. Pure: knows no network and no clock.
//
// Bytes may be cut anywhere. Only LF, CR and CRLF end a line. What has no blank line after it when
// the stream ends is no event: there is nothing to be told of the end.

/** Characters of one event's data; a larger one is told without it. */
const MAX_EVENT = 32 * 1024 * 1024;

export interface SseEvent {
  event: string; // `message` where none was told
  data: string;
  id: string | null; // told with this event
  isTooLarge: boolean; // `data` is empty then
}

export class SseParser {
  private decoder = new TextDecoder(); // drops a BOM at the begin, as the standard wants
  private line = ""; // begun, in an earlier piece
  private isAfterCr = false; // an LF that comes next belongs to it
  private event = "";
  private data: string[] = [];
  private size = 0;
  private id: string | null = null;
  private isTooLarge = false;

  /** `onEvent` is called within feed(). */
  constructor(
    private readonly onEvent: (event: SseEvent) => void,
    private readonly max = MAX_EVENT,
  ) {}

  feed(bytes: Uint8Array): void {
    const text = this.decoder.decode(bytes, { stream: true });
    if (text === "") return;
    let from = this.isAfterCr && text[0] === "\n" ? 1 : 0;
    this.isAfterCr = false;
    let lf = text.indexOf("\n", from);
    let cr = text.indexOf("\r", from);
    while (lf >= 0 || cr >= 0) {
      const end = cr < 0 || (lf >= 0 && lf < cr) ? lf : cr;
      this.endLine(text.slice(from, end));
      from = end + 1;
      if (end === cr) {
        if (from === text.length) this.isAfterCr = true;
        else if (from === lf) from++;
        cr = text.indexOf("\r", from);
      }
      if (lf >= 0 && lf < from) lf = text.indexOf("\n", from);
    }
    this.grow(text.slice(from));
  }

  // A line is put together by concatenation, which copies nothing, and searched piece by piece.
  private grow(text: string): void {
    if (this.line.length + text.length <= this.max) {
      this.line += text;
      return;
    }
    this.refuse();
    this.line = ":"; // what is left of it is as good as a comment
  }

  private endLine(rest: string): void {
    this.grow(rest);
    const line = this.line;
    this.line = "";
    if (line === "") {
      this.dispatch();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.addData(value);
    else if (name === "event") this.event = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }

  private addData(value: string): void {
    this.size += value.length + 1;
    if (this.size > this.max) this.refuse();
    else if (!this.isTooLarge) this.data.push(value);
  }

  private refuse(): void {
    this.isTooLarge = true;
    this.data = [];
  }

  private dispatch(): void {
    const event = {
      event: this.event || "message",
      data: this.data.join("\n"),
      id: this.id,
      isTooLarge: this.isTooLarge,
    };
    const isEvent = this.data.length > 0 || this.isTooLarge;
    this.event = "";
    this.data = [];
    this.size = 0;
    this.id = null;
    this.isTooLarge = false;
    if (isEvent) this.onEvent(event);
  }
}
