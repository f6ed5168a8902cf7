import { doomed, waningTime } from './recorder.machine.ts';

/** A session's record from its beginning to a moment. */
export interface Life {
  readonly record: readonly string[];
  /** When each entry was applied, ms by the clock of the copy that did it. */
  readonly times: readonly number[];
}

/** What the outside saw of a chat with the recorder. Real times are ms of the machine's clock. */
export interface Evidence extends Life {
  readonly chat: number;
  /** What the person wrote, as the record shows it: `note 7`. `virtual` is not later than any bot's clock at that time. */
  readonly said: readonly { readonly what: string; readonly real: number; readonly virtual: number }[];
  /** What the bot wrote. `virtual` is not earlier than any bot's clock at that time. */
  readonly shown: readonly { readonly text: string; readonly real: number; readonly virtual: number }[];
  /** Times in which the person had blocked the bot; `said` of them: how many messages they had written before. */
  readonly blocked: readonly { readonly from: number; readonly to: number; readonly said: number }[];
  /** Calls for this chat that Telegram took and whose answer was lost. */
  readonly lostAnswers: readonly number[];
  /** When a call for this chat was told to hang: Telegram takes it much later, whatever became of who made it. */
  readonly hungSends: readonly number[];
  /**
   * The session as it stood when it was left alone so that it ends, oldest first; `until`: no bot may end it before, ms by
   * its clock. It may have gone on after all.
   */
  readonly past: readonly (Life & { readonly until: number })[];
  /** Things of this chat that were given up and put back, since its session could not be read for a while. */
  readonly revived: number;
  /**
   * What was in hand each time when copies died one after another, and so was given up and put back in the end: `note 7`,
   * `ring`. It is applied out of order.
   */
  readonly suspected: readonly string[];
  readonly state: string | undefined;
}

/** When a copy of the bot could not note what it had sent. Real times. */
export interface Ends {
  readonly kills: readonly number[];
  /** Stopped in order: what hangs longer than a stop has time is left. */
  readonly stops: readonly number[];
  /** Kills of Redis, which may lose what it answered just before. */
  readonly redisKills: readonly number[];
  /** Stopped while another copy lived, which may have taken it for dead. */
  readonly pauses: readonly { readonly from: number; readonly to: number }[];
  /** Times in which no copy reached Redis: the first that does may take the others for dead. */
  readonly outages: readonly { readonly from: number; readonly to: number }[];
}

/** Ways in which a message may come twice. */
export type Window =
  | 'a crash'
  | 'a lost answer'
  | 'a kill of Redis'
  | 'a pause'
  | 'Redis was out of reach'
  | 'a send that hung';

export const noDuplicates: Readonly<Record<Window, number>> = {
  'a crash': 0,
  'a lost answer': 0,
  'a kill of Redis': 0,
  'a pause': 0,
  'Redis was out of reach': 0,
  'a send that hung': 0,
};

export interface Verdict {
  /** In plain words; none when every guarantee was kept. */
  readonly violations: readonly string[];
  readonly losses: number;
  readonly duplicates: Readonly<Record<Window, number>>;
}

/** ms after arming. The same as in the recorder. */
const delays = { ring: 60_000, again: 180_000 } as const;
/** The clocks of two copies are at most this far apart, ms. */
export const clockSpread = 60_000;
/** Two processes may read the machine's clock this far apart, ms. */
const reading = 20;
/** A request that a process sent just before its end may be taken just after it, ms. */
const inFlight = 1_000;
/** Redis puts off its writes for no longer than this, ms (flushAppendOnlyFile in its aof.c). */
const longestPutOff = 2_000;
/** A copy acts for so long after it was heard of last, ms, and others take its place no sooner; it is heard of twice a second. */
const lease = 3_000;
const beat = 500;
/** The longest that a call hangs, ms, with the time until it is made. */
const longestHang = 60_000;
/** A person hears no more often that something broke, ms. */
const sorryPeriod = 3_600_000;

const numberOf = (what: string): string => what.split(' ')[1] ?? '';
const kindOf = (what: string): string => what.split(' ')[0] ?? '';

/** How a message begins that says that an update was given up. */
export const apology = 'Something went wrong';
const isApology = ({ text }: { text: string }) => text.startsWith(apology);

/** Whether what a person said can only be given up. */
export const isDoomed = (what: string): boolean => (doomed as readonly string[]).includes(kindOf(what));

