// Two things that grow with a run: a text of many pieces, and an exact sum of decimals.

interface Piece {
  source: string;
  text: string;
}

const AT_ONCE = 256; // bits that are joined

/** A text that is told bit by bit. What one source tells in a row is one piece, and the bits are joined
 * now and then: a run of hours has few of either. */
export class Text {
  length = 0;
  rev = 0; // rises with each change
  private pieces: { source: string; length: number }[] = [];
  private joined = "";
  private bits: string[] = []; // behind it

  /** Who told the last of it. */
  get source(): string | null {
    return this.pieces.at(-1)?.source ?? null;
  }

  /** `source`: who told it, for drop() and mend(). */
  push(text: string, source = ""): void {
    if (text === "") return;
    const last = this.pieces.at(-1);
    if (last?.source === source) last.length += text.length;
    else this.pieces.push({ source, length: text.length });
    this.length += text.length;
    if (this.bits.push(text) >= AT_ONCE) this.join();
    this.rev++;
  }

  replace(text: string): void {
    this.set(text === "" ? [] : [{ source: "", text }]);
  }

  /** Everything that `source` told so far is taken out again. */
  drop(source: string): void {
    if (this.pieces.some((piece) => piece.source === source))
      this.set(this.all().filter((piece) => piece.source !== source));
  }

  /** Of what `source` told, parts were lost: this is the whole. False: it is not, as far as one can see. */
  mend(source: string, whole: string): boolean {
    const pieces = this.all();
    const [piece, another] = pieces.filter((one) => one.source === source);
    if (!piece || another || !isPartOf(piece.text, whole)) return false;
    piece.text = whole;
    this.set(pieces);
    return true;
  }

  toString(): string {
    if (this.bits.length > 0) this.join();
    return this.joined;
  }

  private join(): void {
    this.joined += this.bits.join("");
    this.bits = [];
  }

  private all(): Piece[] {
    const text = String(this);
    let end = 0;
    return this.pieces.map(({ source, length }) => ({ source, text: text.slice(end, (end += length)) }));
  }

  private set(pieces: Piece[]): void {
    this.pieces = [];
    this.joined = "";
    this.bits = [];
    this.length = 0;
    for (const { text, source } of pieces) this.push(text, source);
    this.rev++;
  }
}

// With holes anywhere.
function isPartOf(text: string, whole: string): boolean {
  let at = 0;
  for (let i = 0; at < text.length && i < whole.length; i++) if (whole[i] === text[at]) at++;
  return at === text.length;
}

const DECIMAL = /^(-?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A decimal as Dify sends it, a number or a string: plain, without exponent or trailing zeros.
 * null: it is none. */
export function plainDecimal(value: unknown): string | null {
  if (typeof value !== "string" && typeof value !== "number") return null;
  const sum = new Decimal();
  return sum.add(String(value)) ? sum.toString() : null;
}

/** An exact sum: 0.1 + 0.2 is 0.3. */
export class Decimal {
  private units = 0n; // of 10^-scale
  private scale = 0;

  /** False, and nothing added: it is no decimal. */
  add(text: string, sign: 1 | -1 = 1): boolean {
    const match = DECIMAL.exec(text);
    if (!match) return false;
    const fraction = match[3] ?? "";
    let units = BigInt(match[2]! + fraction);
    let scale = fraction.length - Number(match[4] ?? 0);
    if (scale < 0) {
      units *= 10n ** BigInt(-scale);
      scale = 0;
    }
    if ((match[1] === "-") !== (sign < 0)) units = -units;
    if (scale > this.scale) {
      this.units *= 10n ** BigInt(scale - this.scale);
      this.scale = scale;
    }
    this.units += units * 10n ** BigInt(this.scale - scale);
    return true;
  }

  toString(): string {
    const digits = (this.units < 0n ? -this.units : this.units).toString().padStart(this.scale + 1, "0");
    const whole = digits.slice(0, digits.length - this.scale);
    const fraction = digits.slice(digits.length - this.scale).replace(/0+$/, "");
    return (this.units < 0n ? "-" : "") + whole + (fraction ? `.${fraction}` : "");
  }
}
