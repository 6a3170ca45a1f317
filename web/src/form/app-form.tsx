// The form of one app: filled in, checked, sent.

import { useEffect, useState } from "preact/hooks";
import { ApiError, getParameters } from "../lib/api";
import { listed } from "../lib/format";
import { remember, remembered } from "../lib/session";
import { titleOf } from "../lib/titles";
import type { App, Parameters } from "../lib/types";
import { Markdown, markdownReady } from "../result/markdown";
import { Notice } from "../ui/icons";
import { errorText, Failed, Loading, useLoad } from "../ui/load";
import { takeAgain } from "./again";
import { AppIcon, modeText } from "./app-head";
import {
  check, type Field, fieldsOf, inputsOf, isEmpty, placeErrors, type Problems, type Value, type Values,
} from "./fields";
import { FieldInput, isBad } from "./field";
import { useDropGuard, usePaste } from "./file-field";
import { addFiles, type Item, kindOf, type Problem } from "./files";
import { queryField } from "./followup";
import { SendButton, sendByKeys, SendKeys, SendingNotice, useSender } from "./sending";
import { keepValues, lastValues, startValues } from "./values";
import { t } from "./words";

const CHATS = ["advanced-chat", "chat", "agent-chat", "agent"];

async function askForForm(app: string): Promise<Parameters> {
  const parameters = await getParameters(app);
  if (parameters.opening_statement) await markdownReady();
  return parameters;
}

export function AppForm({ app, address, others }: {
  app: App; address: URLSearchParams | null; others: (() => void) | null;
}) {
  const [loaded, again] = useLoad(app.app, () => askForForm(app.app));
  const title = titleOf(app);
  // Anew once the form is there: the frame names the window when a place is new.
  useEffect(() => { document.title = `${title} · difystream`; }, [title, loaded.state]);
  return (
    <div class="stack form-view">
      <header class="form-title">
        <AppIcon app={app} large />
        <div class="grow">
          <h1>{title}</h1>
          <div class="row wrap muted small">
            {app.mode && <span>{modeText(app)}</span>}
            {others && <button type="button" class="plain small" onClick={others}>{t.allApps}</button>}
          </div>
        </div>
      </header>
      {app.description && <p class="muted form-about">{app.description}</p>}
      {loaded.value ? <Fill app={app} parameters={loaded.value} address={address} />
        : loaded.state === "failed" ? <Failed error={loaded.error} again={again} /> : <Loading />}
    </div>
  );
}

function userField(): Field {
  return {
    ...queryField(), id: "field-user", name: "user", label: t.user, type: "text-input",
    required: false, hint: t.userHint, max: 255,
  };
}

/** All of the form: the app's own fields, then what is asked of a chat, then the user's name. Made
 * anew with each rendering, as labels follow the language. */
function allFields(app: App, parameters: Parameters): { inputs: Field[]; all: Field[]; isChat: boolean } {
  const inputs = fieldsOf(parameters);
  const isChat = CHATS.includes(app.mode ?? "");
  return { inputs, isChat, all: [...inputs, ...(isChat ? [queryField()] : []), userField()] };
}

function useValues(app: App, parameters: Parameters, address: URLSearchParams | null) {
  return useState(() => {
    const { inputs, all } = allFields(app, parameters);
    const again = takeAgain(app.app);
    const own = startValues(inputs, { address, again, last: lastValues(app.app) });
    // An input of the same name is meant first.
    const isInput = (name: string) => inputs.some((field) => field.name === name);
    const user = remembered("user", "");
    const others = startValues(all.filter((field) => !inputs.includes(field)), {
      address: address && new URLSearchParams([...address].filter(([name]) => !isInput(name))),
      again: again && { query: again["sys.query"] ?? null, user },
      last: { user },
    });
    const values: Values = { ...own, ...others };
    // A field that is not to be shown has to be when nothing fills it.
    const hidden = inputs.filter((field) => field.hidden && !(field.required && isEmpty(values[field.id]!)));
    return { values, hidden: hidden.map(({ id }) => id), again };
  });
}

