// A modal dialog: the browser's own, which keeps the focus inside and closes by Escape.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export function Dialog({ title, close, children }: {
  title: string; close: () => void; children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.focus();
  }, []);
  // A second Escape closes it whatever is said to the first one. Who wants it to stay has it again.
  const closed = () => {
    close();
    setTimeout(() => { if (dialog.current?.open === false) dialog.current.showModal(); });
  };
  return (
    <dialog ref={dialog} aria-labelledby={name} onCancel={(event) => { event.preventDefault(); close(); }}
      onClose={closed} onClick={(event) => { if (event.target === dialog.current) close(); }}>
      <div class="stack">
        <h2 id={name}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
