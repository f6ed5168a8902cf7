import { byteOffset, type Entity, type Formatted } from './entity.ts';

interface Open {
  /** As the Bot API names it. */
  readonly type: string;
  /** As Telegram's errors name it. */
  readonly name: string;
  /** What ends it. */
  readonly end: string;
  readonly offset: number;
  readonly start: number;
  readonly language?: string;
}

const reserved = '_*[]()~`>#+-=|{}.!';
/** The longer mark is looked for first. */
const marks: readonly [mark: string, type: string, name: string][] = [
  ['__', 'underline', 'Underline'],
  ['_', 'italic', 'Italic'],
  ['*', 'bold', 'Bold'],
  ['~', 'strikethrough', 'Strikethrough'],
  ['||', 'spoiler', 'Spoiler'],
];

/**
 * Telegram's MarkdownV2 (https://core.telegram.org/bots/api#markdownv2-style).
 * @throws Error with Telegram's words
 */
export function parseMarkdownV2(source: string): Formatted {
  let text = '';
  let quote: number | null = null;
  const entities: Entity[] = [];
  const open: Open[] = [];
  const close = (last: Open, more: Partial<Entity> = {}) => {
    const length = text.length - last.offset;
    const language = last.language === undefined ? {} : { language: last.language };
    if (length > 0) entities.push({ type: last.type, offset: last.offset, length, ...language, ...more });
  };
  const endQuote = (isExpandable: boolean) => {
    if (quote === null) return;
    const length = text.length - quote;
    const type = isExpandable ? 'expandable_blockquote' : 'blockquote';
    if (length > 0) entities.push({ type, offset: quote, length });
    quote = null;
  };
  for (let at = 0; at < source.length; at++) {
    const here = source[at] as string;
    const last = open.at(-1);
    const isCode = last?.type === 'code' || last?.type === 'pre';
    if (here === '\\' && at + 1 < source.length && source.charCodeAt(at + 1) < 127) {
      text += source[++at];
      continue;
    }
    if (last !== undefined && source.startsWith(last.end, at) && !isOther(last, source, at)) {
      open.pop();
      at += last.end.length - 1;
      if (last.end !== ']') close(last);
      else at = closeLink(source, at, last, text, close);
      continue;
    }
    if (isCode || !(reserved.includes(here) || here === '\n')) {
      text += here;
      continue;
    }
    if (here === '\n') {
      if (quote !== null && source[at + 1] !== '>') endQuote(false);
      text += here;
      continue;
    }
    if (here === '>' && (at === 0 || source[at - 1] === '\n')) {
      quote ??= text.length;
      continue;
    }
    // `||` at the end of a quote's last line folds it.
    if (quote !== null && source.startsWith('||', at) && (source[at + 2] ?? '\n') === '\n') {
      endQuote(true);
      at++;
      continue;
    }
    at = openEntity(source, at, text.length, open);
  }
  const unclosed = open.at(-1);
  if (unclosed !== undefined)
    throw new Error(
      `Can't find end of ${unclosed.name} entity at byte offset ${byteOffset(source, unclosed.start)}`,
    );
  endQuote(false);
  return { text, entities };
}

/** `__` is never the end of an italic. */
const isOther = ({ end }: Open, source: string, at: number) => end === '_' && source[at + 1] === '_';

/** Opens what begins here. Returns the index of its mark's last character. */
function openEntity(source: string, at: number, offset: number, open: Open[]): number {
  const base = { offset, start: at };
  if (source.startsWith('```', at)) {
    const language = /^[^\s`]*(?=\s)/.exec(source.slice(at + 3))?.[0] ?? '';
    const end = at + 3 + language.length;
    open.push({
      type: 'pre',
      name: language === '' ? 'Pre' : 'PreCode',
      end: '```',
      ...base,
      ...(language !== '' && { language }),
    });
    return source[end] === '\n' ? end : end - 1;
  }
  if (source[at] === '`') open.push({ type: 'code', name: 'Code', end: '`', ...base });
  else if (source[at] === '[') open.push({ type: 'text_link', name: 'TextUrl', end: ']', ...base });
  else if (source.startsWith('![', at)) {
    open.push({ type: 'custom_emoji', name: 'CustomEmoji', end: ']', ...base });
    return at + 1;
  } else {
    const mark = marks.find(([mark]) => source.startsWith(mark, at));
    if (mark === undefined)
      throw new Error(`Character '${source[at]}' is reserved and must be escaped with the preceding '\\'`);
    const [end, type, name] = mark;
    open.push({ type, name, end, ...base });
    return at + end.length - 1;
  }
  return at;
}

/** The address in brackets after a link's text. Returns the index of the closing bracket. */
function closeLink(
  source: string,
  at: number,
  last: Open,
  text: string,
  close: (last: Open, more: Partial<Entity>) => void,
): number {
  if (source[at + 1] !== '(') {
    const url = text.slice(last.offset);
    if (/^https?:\/\//.test(url)) close(last, { url });
    return at;
  }
  let url = '';
  for (let index = at + 2; index < source.length; index++) {
    if (source[index] === ')') {
      const emoji = /^tg:\/\/emoji\?id=(\d+)$/.exec(url)?.[1];
      if (last.type === 'custom_emoji') close(last, { custom_emoji_id: emoji ?? '' });
      else if (url !== '') close(last, { url });
      return index;
    }
    if (source[index] === '\\' && index + 1 < source.length) index++;
    url += source[index];
  }
  throw new Error(`Can't find end of a URL at byte offset ${byteOffset(source, at + 1)}`);
}

/**
 * The old Markdown (https://core.telegram.org/bots/api#markdown-style): nothing nests.
 * @throws Error with Telegram's words
 */
export function parseMarkdown(source: string): Formatted {
  let text = '';
  const entities: Entity[] = [];
  const types: Readonly<Record<string, string>> = { _: 'italic', '*': 'bold', '`': 'code', '```': 'pre' };
  for (let at = 0; at < source.length; at++) {
    const here = source[at] as string;
    if (here === '\\' && '_*`['.includes(source[at + 1] ?? ' ')) {
      text += source[++at];
      continue;
    }
    if (!'_*`['.includes(here)) {
      text += here;
      continue;
    }
    const mark = source.startsWith('```', at) ? '```' : here;
    const end = source.indexOf(mark === '[' ? ']' : mark, at + mark.length);
    if (end === -1)
      throw new Error(`Can't find end of the entity starting at byte offset ${byteOffset(source, at)}`);
    const inner = source.slice(at + mark.length, end);
    const base = { offset: text.length, length: inner.length };
    text += inner;
    at = end + (mark === '[' ? 0 : mark.length - 1);
    if (mark !== '[') {
      if (inner !== '') entities.push({ type: types[mark] as string, ...base });
      continue;
    }
    const url = /^\(([^)]*)\)/.exec(source.slice(end + 1))?.[1];
    if (url === undefined) continue;
    at += url.length + 2;
    if (inner !== '' && url !== '') entities.push({ type: 'text_link', ...base, url });
  }
  return { text, entities };
}