/** The messages that an entry of the record brings, in order. */
export function messagesOf(what: string): string[] {
  const number = numberOf(what);
  const texts: Record<string, string[]> = {
    note: [`noted ${number}`],
    arm: [`armed ${number}`, `set ${number}`],
    disarm: [`disarmed ${number}`],
    ask: [`asked ${number}`],
    answer: ['answered'],
    wane: [`waning ${number}`],
    ring: ['rang'],
    again: ['rang again'],
  };
  return texts[kindOf(what)] ?? [`nothing that "${what}" could bring`];
}

/** Compares the stored record and the chat with what was said. Pure. */
export function checkChat(seen: Evidence, ends: Ends): Verdict {
  const violations: string[] = [];
  const lives = livesOf(seen, violations);
  const record = lives.flatMap((life) => life.record);
  const accepted = seen.said.filter(({ what }) => !isDoomed(what));
  checkUpdates(seen, accepted, record, violations);
  for (const life of lives) checkVisits(seen, life, violations);
  if (seen.state !== undefined && ['asking', 'armed', 'waning'].includes(seen.state))
    violations.push(
      `after everything was due, the state is still "${seen.state}" (last: "${seen.record.at(-1)}")`,
    );
  checkClocks(seen, lives, violations);
  checkApologies(seen, ends, violations);
  const { duplicates, losses } = checkMessages(seen, record, ends, violations);
  const lostUpdates = accepted.filter(({ what }) => !record.includes(what)).length;
  return { violations, duplicates, losses: losses + lostUpdates };
}

/** The records of a chat's sessions, one after another. A session that was left alone may not have ended. */
function livesOf({ past, record, times }: Evidence, violations: string[]): Life[] {
  const lives: Life[] = [];
  for (const [index, life] of past.entries()) {
    const next = past[index + 1] ?? { record, times };
    const goesOn =
      next.record.length >= life.record.length &&
      life.record.every((what, at) => next.record[at] === what && next.times[at] === life.times[at]);
    if (goesOn) continue;
    lives.push(life);
    const early = life.until - clockSpread - (next.times[0] ?? Number.POSITIVE_INFINITY);
    if (early > reading) violations.push(`a session ended ${early} ms early, before "${next.record[0]}"`);
  }
  return [...lives, { record, times }];
}

const isSaid = (what: string): boolean => ['note', 'arm', 'disarm', 'ask', 'wane'].includes(kindOf(what));

/** Each update once, in the order in which it was said. */
function checkUpdates(
  { suspected }: Evidence,
  accepted: Evidence['said'],
  record: readonly string[],
  violations: string[],
): void {
  const said = accepted.filter(({ what }) => !suspected.includes(what));
  const all = record.filter((what) => isSaid(what) || isDoomed(what));
  const applied = all.filter((what) => !suspected.includes(what));
  for (const what of suspected.filter(isSaid)) {
    const count = all.filter((one) => one === what).length;
    if (count !== 1) violations.push(`"${what}" was put back, and applied ${count} times`);
  }
  const at = said.findIndex(({ what }, index) => applied[index] !== what);
  const index = at === -1 && applied.length > said.length ? said.length : at;
  if (index === -1) return;
  violations.push(
    `update ${index + 1}: "${said[index]?.what ?? 'nothing'}" was said, "${applied[index] ?? 'nothing'}" was applied`,
  );
}

/** Timers fire only in the visit that set them, in order and never early; every question gets one answer. */
function checkVisits(
  { blocked, said, suspected }: Evidence,
  { record, times }: Life,
  violations: string[],
): void {
  let visit = '';
  let last = '';
  let armed = 0;
  for (const [index, what] of record.entries()) {
    const kind = kindOf(what);
    if (kind === 'note') continue;
    const before: Record<string, string> = { ring: 'arm', again: 'ring', answer: 'ask' };
    const cause = before[kind];
    const set = said.findIndex((one) => one.what === `arm ${visit}`);
    // The timers of a person who blocked the bot start anew at the return.
    const mayRepeat = kind === 'ring' && last === what && blocked.some((block) => block.said > set);
    const mayLack = kind === 'again' && last === `arm ${visit}` && suspected.includes('ring');
    if (cause === undefined) visit = numberOf(what);
    else if ((last !== `${cause} ${visit}` && !mayRepeat && !mayLack) || numberOf(what) !== visit)
      violations.push(`"${what}" was applied after "${last}"`);
    const time = times[index] ?? Number.NaN;
    if (kind === 'arm') armed = time;
    // The clock of the copy that fired it must have reached what the clock of the copy that set it said.
    if ((kind === 'ring' || kind === 'again') && !(time >= armed + delays[kind]))
      violations.push(`"${what}" fired ${armed + delays[kind] - time} ms early`);
    last = what;
  }
}