function Fill({ app, parameters, address }: {
  app: App; parameters: Parameters; address: URLSearchParams | null;
}) {
  const { inputs, all, isChat } = allFields(app, parameters);
  const [{ values, hidden, again }, setState] = useValues(app, parameters, address);
  const [problems, setProblems] = useState<Problems>({});
  const [tried, setTried] = useState(0); // how often it was sent with something wrong
  const sender = useSender();
  const shown = all.filter(({ id }) => !hidden.includes(id));
  useDropGuard();

  const set = (field: Field, value: Value, problem?: Problem | null) => {
    setState((state) => ({ ...state, values: { ...state.values, [field.id]: value } }));
    // What was wrong is looked at anew while it is mended; nothing is called wrong before.
    setProblems(({ [field.id]: was, ...rest }) => {
      const now = problem ?? (was || isBad(field) ? check(field, value, isBad(field)) : null);
      return now ? { ...rest, [field.id]: now } : rest;
    });
    sender.rest();
  };
  usePaste((files, at) => {
    const taking = shown.filter((field) => field.files?.local);
    const own = at?.closest<HTMLElement>("[data-field]")?.dataset["field"];
    const field = taking.find(({ id }) => id === own) ??
      taking.find((one) => files.some(({ name }) => one.files!.kinds.includes(kindOf(name)))) ?? taking[0];
    if (!field) return false;
    const added = addFiles(field.files!, values[field.id] as Item[], files);
    set(field, added.items, added.problem);
    return true;
  });

  const show = (wrong: Problems) => {
    setProblems(wrong);
    const first = shown.find(({ id }) => wrong[id]);
    if (!first) return;
    setTried((times) => times + 1);
    setTimeout(() => document.getElementById(first.id)?.focus());
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (sender.now.at === "sending") return;
    const wrong: Problems = {};
    for (const field of shown) {
      const problem = check(field, values[field.id]!, isBad(field));
      if (problem) wrong[field.id] = problem;
    }
    sender.rest();
    show(wrong);
    if (Object.keys(wrong).length > 0) return;
    const user = (values["field-user"] as string).trim();
    keepValues(app.app, inputs, values);
    remember("user", user);
    const query = isChat ? values["field-query"] as string : undefined;
    const order = { app: app.app, user: user || undefined, query, ...inputsOf(inputs, values) };
    void sender.send(order, (error) => {
      if (!(error instanceof ApiError) || error.status < 400 || error.status > 499) return errorText(error);
      const { problems: told, rest } = placeErrors(error.message, shown);
      show(told);
      return rest || null;
    });
  };
  const clear = () => {
    keepValues(app.app, inputs, null);
    // A number that the browser cannot read is not in `values`.
    for (const input of document.querySelectorAll<HTMLInputElement>(".form input[type=number]")) input.value = "";
    const start = startValues(all, { address: null, again: null, last: null });
    setState({ values: { ...start, "field-user": values["field-user"]! }, hidden, again: null });
    setProblems({});
    sender.rest();
    document.getElementById(shown[0]!.id)?.focus();
  };
  const note = (field: Field) => field.files && again && !isNone(again[field.name]) ? t.notAgain : null;
  const input = (field: Field) => (
    <FieldInput key={field.id} field={field} value={values[field.id]!} problem={problems[field.id] ?? null}
      set={(value, problem) => set(field, value, problem)} note={note(field)} />
  );
  return (
    <form class="card stack form" noValidate onSubmit={submit} onKeyDown={sendByKeys}>
      {parameters.opening_statement && isChat &&
        <div class="opening"><Markdown text={parameters.opening_statement} /></div>}
      {shown.some(({ required }) => required) && <p class="muted small">{t.requiredMark}</p>}
      {shown.filter(({ id }) => id !== "field-user").map(input)}
      {isChat && <Suggestions questions={parameters.suggested_questions ?? []} choose={(text) => {
        set(all.find(({ id }) => id === "field-query")!, text);
        document.getElementById("field-query")?.focus();
      }} />}
      <div class="form-end stack">
        {input(all[all.length - 1]!)}
        <Wrong fields={shown} problems={problems} tried={tried} />
        <SendingNotice sender={sender} />
        <div class="row wrap">
          <SendButton sender={sender} label={isChat ? t.send : t.run} />
          <button type="button" class="plain" onClick={clear}>{t.clear}</button>
          <SendKeys />
        </div>
      </div>
    </form>
  );
}

const isNone = (value: unknown) => value == null || (Array.isArray(value) && value.length === 0);

function Suggestions({ questions, choose }: { questions: string[]; choose: (text: string) => void }) {
  if (questions.length === 0) return null;
  return (
    <div class="row wrap suggestions" role="group" aria-label={t.suggested}>
      {questions.map((text) => (
        <button key={text} type="button" class="small" onClick={() => choose(text)}>{text}</button>
      ))}
    </div>
  );
}

/** All that is wrong, in one place: said aloud when it was found. */
function Wrong({ fields, problems, tried }: { fields: Field[]; problems: Problems; tried: number }) {
  const wrong = fields.filter(({ id }) => problems[id]);
  if (tried === 0 || wrong.length === 0) return null;
  return (
    <Notice key={tried} tone="bad" role="alert">
      {t.wrong(wrong.length)} {listed(wrong.map(({ label }) => label))}
    </Notice>
  );
}
