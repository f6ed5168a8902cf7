import type { Redis } from 'ioredis';
import {
  accessOf,
  arrivalByHand,
  booksOf,
  boughtBy,
  type Entry,
  History,
  Ledger,
  type Listed,
  type Payment,
  readList,
} from '#club';
import { type Clock, type JsonObject, openRedisStore } from '#runtime';
import type { Perform } from '#telegram';
import { createProgress, paint } from '#terminal';
import { patient } from './patient.ts';

export interface AdoptOptions {
  /** Shows what would be done, and does nothing. */
  readonly dryRun?: boolean;
  readonly json?: boolean;
  /** The id of the product in bot.yaml. */
  readonly product: string;
  /** Takes payments without a signature of other products' ids as well. */
  readonly includeUnsigned?: boolean;
  /** What every event of a person tells of today's offer: who is taken over is taken out of the club when their time ends. */
  readonly facts: JsonObject;
  /** Whether this bot signed an invoice's payload. */
  readonly isSigned: (payload: string) => boolean;
}

/** What `turnstile payments adopt --json` prints. Amounts of people and payments are those that no book had. */
export interface Adoption {
  /** Transactions that were read. */
  readonly read: number;
  /** Those of the last minute, which are left to the running bot. */
  readonly recent: number;
  readonly people: number;
  readonly payments: number;
  readonly refunds: number;
  /** What other programs sold with this token. */
  readonly foreign: number;
  readonly access: {
    /** People who have access today by all that is in the books then. */
    readonly now: number;
    readonly forEver: number;
    /** The last end of those that have one, ISO time; null: there is none. */
    readonly until: string | null;
  };
}

/** Arrivals in one round trip. */
const batch = 200;

/**
 * Takes over what a bot sold before this installation: reads the whole of Telegram's list, and puts each payment and refund
 * that no book has into the inbox of its person, who hears nothing of it. The bot books them, now or when it starts. It may be cut off
 * anywhere and begun anew: a payment is booked once.
 * @throws what the client throws for a fault that does not pass
 */
export async function adoptPayments(
  redis: Redis,
  where: { readonly prefix: string; readonly shards: number },
  call: Perform,
  clock: Clock,
  options: AdoptOptions,
): Promise<void> {
  const store = openRedisStore(redis, where);
  const ledger = new Ledger(store);
  const progress = createProgress();
  const reading = await readList(patient(call, clock), ledger, {
    from: 0,
    now: clock.now(),
    read: (position) => progress(`${position} transactions read`),
  });
  const entries = reading.missing.map((listed) => entryOf(listed, options));
  const adoption = summaryOf(entries, await ledger.entries(), reading, clock.now());
  if (options.dryRun !== true) {
    // While refunds come first, nobody is taken for a member who lost access and got it again.
    const ordered = entries.sort(
      (a, b) => Number(a.direction === 'in') - Number(b.direction === 'in') || a.at - b.at,
    );
    for (let done = 0; done < ordered.length; done += batch) {
      const some = ordered.slice(done, done + batch);
      await store.appendArrivals(
        some.map((entry) => arrivalByHand({ ...options.facts, type: 'access.adopted' }, entry)),
      );
      progress(`${done + some.length} of ${ordered.length} taken over`);
    }
    await new History(store).noteAdopted(reading.position);
  }
  progress('');
  if (options.json === true) console.log(JSON.stringify(adoption));
  else print(adoption, options);
}

/** The line of the book. */
function entryOf(
  { charge, direction, user, payload, amount, at, month, commission }: Listed,
  options: AdoptOptions,
): Payment {
  const isOurs = isSoldHere(payload, options);
  const { until, first } = month ?? {};
  const bought = until === undefined ? boughtBy({ payload }) : { until, ...(first === true && { first }) };
  return {
    charge,
    direction,
    chat: user.id,
    payload,
    currency: 'XTR',
    amount,
    at,
    ...(isOurs ? direction === 'in' && { bought } : { foreign: true }),
    adopted: true,
    ...(commission !== undefined && { commission }),
  };
}

/** An earlier release did not sign; its payloads are `<product>:<version>:<days>:<name>`. */
function isSoldHere(payload: string, { product, includeUnsigned, isSigned }: AdoptOptions): boolean {
  if (isSigned(payload)) return true;
  const id = /^([^:]+):[0-9a-f]{8}:\d{1,5}:./.exec(payload)?.[1];
  return id !== undefined && (id === product || includeUnsigned === true);
}

function summaryOf(
  adopted: readonly Payment[],
  kept: readonly Entry[],
  { position, recent }: { readonly position: number; readonly recent: number },
  now: number,
): Adoption {
  const books = booksOf([...kept, ...adopted]);
  const having = [...books.values()].map((book) => accessOf(book, now)).filter(({ has }) => has);
  const ends = having.flatMap(({ until }) => until ?? []);
  const taken = adopted.filter(({ foreign }) => foreign !== true);
  const countOf = (direction: Payment['direction']) =>
    taken.filter((entry) => entry.direction === direction).length;
  return {
    read: position,
    recent,
    people: new Set(taken.map(({ chat }) => chat)).size,
    payments: countOf('in'),
    refunds: countOf('out'),
    foreign: adopted.length - taken.length,
    access: {
      now: having.length,
      forEver: having.length - ends.length,
      until:
        ends.length === 0 ? null : new Date(ends.reduce((last, end) => Math.max(last, end))).toISOString(),
    },
  };
}

function print(
  { read, recent, people, payments, refunds, foreign, access }: Adoption,
  options: AdoptOptions,
): void {
  const isDry = options.dryRun === true;
  const line = (count: number, what: string) => console.log(`${String(count).padStart(8)}  ${what}`);
  console.log(paint.bold(isDry ? 'Nothing was changed. To be taken over' : 'Taken over'));
  line(people, 'people');
  line(payments, 'payments');
  line(refunds, 'refunds');
  line(foreign, 'payments and refunds of other programs: booked, and without effect');
  console.log(paint.bold('By all that is in the books then'));
  line(
    access.now,
    access.until === null
      ? 'have access today'
      : `have access today, the last one until ${access.until.slice(0, 10)}`,
  );
  line(access.forEver, 'of them for ever');
  console.log(
    paint.dim(
      `${read} transactions of Telegram's list were read${recent > 0 ? `; ${recent} of the last minute are left to the running bot` : ''}.`,
    ),
  );
  if (isDry) console.log('To do it: turnstile payments adopt');
  else console.log('The bot books them, now or when it starts. Nobody gets a message.');
}
