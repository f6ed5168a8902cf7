import type { Content } from '#content';
import type { Effect } from '#runtime';
import type { ClubParts } from '../parts.ts';
import { accessOf } from '../payments/access.ts';
import { type Entry, isAct } from '../payments/book.ts';
import { dateOf, money } from '../variables.ts';

/** Lines of a book that an operator sees. */
const shownLines = 12;

/** Tells the operator who asks what there is about a person: access, the way into the club, the book. */
export async function showMember(
  effect: Effect,
  { ledger, content, send, stored, nameOf, now }: ClubParts,
): Promise<void> {
  const chat = Number(effect.event?.['payload']);
  const [book, { sessions }, name] = await Promise.all([ledger.book(chat), stored(chat), nameOf(chat)]);
  const door = sessions.find(({ machine }) => machine === 'membership')?.context as
    | { joined?: true; link?: string }
    | undefined;
  const lines = book.slice(-shownLines).map((entry) => lineOf(entry, content()));
  await send({
    ...effect,
    type: 'tellOperator',
    chat,
    to: effect.chat,
    params: {
      message: 'operator_member',
      book: lines.join('\n'),
      place: door?.joined === true ? 'inside' : door?.link !== undefined ? 'invited' : 'none',
    },
    event: {
      type: 'member.shown',
      name: name ?? `id ${chat}`,
      // Who has no book has no access.
      access: { ...accessOf(book, now()) },
    },
  });
}

/** A line of a book in the operators' language: `2026-11-25 · given 30 days · 900 · a friend`. */
export function lineOf(entry: Entry, content: Content): string {
  const language = content.defaultLanguage;
  const day = new Date(entry.at).toISOString().slice(0, 10);
  const words = (act: string, more: { paid?: string; days?: number; until?: string; reason?: string }) =>
    content.format(
      language,
      'book-line',
      { act, paid: '—', days: 0, until: 'never', reason: '—', ...more },
      true,
    );
  if (!isAct(entry)) {
    const { direction, currency, amount, charge, foreign } = entry;
    const paid = money(content, language, currency, amount);
    return [day, words(foreign === true ? 'foreign' : direction, { paid }), charge].join(' · ');
  }
  const { kind, days = 0, until, state = '', by, reason, charge } = entry;
  const said = words(days < 0 ? 'taken' : kind, {
    days: Math.abs(days),
    reason: state,
    ...(until !== undefined && { until: dateOf(language, until) }),
  });
  return [day, said, charge, by, reason].filter((part) => part !== undefined).join(' · ');
}
