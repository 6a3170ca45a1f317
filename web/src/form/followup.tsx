// Asks on in the conversation of a chat.

import { useState } from "preact/hooks";
import { remembered } from "../lib/session";
import type { JsonObject, Row } from "../lib/types";
import { type Field, type Value } from "./fields";
import { FieldInput } from "./field";
import { SendButton, sendByKeys, SendKeys, SendingNotice, useSender } from "./sending";
import { t } from "./words";

/** `inputs`: those of the run, where they are known: a chat that has a form wants them each time. */
export function FollowUp({ row, inputs }: { row: Row; inputs?: JsonObject | null }) {
  const [query, setQuery] = useState<Value>("");
  const [isMissing, setMissing] = useState(false);
  const sender = useSender();
  const { app, user, conversation_id: conversation } = row;
  if (conversation === null || user === null) return null;
  const field: Field =
    { ...queryField(), id: "follow-up", label: t.askOn, hint: t.askOnHint, required: false };
  const submit = (event: Event) => {
    event.preventDefault();
    if ((query as string).trim() === "") {
      setMissing(true);
      document.getElementById(field.id)?.focus();
      return;
    }
    void sender.send({
      app, user, conversation, query: query as string, files: [],
      inputs: ownInputs(inputs ?? remembered<JsonObject>(`form.${app}`, {})),
    });
  };
  return (
    <form class="stack follow-up" noValidate onSubmit={submit} onKeyDown={sendByKeys}>
      <FieldInput field={field} value={query} problem={isMissing ? () => t.needsText : null}
        set={(value) => { setQuery(value); setMissing(false); sender.rest(); }} />
      <SendingNotice sender={sender} />
      <div class="row wrap"><SendButton sender={sender} label={t.send} /><SendKeys /></div>
    </form>
  );
}

// What Dify adds by itself, and files, which belong to the run that they were sent with.
function ownInputs(inputs: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(inputs).filter(([name, value]) =>
    !name.startsWith("sys.") && value !== null && !(typeof value === "object" && isFile(value))));
}

function isFile(value: object): boolean {
  return Array.isArray(value) ? value.some((one) => typeof one === "object" && one !== null && isFile(one))
    : "transfer_method" in value || "upload_file_id" in value || "dify_model_identity" in value;
}

/** What is asked of a chat. */
export function queryField(): Field {
  return {
    id: "field-query", name: "query", label: t.query, type: "paragraph", required: true,
    hidden: false, hint: null, placeholder: null, max: null, options: [], files: null, initial: "",
  };
}
