// The frame: where one is, languages and colours, and the view itself.

import { Component, type ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { formatRoute, type Route, useRoute } from "../lib/route";
import { Icon, Notice } from "../ui/icons";
import { Later } from "../ui/later";
import { useLanguage, useTheme } from "./settings";
import { TokenQuestion } from "./token";
import { t } from "./words";

// Each view is a file of its own: nobody loads what he does not look at.
const form = () => import("../form/view");
const runs = () => import("../history/view");
const run = () => import("../run/view");

function view(route: Route) {
  switch (route.at) {
    case "form": return <Later key="form" load={form} show={({ FormView }) => <FormView app={route.app} />} />;
    case "runs": return <Later key="runs" load={runs} show={({ HistoryView }) => <HistoryView filter={route.filter} />} />;
    case "run": return <Later key="run" load={run} show={({ RunView }) => <RunView key={route.id} id={route.id} />} />;
    case "nowhere": return (
      <div class="empty"><h1>{t.nowhere}</h1><a class="button" href="#/">{t.toStart}</a></div>
    );
  }
}

/** A mistake of ours in one view is told, and leaves the others usable. */
class Fence extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state = { error: null };
  override componentDidCatch(error: unknown) {
    console.error(error);
    this.setState({ error });
  }
  render() {
    if (this.state.error === null) return this.props.children;
    return (
      <Notice tone="bad" role="alert">
        <div class="stack">
          <p>{t.broken} <code>{String(this.state.error)}</code></p>
          <div><button type="button" onClick={() => location.reload()}>{t.reload}</button></div>
        </div>
      </Notice>
    );
  }
}

const titles: { [at in Route["at"]]: () => string } = {
  form: () => t.titleForm, runs: () => t.titleRuns, run: () => t.titleRun, nowhere: () => t.nowhere,
};

/** Views name the window by themselves once they know more; a new place moves the focus to it. */
function useArrival(route: Route) {
  const main = useRef<HTMLElement>(null);
  const place = route.at === "run" ? route.id : route.at === "form" ? `form ${route.app}` : route.at;
  const first = useRef(true);
  useEffect(() => {
    document.title = [titles[route.at](), "difystream"].filter(Boolean).join(" · ");
    if (!first.current) {
      main.current?.focus();
      scrollTo(0, 0);
    }
    first.current = false;
  }, [place]);
  return main;
}

export function Shell() {
  const route = useRoute();
  const [language, switchLanguage] = useLanguage();
  const [theme, switchTheme] = useTheme();
  const main = useArrival(route);
  const runs: Route = { at: "runs", filter: new URLSearchParams() };
  const toOther = theme === "dark" ? t.toLight : t.toDark;
  const skip = (event: Event) => {
    event.preventDefault();
    main.current?.focus();
  };
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skip}>{t.skip}</a>
      <header class="shell-head">
        <div>
          <a class="brand" href="#/" aria-label="difystream">
            <img src="assets/icon.svg" alt="" width="24" height="24" />
            <span>difystream</span>
          </a>
          <nav aria-label={t.main}>
            <a href="#/" aria-current={route.at === "form" ? "page" : undefined}>{t.newRun}</a>
            <a href={formatRoute(runs)} aria-current={route.at === "runs" ? "page" : undefined}>{t.runs}</a>
          </nav>
          <div class="shell-tools">
            <button type="button" class="plain icon" onClick={switchTheme} aria-label={toOther} title={toOther}>
              <Icon name={theme === "dark" ? "sun" : "moon"} />
            </button>
            <button type="button" class="plain icon" onClick={switchLanguage} aria-label={t.otherLanguage}
              title={t.otherLanguage} lang={language === "en" ? "zh-CN" : "en"}>
              <Icon name="language" />
            </button>
          </div>
        </div>
      </header>
      <main ref={main} id="main" tabIndex={-1}>
        <Fence key={route.at}>{view(route)}</Fence>
      </main>
      <footer class="shell-foot">
        <span>difystream</span>
        <a href="openapi.json">{t.api}</a>
        <a href="assets/licences.txt">{t.licences}</a>
      </footer>
      <TokenQuestion />
    </div>
  );
}