/** No copy counts by another time than its own: nothing is applied before it was said, or after it was shown. */
function checkClocks({ said, shown }: Evidence, lives: readonly Life[], violations: string[]): void {
  const saidAt = new Map(said.map(({ what, virtual }) => [what, virtual]));
  const shownAt = new Map<string, number>();
  for (const { text, virtual } of shown) if (!shownAt.has(text)) shownAt.set(text, virtual);
  for (const { record, times } of lives) {
    for (const [index, what] of record.entries()) {
      const time = times[index] ?? Number.NaN;
      const early = (saidAt.get(what) ?? Number.NEGATIVE_INFINITY) - time;
      if (early > reading) violations.push(`"${what}" was applied ${early} ms before it was said`);
      const [text = ''] = isSaid(what) ? messagesOf(what) : [];
      const late = time - (shownAt.get(text) ?? Number.POSITIVE_INFINITY);
      if (late > reading) violations.push(`"${what}" was applied ${late} ms after it was answered`);
    }
  }
}

/** Whoever's update was given up hears so, and not for each. */
function checkApologies(
  { said, shown, blocked, revived, suspected }: Evidence,
  ends: Ends,
  violations: string[],
): void {
  const lost = said.filter(({ what }) => isDoomed(what));
  const told = shown.filter(isApology);
  const [first] = lost;
  if (told.length > 0 && lost.length + revived + suspected.length === 0)
    violations.push('an apology for nothing');
  // A crash between the asking whether it may be said and the saying leaves it unsaid.
  const isDisturbed = first !== undefined && isNearEnd(first.real, ends);
  if (first !== undefined && told.length === 0 && blocked.length === 0 && !isDisturbed)
    violations.push(`"${first.what}" was given up, and the person did not hear of it`);
  const [from = 0, to = from] = [said[0]?.virtual, told.at(-1)?.virtual];
  const allowed = 1 + Math.floor((to - from) / (sorryPeriod - clockSpread));
  const repeated = told.filter(
    (one, index) => index > 0 && windowOf((told[index - 1] as typeof one).real, one.real, ends, []) !== null,
  ).length;
  if (told.length - repeated > allowed)
    violations.push(`${told.length} apologies in ${to - from} ms, where ${allowed} were expected`);
}

const isNearEnd = (real: number, { kills, stops, redisKills, pauses, outages }: Ends): boolean => {
  const [from, to] = [real - inFlight, real + 5_000];
  return (
    [...kills, ...stops, ...redisKills].some((at) => at >= from && at <= to) ||
    [...pauses, ...outages].some((time) => time.from <= to && time.to >= from)
  );
};

