/** A menu closes when the focus goes elsewhere. */
export function closeWhenLeft(event: FocusEvent & { currentTarget: HTMLDetailsElement }) {
  if (!(event.relatedTarget instanceof Node) || !event.currentTarget.contains(event.relatedTarget))
    event.currentTarget.removeAttribute('open');
}
