import type { BotFile } from './bot.ts';
import {
  type MessageEntries,
  type MessageEntry,
  type MessageNeeds,
  messagesShape,
  type PollEntry,
} from './entries.ts';
import { type Attachment, type Button, kindOf, listOf, type MessageContent, type Poll } from './message.ts';
import { type Problem, show, suggest } from './problem.ts';
import { matchShape } from './shape.ts';
import type { Yaml } from './yaml.ts';

/** Checks messages.yaml by itself and against what is asked for. @returns the entries that have the right shape */
export function readMessages(
  yaml: Yaml,
  needs: MessageNeeds,
  { named }: BotFile,
  bot: Yaml | null,
  problems: Problem[],
): Partial<MessageEntries> {
  const entries = matchShape(messagesShape(needs), yaml, problems);
  const names = namesIn(yaml);
  const spare = names.filter((name) => !needs.messages?.includes(name));
  for (const name of needs.messages ?? []) {
    if (names.includes(name)) continue;
    const expected = `an entry: the conversation uses this message${suggest(name, spare)}`;
    problems.push({ file: yaml.file, path: name, expected, found: 'nothing' });
  }
  for (const { path, name } of named.messages) {
    if (bot === null || names.includes(name)) continue;
    problems.push({
      file: bot.file,
      line: bot.line(path),
      path: path.map(String).join('.'),
      expected: `a message of messages.yaml${suggest(name, names)}`,
      found: show(name),
    });
  }
  for (const [name, entry] of Object.entries(entries)) {
    if (entry === null || entry === undefined) continue;
    for (const { path, expected, found } of [...mixtures(entry), ...wrongButtons(entry, needs)]) {
      const place = [name, ...path];
      problems.push({ file: yaml.file, line: yaml.line(place), path: place.join('.'), expected, found });
    }
  }
  return entries;
}

export const namesIn = (yaml: Yaml): string[] => Object.keys((yaml.value as object | null) ?? {});

interface Fault {
  readonly path: readonly (string | number)[];
  readonly expected: string;
  readonly found: string;
}

const one = ['video', 'photo', 'document', 'album', 'poll'] as const;

/** What of a message does not go together. */
function* mixtures(entry: NonNullable<MessageEntry>): Generator<Fault> {
  const { buttons = [], keyboard, album, poll } = entry;
  const kinds = one.filter((kind) => entry[kind] !== undefined);
  if (kinds.length > 1) {
    const expected = `one of ${one.filter((kind) => kind !== 'poll' || poll !== undefined).join(', ')}`;
    yield { path: [kinds[1] ?? ''], expected, found: kinds.join(' and ') };
  }
  if (entry.plain === true && (kinds.length > 0 || buttons.length > 0 || keyboard !== undefined))
    yield { path: ['plain'], expected: 'a notice without media and buttons', found: 'some' };
  if (buttons.length > 0 && keyboard !== undefined) {
    const expected =
      'buttons or a keyboard (Telegram takes one of them; put the other under the next message)';
    yield { path: ['keyboard'], expected, found: 'both' };
  }
  if (album !== undefined) {
    const kinds = new Set(album.map(kindOf));
    if (kinds.has('document') && kinds.size > 1)
      yield { path: ['album'], expected: 'documents only, or none', found: show(album) };
    for (const [name, part] of [
      ['buttons', buttons],
      ['keyboard', keyboard ?? []],
    ] as const) {
      const expected = `no ${name} under an album (Telegram takes none; put them under the next message)`;
      if (part.length > 0) yield { path: [name], expected, found: 'some' };
    }
  }
  if (poll !== undefined) yield* wrongPoll(poll);
}

function* wrongPoll({ options, correct, explanation }: PollEntry): Generator<Fault> {
  for (const [index, option] of options.entries()) {
    const first = options.indexOf(option);
    const expected = `a text that option ${first + 1} does not have already`;
    if (first < index) yield { path: ['poll', 'options', index], expected, found: show(option) };
  }
  for (const option of correct === undefined ? [] : listOf(correct)) {
    const expected = `one of ${options.join(', ')}${suggest(option, options)}`;
    if (!options.includes(option)) yield { path: ['poll', 'correct'], expected, found: show(option) };
  }
  if (explanation !== undefined && correct === undefined) {
    const expected = 'no explanation in a poll without a correct option';
    yield { path: ['poll', 'explanation'], expected, found: show(explanation) };
  }
}

/** Buttons whose event nothing takes, or does not fit them. */
function* wrongButtons(
  { buttons = [] }: NonNullable<MessageEntry>,
  { events }: MessageNeeds,
): Generator<Fault> {
  for (const [rowIndex, row] of buttons.entries()) {
    if ('kind' in row) continue;
    for (const [index, button] of listOf(row).entries()) {
      if (!('data' in button)) continue;
      const path = ['buttons', rowIndex, ...(Array.isArray(row) ? [index] : []), 'event'];
      const [event = ''] = button.data.split(':', 1);
      const bytes = Buffer.byteLength(button.data);
      if (bytes > 64)
        yield { path, expected: 'event and value of at most 64 bytes together', found: `${bytes} bytes` };
      if (events === undefined || events.includes(event)) continue;
      const expected = `one of ${events.join(', ')}${suggest(event, events)}`;
      yield { path, expected, found: show(event) };
    }
  }
}

/**
 * A message as messages.yaml describes it, with what it leaves out.
 * @param rowsOf the buttons of a kind of row that a product makes of its settings, each in a row of its own
 */
export function messageOf(
  name: string,
  entry: NonNullable<MessageEntry>,
  rowsOf: (kind: string) => readonly Button[],
): MessageContent {
  const { video, photo, document, album = [], keyboard, poll } = entry;
  const attachments: Attachment[] = album.map((file) => ({ kind: kindOf(file), file }));
  if (video !== undefined) attachments.push({ kind: 'video', file: video });
  if (photo !== undefined) attachments.push({ kind: 'photo', file: photo });
  if (document !== undefined) attachments.push({ kind: 'document', file: document });
  return {
    text: entry.text ?? name.replaceAll('_', '-'),
    plain: entry.plain ?? false,
    isProtected: entry.protect_content ?? false,
    attachments,
    rows: (entry.buttons ?? []).flatMap((row): (readonly Button[])[] =>
      'kind' in row ? rowsOf(row.kind).map((button) => [button]) : [listOf(row)],
    ),
    ...(keyboard !== undefined && { keyboard }),
    ...(poll !== undefined && { poll: pollOf(poll) }),
  };
}

function pollOf({ options, correct, explanation, anonymous, multiple }: PollEntry): Poll {
  const right = correct === undefined ? [] : listOf(correct);
  return {
    options,
    ...(correct !== undefined && {
      correct: [...options.keys()].filter((index) => right.includes(options[index] ?? '')),
    }),
    ...(explanation !== undefined && { explanation }),
    isAnonymous: anonymous ?? true,
    allowsMultiple: multiple ?? right.length > 1,
  };
}

/** Warns of messages that nothing sends. */
export function checkUnusedMessages(
  yaml: Yaml,
  sent: readonly string[],
  { named }: BotFile,
  warnings: Problem[],
): void {
  const all = [...sent, ...named.messages.map(({ name }) => name)];
  const senders = ['a conversation', ...new Set(named.messages.map(({ by }) => by))].join(' or ');
  for (const name of namesIn(yaml).filter((name) => !all.includes(name))) {
    warnings.push({
      file: yaml.file,
      line: yaml.line([name]),
      path: name,
      expected: `a message that ${senders} sends${suggest(name, all)}`,
      found: 'one that nothing sends',
    });
  }
}