/** Every message in order, at least once; twice only in the windows that are known. */
function checkMessages(
  { shown: all, said, blocked, lostAnswers, hungSends }: Evidence,
  record: readonly string[],
  ends: Ends,
  violations: string[],
): Pick<Verdict, 'duplicates' | 'losses'> {
  const shown = all.filter((message) => !isApology(message));
  const expected = record.flatMap((what) => messagesOf(what).map((text) => ({ text, what })));
  const duplicates = { ...noDuplicates };
  const answersLeft = [...lostAnswers];
  const hangsLeft = [...hungSends];
  const isRepeated = (index: number) =>
    windowOf(shown[index - 1]?.real ?? 0, shown[index]?.real ?? 0, ends, [...answersLeft]) !== null;
  let next = 0;
  let losses = 0;
  for (const [index, message] of shown.entries()) {
    const skipped = next + skippedByBlock(expected.slice(next), message, blocked, said);
    const due = expected[skipped];
    // Messages of timers bear no number: what a block may have dropped is passed over only where nothing else explains it.
    const isOneMore = skipped > next && message.text === expected[next - 1]?.text;
    if (due?.text === message.text && !(isOneMore && isRepeated(index))) {
      next = skipped + 1;
    } else if (expected.slice(0, next).some(({ text }) => text === message.text)) {
      const earlier = shown.slice(0, index).findLast(({ text }) => text === message.text) ?? message;
      // A copy that was paused may still send what was in its hand, when another has long gone on, and a call that hung
      // is taken when it is. Nothing else explains a repetition out of order, whatever happened beside it.
      const inOrder = message.text === expected[next - 1]?.text;
      const usual = windowOf(earlier.real, message.real, ends, inOrder ? answersLeft : []);
      const isLate = isPaused(earlier.real, message.real, ends);
      const window =
        inOrder && usual !== null
          ? usual
          : isLate
            ? 'a pause'
            : wasHung(message.real, ends, hangsLeft)
              ? 'a send that hung'
              : null;
      if (window !== null) duplicates[window]++;
      else if (inOrder || usual === null)
        violations.push(`"${message.text}" came twice, and nothing explains it`);
      else violations.push(`"${message.text}" came again where "${due?.text}" was due`);
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
  // Sent while the lease still held, not noted, and sent again by a copy that found Redis first.
  const isCutOff = ({ from, to }: { from: number; to: number }) =>
    to - from >= lease - beat - inFlight &&
    first >= from - inFlight &&
    first <= from + lease + inFlight &&
    second >= from + lease - beat - inFlight;
  if (ends.outages.some(isCutOff)) return 'Redis was out of reach';
  return isPaused(first, second, ends) ? 'a pause' : null;
}

const isPaused = (first: number, second: number, { pauses }: Ends): boolean =>
  pauses.some(({ from, to }) => first <= to + inFlight && second >= from);

/** A call that hung is taken in the end, though its maker was gone, or had lost the chat, and another has sent it. */
function wasHung(at: number, ends: Ends, hangsLeft: number[]): boolean {
  const { kills, stops, redisKills, pauses, outages } = ends;
  const times = [...kills, ...stops, ...redisKills, ...[...pauses, ...outages].map(({ from }) => from)];
  const hung = hangsLeft.findIndex(
    (from) => at >= from && at <= from + longestHang && times.some((time) => time >= from && time <= at),
  );
  if (hung === -1) return false;
  hangsLeft.splice(hung, 1);
  return true;
}

/** The ledger has every payment and refund once, and access is there exactly while payments exceed refunds. */
export function checkBuyer(
  stored: {
    readonly sessions: readonly { machine: string; state: string }[];
    readonly payments: readonly { charge: string; direction: 'in' | 'out' }[];
    readonly access?: { readonly has: boolean };
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
  const due = paid.length - refunded.length;
  const has = stored.access?.has === true;
  if (has !== due > 0) violations.push(`${due} payments more than refunds, and the book says ${has}`);
  const hasAccess = session !== undefined && ['paid', 'topic_selected'].includes(session.state);
  if (hasAccess !== due > 0)
    violations.push(`${due} payments more than refunds, and the state is "${session?.state}"`);
  return violations;
}

/** What of a dead letter tells which update it was: `guard 7`. */
export const whatOf = ({ body }: { readonly body: unknown }): string => {
  const { type = '', payload = '' } =
    (body as { event?: { type?: string; payload?: string } } | null)?.event ?? {};
  return `${type.split('.')[0]} ${payload}`;
};

/** Copies that die in a row with the same thing in hand before it is given up. */
const deadlyDeaths = 3;
/** In this time, ms. */
const deadlyTime = 60_000;

/** Whether a dead letter is one that is taken for what ends the process, and processes did end. @param at real time */
export const isSuspected = (
  letter: { readonly error: string },
  at: number,
  deaths: readonly number[],
): boolean =>
  letter.error.includes('times in a row while this was handled') &&
  deaths.filter((death) => death <= at + inFlight && death >= at - deadlyTime).length >= deadlyDeaths;

/** What can only be given up became one dead letter each; nothing else was. */
export function checkDeadLetters(
  letters: readonly { readonly chat?: number; readonly body: unknown }[],
  ordered: readonly { readonly chat: number; readonly what: string }[],
): string[] {
  const left = [...letters];
  const violations: string[] = [];
  for (const { chat, what } of ordered) {
    const found = left.findIndex((letter) => letter.chat === chat && whatOf(letter) === what);
    if (found === -1) violations.push(`"${what}" of chat ${chat} is not among the dead letters`);
    else left.splice(found, 1);
  }
  return [
    ...violations,
    ...left.map((letter) => `a dead letter that nothing explains: ${JSON.stringify(letter)}`),
  ];
}

/** When a session that has just become silent may end at the earliest, ms by the clock of the copy that ends it. */
export const waningUntil = ({ times }: Life): number => (times.at(-1) ?? 0) + waningTime;
