import type { Entry } from '#club';
import type { Start } from './counterexample.ts';
import type { Program, World } from './world.ts';

/** A fault that is planted in the program. */
export interface Mutant {
  readonly name: string;
  readonly change: (program: Program) => Program;
  /** Why no sentence can find it. */
  readonly equivalent?: string;
  /** Where the search for it begins, when it shows in long stories alone. Default: at every start. */
  readonly lead?: Lead;
}

export interface Lead {
  readonly start: Start;
  /** Ids of actions. */
  readonly before: readonly string[];
}

type Reading = (book: readonly Entry[], now: number) => readonly Entry[];
type Keeping = (entry: Entry, now: number, book: readonly Entry[]) => Entry;

/** A book is read otherwise than it is kept, or its lines are kept otherwise than they came. */
const booking = (name: string, read: Reading, keep: Keeping): Mutant => ({
  name,
  change: (program) => ({
    ...program,
    account: (book, given) => {
      const { event, now } = given;
      const found = program.account(read(book, now), given);
      if (found.entry === undefined) return found;
      const entry = keep(found.entry, now, book);
      // What the line changes is told by the same reading.
      const { facts } = program.account(read([...book, entry], now), { event, now });
      return { facts: { ...found.facts, access: facts['access'] }, entry };
    },
  }),
});

/** The fold reads another book than the one that is kept. */
export const reading = (name: string, read: Reading): Mutant => booking(name, read, (entry) => entry);

/** A line is kept otherwise than it came. */
export const keeping = (name: string, keep: Keeping): Mutant => booking(name, (book) => book, keep);

/** What the events of a chat are told is changed. */
export const telling = (
  name: string,
  change: (facts: Record<string, unknown>, book: readonly Entry[]) => object,
): Mutant => ({
  name,
  change: (program) => ({
    ...program,
    account: (book, given) => {
      const found = program.account(book, given);
      return { ...found, facts: { ...found.facts, ...change(found.facts, book) } };
    },
  }),
});

/** A call of the Bot API is made otherwise; null: not at all. */
export const calling = (
  name: string,
  change: (
    method: string,
    payload: Readonly<Record<string, unknown>>,
    world: World,
  ) => Readonly<Record<string, unknown>> | null,
): Mutant => ({
  name,
  change: (program) => ({
    ...program,
    call: (method, payload, world) => {
      const changed = change(method, payload, world);
      return changed === null ? true : program.call(method, changed, world);
    },
  }),
});

/** A signal between machines gets lost. */
export const silencing = (name: string, machine: string, event: string): Mutant => ({
  name,
  change: (program) => ({
    ...program,
    drops: (signal) => signal.machine === machine && signal.event.type === event,
  }),
});
