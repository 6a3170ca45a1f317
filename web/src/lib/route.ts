// Where one is in the page: the part of the address after #, so that the page works behind any path
// of a proxy and needs no more of the gateway than "/". The part after ? prefills the form.
//
//     #/                       the form of the default app
//     #/apps/NAME              the form of an app
//     #/runs?status=…&q=…      runs of the past, filtered
//     #/runs/ID                a run

import { useEffect, useState } from "preact/hooks";

export type Route =
  | { at: "form"; app: string | null }
  | { at: "runs"; filter: URLSearchParams }
  | { at: "run"; id: string }
  | { at: "nowhere" };

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const parts = path.split("/").map(decode);
  if (path === "") return { at: "form", app: null };
  if (parts[0] === "apps" && parts.length === 2 && parts[1]) return { at: "form", app: parts[1] };
  if (parts[0] === "runs" && parts.length === 1) return { at: "runs", filter: new URLSearchParams(query) };
  if (parts[0] === "runs" && parts.length === 2 && parts[1]) return { at: "run", id: parts[1] };
  return { at: "nowhere" };
}

export function formatRoute(route: Route): string {
  switch (route.at) {
    case "form":
      return route.app === null ? "#/" : `#/apps/${encodeURIComponent(route.app)}`;
    case "runs": {
      const query = route.filter.toString();
      return query ? `#/runs?${query}` : "#/runs";
    }
    case "run":
      return `#/runs/${encodeURIComponent(route.id)}`;
    case "nowhere":
      return "#/";
  }
}

/** Goes there; `replace`: the place left is not one to come back to. What prefilled a form stays
 * behind: an address of a run that is passed on tells nothing else. */
export function go(route: Route, how: "push" | "replace" = "push"): void {
  const address = `./${formatRoute(route)}`; // a path of its own could read as a host: //…
  if (how === "push") history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
}

/** Renders anew when the place changes. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("popstate", changed);
    addEventListener("hashchange", changed);
    return () => {
      removeEventListener("popstate", changed);
      removeEventListener("hashchange", changed);
    };
  }, []);
  return parseRoute(hash);
}
