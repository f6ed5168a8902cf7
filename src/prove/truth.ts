import { renewalGrace } from '#club';
import { month, type Paid, type Person } from './people.ts';

const day = 86_400_000;

interface Term {
  readonly at: number;
  /** ms of time that wait while something else covers; below 0: so much was taken back. */
  readonly credit: number;
  /** It covers up to here. */
  readonly until: number;
}

/**
 * When the time that these terms give is over, ms: what covers goes first, credit after it. Told without the program's own
 * rules, by walking along the line of time.
 */
function endOf(terms: readonly Term[]): number {
  const marks = [...new Set(terms.flatMap(({ at, until }) => [at, until]))].sort((a, b) => a - b);
  let credit = 0;
  let over = Number.NEGATIVE_INFINITY;
  for (const [index, mark] of marks.entries()) {
    for (const term of terms) if (term.at === mark) credit = Math.max(0, credit + term.credit);
    const next = marks[index + 1] ?? Number.POSITIVE_INFINITY;
    if (terms.some(({ at, until }) => at <= mark && until > mark)) {
      if (next === Number.POSITIVE_INFINITY) return next;
      over = next;
      continue;
    }
    const used = Math.min(credit, next - mark);
    if (used > 0) over = mark + used;
    credit -= used;
  }
  return over;
}

/** When access was last taken, ms. */
export const lastRevoke = ({ deeds }: Person): number =>
  Math.max(Number.NEGATIVE_INFINITY, ...deeds.flatMap(({ kind, at }) => (kind === 'revoke' ? [at] : [])));

/** Whether an operator keeps the person out. */
export const isShut = ({ deeds }: Person): boolean =>
  deeds.findLast(({ kind }) => kind === 'block' || kind === 'unblock')?.kind === 'block';

const termOf = ({ at, days, kind, until = at }: Paid): Term =>
  kind === 'days'
    ? { at, credit: days * day, until: at }
    : { at, credit: 0, until: kind === 'forever' ? Number.POSITIVE_INFINITY : until };

function grants({ deeds }: Person, since: number): Term[] {
  return deeds
    .filter(({ kind, at }) => kind === 'grant' && at > since)
    .map(({ at, days }) => ({
      at,
      credit: (days ?? 0) * day,
      until: days === undefined ? Number.POSITIVE_INFINITY : at,
    }));
}

/** Access lasts at least until then: by what is surely paid for, known to the bot, and not given back. */
export function leastEnd(person: Person): number {
  if (isShut(person)) return Number.NEGATIVE_INFINITY;
  const since = lastRevoke(person);
  // While the bot does not know of another one, a month may look like one of two subscriptions.
  const isClear = isAllKnown(person);
  // A subscription that began as one too many is the operator's to decide about.
  const isBeside = (first: string | undefined) =>
    person.payments.some(({ charge, extra }) => charge === first && extra !== undefined);
  const counts = person.payments.filter(
    ({ at, known, refunded, extra, kind, first, promised, asked }) =>
      at > since &&
      // What is owed gives nothing; what an operator gives back gives access until it went.
      (promised !== true || asked === 'owe') &&
      known !== undefined &&
      refunded === undefined &&
      extra === undefined &&
      kind !== 'foreign' &&
      (isClear || kind !== 'month') &&
      !isBeside(first),
  );
  const counted = person.payments.flatMap(({ counted: at, refunded, days }): Term[] =>
    at === undefined || at <= since || refunded !== undefined
      ? []
      : [{ at, credit: days > 0 ? days * day : month, until: at }],
  );
  return endOf([...counts.map(termOf), ...counted, ...grants(person, since)]);
}

