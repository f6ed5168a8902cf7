import type { Logger } from 'pino';
import type { Clock, Effect } from '#runtime';
import { type ToOperators, tellOperators } from '../support/tell.ts';
import type { StrangerList } from './stranger-list.ts';

export interface StrangersOptions extends ToOperators {
  /** Where they are kept until the operators are told. */
  readonly list: StrangerList;
  /** One copy tells. */
  readonly mayTell: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The strangers of this time make one message, ms. */
const gathering = 60_000;
/** Names in one message. */
const mostNames = 20;

/** Tells the operators who came into the club without access: one message a minute at most, with their number and names. */
export class Strangers {
  readonly #options: StrangersOptions;
  #cancel: () => void = () => {};
  #telling: Promise<void> = Promise.resolve();
  #active = true;

  constructor(options: StrangersOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** A stranger came in. */
  async note({ chat, event = {} }: Effect): Promise<void> {
    const { name = '', username } = event as { name?: string; username?: string };
    const shown = username === undefined ? name : `${name} @${username}`.trim();
    await this.#options.list.add({ chat, name: shown, isRemoved: event['strangers'] === 'remove' });
  }

  /** Resolves when nothing is being told. */
  async stop(): Promise<void> {
    this.#active = false;
    this.#cancel();
    await this.#telling;
  }

  #schedule(): void {
    const { clock, log } = this.#options;
    if (!this.#active) return;
    this.#cancel = clock.at(clock.now() + gathering, () => {
      this.#telling = this.#tell()
        .catch((error: unknown) => log.warn({ err: error }, 'telling of strangers failed; trying again'))
        .finally(() => this.#schedule());
    });
  }

  async #tell(): Promise<void> {
    const { list, mayTell, clock, log } = this.#options;
    if (!mayTell()) return;
    const strangers = await list.list();
    if (strangers.length === 0) return;
    const names = strangers.slice(0, mostNames).map(({ chat, name }) => `${name} (${chat})`.trim());
    const people = [...names, ...(strangers.length > mostNames ? ['…'] : [])].join('\n');
    const removed = strangers.filter(({ isRemoved }) => isRemoved).length;
    log.info({ count: strangers.length, removed }, 'people came into the club without access');
    await tellOperators(this.#options, {
      id: `strangers.${clock.now()}`,
      params: { message: 'operator_strangers', count: strangers.length, removed, people },
      event: { type: 'strangers.came' },
    });
    await list.drop(strangers);
  }
}
