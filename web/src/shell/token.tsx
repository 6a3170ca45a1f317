// The question for an access token, when the gateway refuses to answer without.

import { useEffect, useRef, useState } from "preact/hooks";
import { isToken, onTokenWanted, token } from "../lib/session";
import { Dialog } from "../ui/dialog";
import { Notice } from "../ui/icons";
import { t } from "./words";

export function TokenQuestion() {
  const [answer, setAnswer] = useState<((value: string) => void) | null>(null);
  const [isWrong, setWrong] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    onTokenWanted(() => new Promise<string>((resolve) => setAnswer(() => resolve)));
  }, []);
  if (!answer) return null;
  const submit = (event: Event) => {
    event.preventDefault();
    const value = field.current!.value.trim();
    if (!value) return;
    setWrong(!isToken(value));
    if (!isToken(value)) return;
    setAnswer(null);
    answer(value);
  };
  return (
    <Dialog title={t.token} close={() => field.current?.focus()}>
      <form class="stack" onSubmit={submit}>
        {token() === null && !isWrong ? <p>{t.tokenWanted}</p> : <Notice tone="bad" role="alert">{t.tokenRefused}</Notice>}
        <div class="field">
          <label for="token">{t.token}</label>
          <input id="token" ref={field} type="password" autocomplete="off" spellcheck={false} required
            aria-describedby="token-hint" autofocus />
          <span id="token-hint" class="hint">{t.tokenKept}</span>
        </div>
        <button class="primary">{t.enter}</button>
      </form>
    </Dialog>
  );
}
