// What a user thinks of a run: kept by the gateway, and passed on where Dify takes it.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { rateRun } from "../lib/api";
import type { Rating as Kind, Row } from "../lib/types";
import { Icon } from "../ui/icons";
import { errorText } from "../ui/load";
import { t } from "./words";

const MOST_BYTES = 4096;

function said(rating: Kind, passedOn: boolean | null): string {
  if (rating === null) return passedOn ? t.takenBackThere : t.takenBack;
  return passedOn ? t.passedOn : passedOn === false ? t.notPassedOn : t.notPassedOnOf;
}

export function Rating({ runId, row }: { runId: string; row: Row | null }) {
  const [rating, setRating] = useState<Kind>(row?.rating ?? null);
  const [comment, setComment] = useState(row?.comment ?? "");
  const [kept, setKept] = useState(row?.comment ?? ""); // the comment that the gateway has
  const [told, setTold] = useState<{ text: string; bad: boolean } | null>(null);
  const [sending, setSending] = useState(false);
  const touched = useRef(false);
  const id = useId();
  useEffect(() => {
    if (touched.current || !row) return;
    setRating(row.rating);
    setComment(row.comment ?? "");
    setKept(row.comment ?? "");
  }, [row]);

  const tooMuch = new TextEncoder().encode(comment).length - MOST_BYTES;
  const send = async (to: Kind) => {
    touched.current = true;
    const before = rating;
    setRating(to);
    setSending(true);
    setTold(null);
    try {
      const text = to === null ? "" : comment.trim();
      const answer = await rateRun(runId, to, text || null);
      setRating(answer.rating);
      setKept(answer.comment ?? "");
      if (to === null) setComment("");
      setTold({ text: said(answer.rating, answer.passed_on), bad: false });
    } catch (error) {
      setRating(before);
      setTold({ text: `${t.notSaved} ${errorText(error)}`, bad: true });
    }
    setSending(false);
  };
  const choice = (kind: "like" | "dislike", name: string) => (
    <button type="button" class="small" aria-pressed={rating === kind} aria-disabled={sending || tooMuch > 0}
      onClick={() => { if (!sending && tooMuch <= 0) send(rating === kind ? null : kind); }}>
      <Icon name={kind} />{name}
    </button>
  );
  return (
    <div class="result-rating" role="group" aria-label={t.rating}>
      <div class="row wrap">
        <span class="muted">{t.rating}</span>
        {choice("like", t.good)}
        {choice("dislike", t.bad)}
        <span class={told?.bad ? "result-error small" : "muted small"} role="status">{told?.text}</span>
      </div>
      {rating !== null && (
        <form class="field" onSubmit={(event) => { event.preventDefault(); if (!sending && tooMuch <= 0) send(rating); }}>
          <label class="small" for={id}>{t.comment}</label>
          <textarea id={id} value={comment} rows={2} aria-invalid={tooMuch > 0} aria-describedby={`${id}-error`}
            onInput={(event) => { touched.current = true; setComment(event.currentTarget.value); }} />
          <div class="row wrap">
            <button class="small" aria-disabled={sending || tooMuch > 0 || comment.trim() === kept}>{t.sendComment}</button>
            <span id={`${id}-error`} class="error" role="status">
              {tooMuch > 0 && <><Icon name="alert" />{t.commentTooLong(tooMuch)}</>}
            </span>
          </div>
        </form>
      )}
    </div>
  );
}
