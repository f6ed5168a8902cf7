import type { Update } from 'grammy/types';
import type { Arrival, MachineEvent } from '#runtime';
import { answerTo, commandOf, isOperator, isSaid, type Meaning, mayCause, type Route } from '#telegram';
import type { Entry } from '../payments/book.ts';
import type { ClubRules } from '../rules.ts';
import { isActByHand, meaningOfByHand, readByHand } from './by-hand.ts';

/** What an operator does to somebody, and no update tells: for that person's inbox. */
export const arrivalByHand = (event: MachineEvent, entry: Entry): Arrival => ({
  ...askedByHand(entry.chat, event),
  entry,
});

/** What an operator asks of a person's conversation, with nothing for the book. */
export const askedByHand = (chat: number, event: MachineEvent): Arrival => ({
  update: 0,
  chat,
  lane: 'reply',
  event,
  fromOperator: true,
  elsewhere: true,
});

/** What an operator does by a command or a button that names another person: it is about that person's conversation. */
export const routeByHand: Route<ClubRules> = (update, rules) => {
  const { message, callback_query: query, update_id: id } = update;
  if (query !== undefined) return admitted(query, rules);
  if (message?.from === undefined || !isSaid(message) || !isOperator(message.from, rules)) return undefined;
  const command = commandOf(message.text ?? message.caption);
  if (command === null || !mayCause(`${command.name}.requested`, true, rules)) return undefined;
  const asked = isActByHand(command.name) ? readByHand(command.name, command.words) : null;
  if (asked === null) return undefined;
  const by = { by: message.from.id, id: String(id), at: message.date * 1_000 };
  const { chat, event, entry } = meaningOfByHand(asked, by);
  return byHand(chat, { ...rules.facts, ...event }, entry);
};

const byHand = (chat: number, event: MachineEvent, entry?: Entry): Meaning => ({
  chat,
  lane: 'reply',
  event,
  ...(entry !== undefined && { entry }),
  fromOperator: true,
  elsewhere: true,
});

function admitted(query: NonNullable<Update['callback_query']>, rules: ClubRules): Meaning | undefined {
  const isPrivate = query.message === undefined || query.message.chat.type === 'private';
  const chat = /^member\.admitted:(\d{1,15})$/.exec(query.data ?? '')?.[1];
  if (chat === undefined || !isPrivate || !isOperator(query.from, rules)) return undefined;
  const event = { ...rules.facts, type: 'member.admitted', by: query.from.id };
  return { ...byHand(Number(chat), event), answer: answerTo(query.id) };
}
