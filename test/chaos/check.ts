/** What the outside saw of a chat with the recorder. Real times are ms of the machine's clock. */
export interface Evidence {
  readonly chat: number;
  /** What the person wrote, as the record shows it: `note 7`. `virtual` is not later than any bot's clock at that time. */
  readonly said: readonly { readonly what: string; readonly real: number; readonly virtual: number }[];
  /** What the bot wrote. `virtual` is not earlier than any bot's clock at that time. */
  readonly shown: readonly { readonly text: string; readonly real: number; readonly virtual: number }[];
  /** Times in which the person had blocked the bot; `said` of them: how many messages they had written before. */
  readonly blocked: readonly { readonly from: number; readonly to: number; readonly said: number }[];
  /** Calls for this chat that Telegram took and whose answer was lost. */
  readonly lostAnswers: readonly number[];
  /** From the stored session. */
  readonly record: readonly string[];
  readonly state: string | undefined;
}

/** When a copy of the bot could not note what it had sent. Real times. */
export interface Ends {
  readonly kills: readonly number[];
  /** Kills of Redis, which may lose what it answered just before. */
  readonly redisKills: readonly number[];
  /** Stopped while another copy lived, which may have taken it for dead. */
  readonly pauses: readonly { readonly from: number; readonly to: number }[];
}

/** Ways in which a message may come twice. */
export type Window = 'a crash' | 'a lost answer' | 'a kill of Redis' | 'a pause';

export const noDuplicates: Readonly<Record<Window, number>> = {
  'a crash': 0,
  'a lost answer': 0,
  'a kill of Redis': 0,
  'a pause': 0,
};

export interface Verdict {
  /** In plain words; none when every guarantee was kept. */
  readonly violations: readonly string[];
  readonly losses: number;
  readonly duplicates: Readonly<Record<Window, number>>;
}

/** ms after arming. The same as in the recorder. */
const delays = { ring: 60_000, again: 180_000 } as const;
/** Two processes may read the machine's clock this far apart, ms. */
const reading = 20;
/** A request that a process sent just before its end may be taken just after it, ms. */
const inFlight = 1_000;
/** Redis puts off its writes for no longer than this, ms (flushAppendOnlyFile in its aof.c). */
const longestPutOff = 2_000;

const numberOf = (what: string): string => what.split(' ')[1] ?? '';
const kindOf = (what: string): string => what.split(' ')[0] ?? '';

/** The messages that an entry of the record brings, in order. */
export function messagesOf(what: string): string[] {
  const number = numberOf(what);
  const texts: Record<string, string[]> = {
    note: [`noted ${number}`],
    arm: [`armed ${number}`, `set ${number}`],
    disarm: [`disarmed ${number}`],
    ask: [`asked ${number}`],
    answer: ['answered'],
    ring: ['rang'],
    again: ['rang again'],
  };
  return texts[kindOf(what)] ?? [`nothing that "${what}" could bring`];
}

/** Holds the stored record and the chat against what was said. Pure. */
export function checkChat(seen: Evidence, ends: Ends): Verdict {
  const violations: string[] = [];
  checkUpdates(seen, violations);
  checkVisits(seen, violations);
  const { duplicates, losses } = checkMessages(seen, ends, violations);
  return { violations, duplicates, losses: losses + lostUpdates(seen) };
}

const isSaid = (what: string): boolean => ['note', 'arm', 'disarm', 'ask'].includes(kindOf(what));

const lostUpdates = ({ said, record }: Evidence): number =>
  said.filter(({ what }) => !record.includes(what)).length;

/** Each update once, in the order in which it was said. */
function checkUpdates({ said, record }: Evidence, violations: string[]): void {
  const applied = record.filter(isSaid);
  const at = said.findIndex(({ what }, index) => applied[index] !== what);
  const index = at === -1 && applied.length > said.length ? said.length : at;
  if (index === -1) return;
  violations.push(
    `update ${index + 1}: "${said[index]?.what ?? 'nothing'}" was said, "${applied[index] ?? 'nothing'}" was applied`,
  );
}

/** Timers fire only in the visit that set them, in order; none is lost; every question gets one answer. */
function checkVisits({ record, state, blocked, said }: Evidence, violations: string[]): void {
  let visit = '';
  let last = '';
  for (const what of record.filter((one) => kindOf(one) !== 'note')) {
    const before: Record<string, string> = { ring: 'arm', again: 'ring', answer: 'ask' };
    const cause = before[kindOf(what)];
    const set = said.findIndex((one) => one.what === `arm ${visit}`);
    // The timers of a person who blocked the bot start anew at the return.
    const mayRepeat = kindOf(what) === 'ring' && last === what && blocked.some((block) => block.said > set);
    if (cause === undefined) visit = numberOf(what);
    else if ((last !== `${cause} ${visit}` && !mayRepeat) || numberOf(what) !== visit)
      violations.push(`"${what}" was applied after "${last}"`);
    last = what;
  }
  if (state === 'asking' || state === 'armed')
    violations.push(`after everything was due, the state is still "${state}" (last: "${last}")`);
}

