import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { WireEntity } from '../wire.ts';

interface Formatted {
  readonly text: string;
  readonly entities: readonly WireEntity[];
  /** A command in the text was pressed. */
  readonly onCommand?: (command: string) => void;
}

/** A text with its entities as elements: nothing of it is ever read as markup. */
export function Rich({ text, entities, onCommand }: Formatted) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return <>{inside({ text, onCommand, from: 0, to: text.length, entities: sorted })}</>;
}

interface Stretch {
  readonly text: string;
  readonly from: number;
  readonly to: number;
  /** Those that begin here or later, outer ones first. */
  readonly entities: readonly WireEntity[];
  readonly onCommand: Formatted['onCommand'];
}

/** Entities nest and never cross; each takes those that lie within it. */
function inside({ text, from, to, entities, onCommand }: Stretch): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let at = from;
  for (let index = 0; index < entities.length; index++) {
    const entity = entities[index] as WireEntity;
    const end = Math.min(to, entity.offset + entity.length);
    if (entity.offset < at || end <= entity.offset) continue;
    if (entity.offset > at) parts.push(text.slice(at, entity.offset));
    const inner = entities.slice(index + 1).filter((one) => one.offset < end);
    const children = inside({
      text,
      from: entity.offset,
      to: end,
      entities: inner,
      onCommand,
    });
    parts.push(wrap(entity, children, text.slice(entity.offset, end), onCommand));
    at = end;
  }
  if (at < to) parts.push(text.slice(at, to));
  return parts;
}

function wrap(
  entity: WireEntity,
  children: ComponentChildren[],
  text: string,
  onCommand: Formatted['onCommand'],
): ComponentChildren {
  switch (entity.type) {
    case 'bold':
      return <strong>{children}</strong>;
    case 'italic':
      return <em>{children}</em>;
    case 'underline':
      return <u>{children}</u>;
    case 'strikethrough':
      return <s>{children}</s>;
    case 'code':
      return <code>{children}</code>;
    case 'pre':
      return <pre data-language={entity.language}>{children}</pre>;
    case 'blockquote':
    case 'expandable_blockquote':
      return <blockquote>{children}</blockquote>;
    case 'spoiler':
      return <Spoiler>{children}</Spoiler>;
    case 'bot_command':
      return <Command text={text} onCommand={onCommand} />;
    case 'text_link':
      return <Link url={entity.url ?? ''}>{children}</Link>;
    case 'url':
      return <Link url={/^\w+:\/\//.test(text) ? text : `https://${text}`}>{children}</Link>;
    case 'email':
      return <Link url={`mailto:${text}`}>{children}</Link>;
    case 'mention':
    case 'text_mention':
    case 'hashtag':
    case 'cashtag':
    case 'phone_number':
      return <span class="mention">{children}</span>;
    default:
      return <>{children}</>;
  }
}

function Command({ text, onCommand }: { text: string; onCommand: Formatted['onCommand'] }) {
  if (onCommand === undefined) return <span class="mention">{text}</span>;
  return (
    <button type="button" class="inline-link" onClick={() => onCommand(text)}>
      {text}
    </button>
  );
}

/** Only addresses that a browser opens elsewhere become links. */
function Link({ url, children }: { url: string; children: ComponentChildren }) {
  if (!/^(https?:\/\/|mailto:)/i.test(url)) return <span class="mention">{children}</span>;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

function Spoiler({ children }: { children: ComponentChildren }) {
  const [isOpen, open] = useState(false);
  if (isOpen) return <span>{children}</span>;
  return (
    <button type="button" class="spoiler" aria-label="spoiler" onClick={() => open(true)}>
      <span aria-hidden="true">{children}</span>
    </button>
  );
}
