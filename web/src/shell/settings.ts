// Language and colours: from the browser, unless the reader has chosen.

import { useState } from "preact/hooks";
import { remember, remembered } from "../lib/session";
import { type Language, language, setLanguage } from "../lib/words";

export type Theme = "light" | "dark";

const browsers = matchMedia("(prefers-color-scheme: dark)");

function browserLanguage(): Language {
  for (const name of navigator.languages) {
    if (name.startsWith("zh")) return "zh";
    if (name.startsWith("en")) return "en";
  }
  return "en";
}

function applyLanguage(to: Language): void {
  setLanguage(to);
  document.documentElement.lang = to === "zh" ? "zh-CN" : "en";
}

function applyTheme(to: Theme | null): void {
  if (to === null) delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = to;
}

/** Before the first rendering. */
export function applySettings(): void {
  applyLanguage(remembered<Language | null>("language", null) ?? browserLanguage());
  applyTheme(remembered<Theme | null>("theme", null));
}

export function useLanguage(): [Language, () => void] {
  const [now, set] = useState(language());
  return [now, () => {
    const to = now === "en" ? "zh" : "en";
    remember("language", to);
    applyLanguage(to);
    set(to);
  }];
}

/** The colours shown, and the change to the others. A choice that is the browser's own is none. */
export function useTheme(): [Theme, () => void] {
  const own = (): Theme => (browsers.matches ? "dark" : "light");
  const [chosen, choose] = useState(remembered<Theme | null>("theme", null));
  const now = chosen ?? own();
  return [now, () => {
    const other = now === "dark" ? "light" : "dark";
    const to = other === own() ? null : other;
    remember("theme", to);
    applyTheme(to);
    choose(to ?? null);
  }];
}