/** Every message in order, at least once; twice only in the windows that are known; no timer early. */
function checkMessages(
  { record, shown, said, blocked, lostAnswers }: Evidence,
  ends: Ends,
  violations: string[],
): Pick<Verdict, 'duplicates' | 'losses'> {
  const expected = record.flatMap((what) => messagesOf(what).map((text) => ({ text, what })));
  const duplicates = { ...noDuplicates };
  const answersLeft = [...lostAnswers];
  const saidAt = new Map(said.map(({ what, virtual }) => [what, virtual]));
  let next = 0;
  let losses = 0;
  for (const [index, message] of shown.entries()) {
    const skipped = next + skippedByBlock(expected.slice(next), message, blocked, said);
    const due = expected[skipped];
    if (due?.text === message.text) {
      next = skipped + 1;
      const kind = kindOf(due.what) as keyof typeof delays;
      const set = saidAt.get(`arm ${numberOf(due.what)}`);
      if (kind in delays && set !== undefined && message.virtual < set + delays[kind] - reading)
        violations.push(`"${due.what}" came ${set + delays[kind] - message.virtual} ms early`);
    } else if (expected.slice(0, next).some(({ text }) => text === message.text)) {
      const earlier = shown.slice(0, index).findLast(({ text }) => text === message.text) ?? message;
      // A copy that was paused may still send what was in its hand, when another has long gone on. Nothing else
      // explains a repetition out of order, whatever happened beside it.
      const inOrder = message.text === expected[next - 1]?.text;
      const wasPaused = isPaused(earlier.real, message.real, ends);
      const window =
        !inOrder && wasPaused ? 'a pause' : windowOf(earlier.real, message.real, ends, answersLeft);
      if (window === null) violations.push(`"${message.text}" came twice, and nothing explains it`);
      else if (!inOrder && window !== 'a pause')
        violations.push(`"${message.text}" came again where "${due?.text}" was due`);
      else duplicates[window]++;
    } else {
      violations.push(`"${message.text}" came where "${expected[next]?.text ?? 'nothing'}" was due`);
    }
  }
  const rest = expected.slice(next);
  const mayMiss = skippedByBlock(rest, undefined, blocked, said);
  for (const { text, what } of rest.slice(mayMiss)) {
    losses++;
    violations.push(`"${text}" of "${what}" never came`);
  }
  return { duplicates, losses };
}

/**
 * How many expected messages were dropped since the person had blocked the bot. The bot may hear of it late, when the
 * person is back already; then it drops what was caused before all the same.
 */
function skippedByBlock(
  expected: readonly { text: string; what: string }[],
  message: Evidence['shown'][number] | undefined,
  blocked: Evidence['blocked'],
  said: Evidence['said'],
): number {
  const begun = blocked.filter(({ from }) => message === undefined || from <= message.real);
  const last = Math.max(0, ...begun.map((block) => block.said));
  const position = new Map(said.map(({ what }, index) => [what, index]));
  const isGone = ({ what }: { what: string }) => {
    const cause = ['arm', 'ask', kindOf(what)].map((kind) => position.get(`${kind} ${numberOf(what)}`) ?? -1);
    return Math.max(...cause) < last;
  };
  let skip = 0;
  for (const one of expected) {
    if (one.text === message?.text || !isGone(one)) break;
    skip++;
  }
  return message === undefined || expected[skip]?.text === message.text ? skip : 0;
}

function windowOf(first: number, second: number, ends: Ends, answersLeft: number[]): Window | null {
  if (ends.kills.some((at) => at >= first - inFlight && at <= second)) return 'a crash';
  const lost = answersLeft.findIndex((at) => at <= first);
  if (lost !== -1) {
    answersLeft.splice(lost, 1);
    return 'a lost answer';
  }
  const isLost = (at: number) => first >= at - longestPutOff - inFlight && first <= at && second >= at;
  if (ends.redisKills.some(isLost)) return 'a kill of Redis';
  return isPaused(first, second, ends) ? 'a pause' : null;
}

const isPaused = (first: number, second: number, { pauses }: Ends): boolean =>
  pauses.some(({ from, to }) => first <= to + inFlight && second >= from);

/** The ledger has every payment and refund once, and access is there exactly while payments exceed refunds. */
export function checkBuyer(
  stored: {
    readonly sessions: readonly { machine: string; state: string; context: unknown }[];
    readonly payments: readonly { charge: string; direction: 'in' | 'out' }[];
  },
  paid: readonly string[],
  refunded: readonly string[],
): string[] {
  const violations: string[] = [];
  for (const [direction, made] of [
    ['in', paid],
    ['out', refunded],
  ] as const) {
    const kept = stored.payments.filter((payment) => payment.direction === direction);
    const charges = kept.map(({ charge }) => charge).sort();
    if (charges.join() !== [...made].sort().join())
      violations.push(`ledger, ${direction}: expected ${made.join(', ')}; found ${charges.join(', ')}`);
  }
  const session = stored.sessions.find(({ machine }) => machine === 'access');
  const count = (session?.context as { payments?: number } | undefined)?.payments ?? 0;
  const due = paid.length - refunded.length;
  if (count !== due) violations.push(`expected ${due} payments in the session, found ${count}`);
  const hasAccess = session !== undefined && ['paid', 'topic_selected'].includes(session.state);
  if (hasAccess !== due > 0)
    violations.push(`${due} payments more than refunds, and the state is "${session?.state}"`);
  return violations;
}

/** Nothing that happens in a run of chaos is a reason to give anything up. */
export const checkDeadLetters = (letters: readonly unknown[]): string[] =>
  letters.map((letter) => `a dead letter that nothing explains: ${JSON.stringify(letter)}`);
