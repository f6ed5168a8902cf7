import type { Store } from '#runtime';
import { accessOf } from '../payments/access.ts';
import { type Access, booksOf, type Entry } from '../payments/book.ts';
import { Ledger } from '../payments/ledger.ts';

/** What is stored about the door to a person: the club they were let into, and how far they came. */
export interface WayIn {
  readonly club?: number | true;
  readonly link?: string;
  readonly joined?: true;
}

/** Somebody of whom the bot knows. */
export interface Known {
  readonly book: readonly Entry[];
  readonly access: Access;
  readonly wayIn: WayIn;
}

/** Everybody who has a book, or was at the door of late. Its cost grows with what is stored. */
export async function readKnown(store: Store, now: number): Promise<ReadonlyMap<number, Known>> {
  const books = booksOf(await new Ledger(store).entries());
  const ways = new Map<number, WayIn>();
  for await (const { chat, context } of store.sessions('membership')) ways.set(chat, context as WayIn);
  const chats = new Set([...books.keys(), ...ways.keys()]);
  return new Map(
    [...chats].map((chat) => {
      const book = books.get(chat) ?? [];
      return [chat, { book, access: accessOf(book, now), wayIn: ways.get(chat) ?? {} }];
    }),
  );
}

/** Whether somebody has access and no way into this club. What an earlier release noted as `true` is the club of today. */
export const lacksWayIn = ({ access, wayIn }: Known, club: number): boolean =>
  access.has &&
  ((wayIn.link === undefined && wayIn.joined !== true) ||
    (typeof wayIn.club === 'number' && wayIn.club !== club));
