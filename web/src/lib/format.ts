// Numbers, times, durations and prices as the reader's language has them.

import { language } from "./words";

const locales = { en: undefined as string | undefined, zh: "zh-CN" };
const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

// English follows the browser's own kind of English, if it is one.
function locale(): string {
  if (language() === "zh") return locales.zh;
  locales.en ??= navigator.languages.find((name) => name.startsWith("en")) ?? "en";
  return locales.en;
}

function cached<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(
  key: string,
  make: (locale: string) => T,
): T {
  const name = `${locale()} ${key}`;
  let format = cache.get(name);
  if (!format) cache.set(name, (format = make(locale())));
  return format as T;
}

export const NONE = "–";

export function count(value: number | null | undefined): string {
  if (value == null) return NONE;
  return cached("count", (of) => new Intl.NumberFormat(of)).format(value);
}

/** 12,345 as 12.3K: where there is little room. */
export function short(value: number | null | undefined): string {
  if (value == null) return NONE;
  return cached("short", (of) =>
    new Intl.NumberFormat(of, { notation: "compact", maximumFractionDigits: 1 })).format(value);
}

/** At most `digits` significant ones: prices of single calls are small. */
export function price(value: number | string | null | undefined, currency?: string | null): string {
  if (value == null) return NONE;
  const number = Number(value);
  if (!Number.isFinite(number)) return String(value);
  const unit = currency && /^[A-Z]{3}$/.test(currency) ? currency : "USD";
  return cached(`price ${unit} ${number === 0}`, (of) =>
    new Intl.NumberFormat(of, {
      style: "currency",
      currency: unit,
      currencyDisplay: "narrowSymbol",
      ...(number === 0 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 }),
    })).format(number);
}

export function percent(share: number): string {
  return cached("percent", (of) =>
    new Intl.NumberFormat(of, { style: "percent", maximumFractionDigits: 1 })).format(share);
}

/** Seconds: 85 ms, 1.25 s, 12.5 s, 2:05, 1:02:05. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  if (seconds < 0.9995) return `${Math.round(Math.max(0, seconds) * 1000)} ms`;
  if (seconds < 59.95) {
    const digits = seconds < 9.995 ? 2 : 1;
    return `${cached(`seconds ${digits}`, (of) =>
      new Intl.NumberFormat(of, { minimumFractionDigits: digits, maximumFractionDigits: digits }))
      .format(seconds)} s`;
  }
  return clock(seconds);
}

/** Seconds as a clock shows them, which does not jump: 0:07, 2:05, 1:02:05. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

// Beyond it there is no Date.
const isTime = (seconds: number | null | undefined): seconds is number =>
  seconds != null && Math.abs(seconds) <= 8.64e12;

/** Unix seconds as date and time. */
export function time(seconds: number | null | undefined): string {
  if (!isTime(seconds)) return NONE;
  return cached("time", (of) =>
    new Intl.DateTimeFormat(of, { dateStyle: "medium", timeStyle: "medium" }))
    .format(seconds * 1000);
}

/** Date and time in little room; of today the time alone. */
export function shortTime(seconds: number | null | undefined): string {
  if (!isTime(seconds)) return NONE;
  const date = new Date(seconds * 1000);
  if (date.toDateString() === new Date().toDateString())
    return cached("clock", (of) => new Intl.DateTimeFormat(of, { timeStyle: "medium" })).format(date);
  return cached("short time", (of) =>
    new Intl.DateTimeFormat(of, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }))
    .format(date);
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] =
  [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** "5 minutes ago"; of a time more than a week away the date. */
export function ago(seconds: number, now = Date.now() / 1000): string {
  const past = seconds - now;
  if (Math.abs(past) > 7 * 86400) return time(seconds);
  const [unit, size] = UNITS.find(([, least]) => Math.abs(past) >= least) ?? UNITS[3]!;
  return cached("ago", (of) => new Intl.RelativeTimeFormat(of, { numeric: "auto" }))
    .format(Math.trunc(past / size), unit);
}

export function listed(texts: unknown[]): string {
  return texts.join(language() === "zh" ? "、" : ", ");
}

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte"];

export function bytes(value: number): string {
  let size = 0;
  while (value >= 1000 && size < SIZES.length - 1) {
    value /= 1000;
    size++;
  }
  return cached(`bytes ${size}`, (of) =>
    new Intl.NumberFormat(of, {
      style: "unit",
      unit: SIZES[size]!,
      unitDisplay: size === 0 ? "long" : "short",
      maximumFractionDigits: value < 10 && size > 0 ? 1 : 0,
    })).format(value);
}

/** A time on an axis of such steps: the hour, or the day where one begins. */
export function tick(seconds: number, step: number, withYear: boolean): string {
  const date = new Date(seconds * 1000);
  if (step < 86400 && (date.getHours() || date.getMinutes()))
    return cached("tick", (of) => new Intl.DateTimeFormat(of, { hour: "numeric", minute: "2-digit" })).format(date);
  return cached(`tick ${withYear}`, (of) =>
    new Intl.DateTimeFormat(of, { month: "short", day: "numeric", ...(withYear && { year: "2-digit" }) })).format(date);
}

/** From one time to another, the end excluded: days only, or with their hours. */
export function timeRange(since: number, until: number, ofDays: boolean): string {
  return cached(`range ${ofDays}`, (of) => new Intl.DateTimeFormat(of, {
    month: "short", day: "numeric", ...(!ofDays && { hour: "numeric", minute: "2-digit" }),
  })).formatRange(since * 1000, (ofDays ? Math.max(since, until - 1) : until) * 1000);
}
