// A new run: which app, then its form.

import { useEffect, useState } from "preact/hooks";
import { listApps } from "../lib/api";
import { go } from "../lib/route";
import { Failed, Loading, useLoad } from "../ui/load";
import { AppForm } from "./app-form";
import { Chooser } from "./chooser";
import { t } from "./words";

/** The part of the address that fills in forms: ?app=NAME&VARIABLE=VALUE. */
function useQuery(): URLSearchParams {
  const [query, set] = useState(location.search);
  useEffect(() => {
    const changed = () => set(location.search);
    addEventListener("popstate", changed);
    return () => removeEventListener("popstate", changed);
  }, []);
  return new URLSearchParams(query);
}

export function FormView({ app }: { app: string | null }) {
  const [loaded, again] = useLoad("apps", listApps);
  const query = useQuery();
  const apps = loaded.value;
  if (!apps) return loaded.state === "failed" ? <Failed error={loaded.error} again={again} /> : <Loading />;
  if (apps.length === 0) return <div class="empty"><p>{t.noApps}</p></div>;
  const meant = query.get("app");
  const wanted = app ?? meant;
  const chosen = wanted === null && apps.length === 1 ? apps[0] : apps.find((one) => one.app === wanted);
  if (!chosen) return <Chooser apps={apps} unknown={wanted} again={again} />;
  // Values for one app are none for another.
  const address = meant === null || meant === chosen.app ? query : null;
  return (
    <AppForm key={chosen.app} app={chosen} address={address}
      others={apps.length > 1 ? () => go({ at: "form", app: null }) : null} />
  );
}
