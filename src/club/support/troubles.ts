import type { Logger } from 'pino';
import type { Clock } from '#runtime';
import { type ToOperators, tellOperators } from './tell.ts';
import type { Trouble, TroubleBook } from './trouble-book.ts';

export interface TroublesOptions extends ToOperators {
  /** Where they are kept, for all copies. */
  readonly book: TroubleBook;
  /** One copy repeats. */
  readonly mayTell: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A trouble that goes on is told again after this time, ms. */
const silence = 3_600_000;
/** How often it is looked whether one goes on, ms. */
const interval = 60_000;

/** What the operators hear of each. */
const messages = {
  invoice: 'operator_invoice_refused',
  media: 'operator_media_refused',
  operator: 'operator_unreachable',
  rights: 'operator_rights_lost',
  invites: 'operator_invite_slow',
} as const;

/** What is wrong, and of which where there are several: `operator:900`, `media:welcome`. */
export type TroubleKind = 'invoice' | 'rights' | 'invites' | `media:${string}` | `operator:${number}`;

/**
 * What is wrong for everybody, and an operator can mend: told at once when it begins, each hour with a count while it goes on,
 * and once when it is over.
 */
export class Troubles {
  readonly #options: TroublesOptions;
  /** Kinds that may be open, as far as this copy knows: only their success is worth a look at the store. */
  #open = new Set<string>();
  #cancel: () => void = () => {};
  #looking: Promise<void> = Promise.resolve();
  #active = true;

  constructor(options: TroublesOptions) {
    this.#options = options;
    this.#look();
  }

  /** Telegram has refused something for good. */
  async met(kind: TroubleKind, reason: string): Promise<void> {
    const { book, clock, log } = this.#options;
    this.#open.add(kind);
    if (!(await book.note(kind, reason))) return;
    log.error({ kind, reason }, 'Telegram refuses something that concerns everybody; the operators are told');
    await this.#tell({ kind, reason, count: 1 });
    await book.told({ kind, reason, count: 1 }, clock.now());
  }

  /** The same has worked. */
  async over(kind: TroubleKind): Promise<void> {
    if (!this.#open.delete(kind)) return;
    const ended = await this.#options.book.end(kind);
    if (ended === null) return;
    this.#options.log.info({ kind, count: ended.count }, 'a trouble is over');
    await this.#tell(ended, 'operator_trouble_over');
  }

  /** Whether this copy knows that it goes on. */
  isOpen(kind: TroubleKind): boolean {
    return this.#open.has(kind);
  }

  /** Resolves when nothing is being told. */
  async stop(): Promise<void> {
    this.#active = false;
    this.#cancel();
    await this.#looking;
  }

  #look(): void {
    const { clock, log } = this.#options;
    this.#looking = this.#repeat()
      .catch((error: unknown) => log.warn({ err: error }, 'looking at troubles failed; trying again'))
      .finally(() => {
        if (this.#active) this.#cancel = clock.at(clock.now() + interval, () => this.#look());
      });
  }

  async #repeat(): Promise<void> {
    const { book, mayTell, clock } = this.#options;
    const now = clock.now();
    const troubles = await book.list();
    this.#open = new Set(troubles.map(({ kind }) => kind));
    if (!mayTell()) return;
    for (const trouble of troubles) {
      // One of whom nobody was told: the copy that met it has died before.
      const isDue = trouble.toldCount === 0 || now - trouble.told >= silence;
      if (!isDue || trouble.count <= trouble.toldCount) continue;
      await this.#tell(trouble);
      await book.told(trouble, now);
    }
  }

  async #tell(
    { kind, reason, count }: Pick<Trouble, 'kind' | 'reason' | 'count'>,
    end?: 'operator_trouble_over',
  ): Promise<void> {
    const { operators, post, clock } = this.#options;
    const [trouble = '', which] = kind.split(':');
    const unreachable = trouble === 'operator' ? Number(which) : undefined;
    const message = end ?? messages[trouble as keyof typeof messages];
    // Of an operator who cannot be reached only the others hear.
    const others = operators.filter((operator) => operator !== unreachable);
    await tellOperators(
      { operators: others, post },
      {
        id: `${message}.${kind}.${clock.now()}`,
        params: { message, count },
        event: { type: 'trouble', trouble, error: { message: reason } },
        ...(unreachable !== undefined && { about: unreachable }),
      },
    );
  }
}
