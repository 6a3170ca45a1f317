// Texts for people, in each language. An area of the page has a table of its own:
//
//     export const t = words(
//       { runs: (n: number) => `${n} runs`, stop: "Stop" },
//       { runs: (n: number) => `${n} 次运行`, stop: "停止" },
//     );
//     … t.stop, t.runs(3)
//
// A text is looked up when it is read, so that a change of language needs only a new rendering.

export type Language = "en" | "zh";

let current: Language = "en";

export function language(): Language {
  return current;
}

export function setLanguage(to: Language): void {
  current = to;
}

type Text = string | ((...values: never[]) => string);
type Table = { [key: string]: Text };
// The other language has the same keys, and functions of the same parameters.
type Same<T extends Table> = { [K in keyof T]: T[K] extends string ? string : T[K] };

export function words<T extends Table>(en: T, zh: Same<T>): Same<T> {
  return new Proxy(en as Same<T>, {
    get: (_, key: string) => (current === "zh" ? zh : en)[key],
  });
}
