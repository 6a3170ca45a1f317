// An app's icon and names.

import { titleOf } from "../lib/titles";
import type { App } from "../lib/types";
import { t } from "./words";

export function modeText(app: App): string | null {
  return app.mode && ((t as unknown as { [name: string]: string | undefined })[`mode_${app.mode}`] ?? app.mode);
}

/** An emoji on the ground that the app gives it. A picture of an app is at another host, which a
 * page does not ask from here: then a letter. */
export function AppIcon({ app, large }: { app: App; large?: boolean }) {
  const { icon, icon_type: type, icon_background: ground } = app;
  const isEmoji = type !== "image" && !!icon && icon.length < 16 && /\p{Extended_Pictographic}/u.test(icon);
  const style = isEmoji && ground && /^#[0-9a-f]{6}$/i.test(ground) ? { background: ground } : undefined;
  return (
    <span class={`app-icon${large ? " large" : ""}`} style={style} aria-hidden="true">
      {isEmoji ? icon : [...titleOf(app)][0]?.toLocaleUpperCase()}
    </span>
  );
}