/** Access lasts at most until then: as if nothing that was paid overlapped, and what went back had stood still till then. */
export function mostEnd(person: Person): number {
  if (isShut(person)) return Number.NEGATIVE_INFINITY;
  const since = lastRevoke(person);
  const terms = person.payments
    .filter(({ kind, at, counted = at }) => kind !== 'foreign' && Math.max(at, counted) > since)
    .flatMap((paid): Term[] => {
      const { at, refunded, refundKnown, extra, kind, until = at, days } = paid;
      if (paid.known === undefined) return [];
      // Too many beside a payment that the bot does not know of: then it counts.
      const isClear = extra !== undefined && isAllKnown(person);
      const from = paid.counted ?? (isClear ? readmitted(person, paid) : at);
      if (from === null) return [];
      if (refunded !== undefined && refundKnown === true) return [{ at, credit: 0, until: refunded }];
      if (kind === 'forever') return [{ at: from, credit: 0, until: Number.POSITIVE_INFINITY }];
      return [{ at: from, credit: kind === 'days' ? days * day : until - at, until: from }];
    });
  const given = grants(person, since).filter(({ credit }) => credit >= 0);
  return endOf([...terms, ...given]);
}

/** Whether the bot knows of every payment. */
export const isAllKnown = ({ payments }: Person): boolean =>
  payments.every(({ known }) => known !== undefined);

/** From when a payment too many may count after all: something that stood in its way is gone, or an operator counted it. */
export function readmitted(person: Person, { at, counted, extra, payload, first }: Paid): number | null {
  if (counted !== undefined) return counted;
  const gone = person.payments.flatMap(({ refunded, payload: other }) =>
    refunded !== undefined && refunded >= at && (extra === 'beside' || other === payload) ? [refunded] : [],
  );
  if (extra === 'beside') {
    for (const { state, first: other } of person.subscriptions)
      if (state !== 'active' && other !== first) gone.push(at);
    for (const { kind, at: time } of person.deeds) if (kind === 'revoke' && time >= at) gone.push(time);
  }
  // What it doubles keeps its own date.
  return gone.length === 0 ? null : extra === 'double' ? at : Math.min(...gone);
}
/** A subscription that its person would go on paying for nothing, or that an operator or a refund has ended. */
export function mustBeOff(person: Person, own: readonly Paid[], now: number): boolean {
  const since = lastRevoke(person);
  const [first] = own;
  const last = own.at(-1);
  if (first === undefined || last === undefined) return false;
  const isBeside = first.extra === 'beside' && readmitted(person, first) === null && isAllKnown(person);
  const isTaken = last.refundKnown === true && (last.until ?? 0) > now;
  const hasForEver =
    person.deeds.some(({ kind, days, at }) => kind === 'grant' && days === undefined && at > since) ||
    person.payments.some(
      ({ kind, refunded, known, at, extra }) =>
        kind === 'forever' &&
        refunded === undefined &&
        known !== undefined &&
        at > since &&
        extra === undefined,
    );
  return isShut(person) || isBeside || isTaken || hasForEver || last.at <= since;
}

/** What a payment would be too many for, as things really are. */
export function extraOf(person: Person, invoice: Person['invoices'][number], now: number): Paid['extra'] {
  const since = Math.max(
    Number.NEGATIVE_INFINITY,
    ...person.deeds.flatMap(({ kind, at }) => (kind === 'revoke' ? [at] : [])),
  );
  const valid = person.payments.filter(({ refunded, at }) => refunded === undefined && at > since);
  const { kind, payload } = invoice;
  if (
    kind !== 'month' &&
    person.payments.some((one) => one.payload === payload && one.refunded === undefined)
  )
    return 'double';
  const isForEver =
    valid.some((one) => one.kind === 'forever' && one.extra === undefined) ||
    person.deeds.some((one) => one.kind === 'grant' && one.days === undefined && one.at > since);
  if (isForEver) return 'beside';
  const goesOn = person.subscriptions.some(
    ({ state, first, until }) =>
      state === 'active' &&
      until + renewalGrace > now &&
      valid.some((one) => one.first === first && one.extra === undefined),
  );
  return kind === 'month' && goesOn ? 'beside' : undefined;
}
