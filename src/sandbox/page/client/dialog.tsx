import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** A window over the page: the browser keeps the focus in it, and Escape or a press beside it closes it. */
export function Dialog(props: {
  label: string;
  kind: 'sheet' | 'alert' | 'photo';
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it, by the browser itself
    <dialog
      ref={dialog}
      class={props.kind}
      aria-label={props.label}
      onClose={props.onClose}
      onClick={({ target }) => target === dialog.current && dialog.current?.close()}
    >
      <div class="dialog-body">{props.children}</div>
    </dialog>
  );
}
